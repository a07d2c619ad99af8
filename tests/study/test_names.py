from __future__ import annotations

import pytest

from lumier_analysis.study import load_plan, project_root
from lumier_analysis.study.names import capital, display_name, display_text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sledai", "SLEDAI"),
        ("anti_dsdna", "anti-dsDNA"),
        ("c3", "C3"),
        ("pga", "PGA"),
        ("plasma_cell", "plasma cell"),
        ("cranial_nerve_disorder", "cranial nerve disorder"),
        ("increased_dna_binding", "increased DNA binding"),
        ("clinical_sledai", "clinical SLEDAI"),
        ("lldas", "LLDAS"),
        ("post_flare", "after flare"),
        ("M1.2", "M1.2"),
        ("IFI44L", "IFI44L"),
        (3, "3"),
    ],
)
def test_a_name_is_read_as_words(name, words):
    assert display_name(name) == words


@pytest.mark.parametrize("study", ["synthetic", "gse65391"])
def test_no_name_of_a_plan_keeps_its_underscores(study):
    plan = load_plan(project_root() / "data" / study / "plan.yml")
    names = [*plan.tables.visits.columns, *plan.tables.patients.columns, *plan.panel.scores, *plan.panel.modules]
    assert [display_name(n) for n in names if "_" in display_name(n)] == []
    for comparator in ("sledai", "anti_dsdna", "c3", "c4"):
        assert display_name(comparator) != comparator


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AUC of sledai, test cohort", "AUC of SLEDAI, test cohort"),
        ("AUC of anti dsdna", "AUC of anti-dsDNA"),
        ("17 of 451 rows without anti_dsdna left out", "17 of 451 rows without anti-dsDNA left out"),
        ("Locked score minus c3.", "Locked score minus C3."),
        ("slope -0.37 (95 % CI -2.86 to 2.12)", "slope −0.37 (95 % CI −2.86 to 2.12)"),
        ("Threshold -0.143: the highest", "Threshold −0.143: the highest"),
    ],
)
def test_a_sentence_names_things_as_people_do(text, shown):
    assert display_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "raw/plate_map.csv",
        "c3.csv",
        "delete-one-patient jackknife",
        "2017-02-15",
        "samples 5-10",
        "the random effects '1 + month'",
        "LC3 and C3a",
        "anti-dsDNA",
    ],
)
def test_paths_hyphens_dates_and_ranges_are_left_alone(text):
    assert display_text(text) == text


def test_a_second_pass_changes_nothing():
    once = display_text("anti_dsdna -1.5 against clinical_sledai")
    assert display_text(once) == once


def test_only_the_first_letter_grows():
    assert (capital("anti-dsDNA"), capital("SLEDAI"), capital("")) == ("Anti-dsDNA", "SLEDAI", "")
