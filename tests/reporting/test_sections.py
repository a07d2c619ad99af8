from __future__ import annotations

from lumier_analysis.reporting.layout import SECTIONS
from lumier_analysis.reporting.pictures import Picture
from lumier_analysis.reporting.sections import build_sections, place_figures


def picture(name):
    return Picture(name, name, name, "data:", 100, 100)


def ids_shown(sections):
    return [row.id for section in sections for table in section.tables for row in table.rows]


def test_every_number_is_shown_once(make_entry, make_results):
    ids = ["validation.primary.auc", "validation.secondary.jackknife", "validation.unscored", "derivation.landmarks",
           "longitudinal.icc", "new.kind.of.number"]  # fmt: skip
    sections = build_sections(make_results(*(make_entry(id) for id in ids)), 5)
    assert sorted(ids_shown(sections)) == sorted(ids)
    assert sections[-1].id == "further", "a number nobody made a place for is not lost"
    assert [row.id for table in sections[-1].tables for row in table.rows] == ["new.kind.of.number"]


def test_a_study_without_numbers_has_its_sections_all_the_same(make_results):
    sections = build_sections(make_results(), 5)
    assert [section.id for section in sections] == [spec.id for spec in SECTIONS]
    assert all(section.empty and section.absent for section in sections)


def test_what_shows_itself_elsewhere_is_not_repeated(make_entry, make_results):
    entries = [make_entry("baseline.test.age.median"), make_entry("signature.threshold", 0.4, kind="number")]
    assert ids_shown(build_sections(make_results(*entries), 5)) == []


def test_each_figure_goes_to_one_section_in_the_sections_order(make_results):
    sections = build_sections(make_results(), 5)
    names = ["calibration", "comparators", "flow", "roc", "sensitivity_test", "sensitivity_validation", "odd"]
    left = place_figures(sections, [picture(name) for name in names])
    placed = {section.id: [figure.name for figure in section.figures] for section in sections if section.figures}
    assert placed == {
        "flow": ["flow"],
        "validation": ["roc", "comparators", "calibration"],
        "sensitivity": ["sensitivity_validation", "sensitivity_test"],
    }
    assert [figure.name for figure in left] == ["odd"]
