"""The report as a file: whole, offline, the same bytes twice, and stopped where it would show too much."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, DisclosureError
from lumier_analysis.estimate import Estimate
from lumier_analysis.figures import flow_diagram, roc_figure, save_figure
from lumier_analysis.reporting import (
    Ledger,
    Variable,
    build_report,
    disclosed_flow,
    ledger_flow,
    read_ledger,
    table_one,
)
from lumier_analysis.reporting.anchors import number_anchor
from lumier_analysis.study.io import sha256_file

VOID = {"meta", "img", "br", "wbr", "hr", "link", "input"}


class Reader(HTMLParser):
    """Collects what a browser would load, the ids, the links, and whether every tag is closed."""

    def __init__(self, html):
        super().__init__()
        self.loaded, self.ids, self.links, self.open, self.tags, self.alts = [], [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.loaded += [attributes[key] for key in ("src", "srcset", "data", "poster") if key in attributes]
        self.loaded += [attributes["href"]] if tag == "link" else []
        self.links += [attributes["href"]] if tag == "a" else []
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.alts += [attributes.get("alt", "")] if tag == "img" else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


FLOW = [
    {"cohort": "test", "level": "patients", "step": "start", "reason": "patients in the export", "n": 152},
    {"cohort": "test", "level": "patients", "step": "excluded", "reason": "pregnant", "n": 3},
    {"cohort": "test", "level": "patients", "step": "end", "reason": "patients analysed", "n": 149},
]


@pytest.fixture
def full(study, ledger, estimate, monkeypatch):
    """A study with a ledger, a Table 1 and two figures."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1577836800")
    ledger_flow(ledger, FLOW)
    ledger.add("validation.primary.auc", estimate, plan_item="primary", label="AUC of the locked score")
    few = Estimate(0.9, 0.1, 0.7, 1.0, n_patients=90, n_rows=90, n_events=2)
    ledger.add("validation.secondary.m0", few, plan_item="secondary_auc", label="Visit M0 <alone>")
    save_figure(flow_diagram(disclosed_flow(FLOW)), study, "flow")
    save_figure(roc_figure([0, 0.4, 1], [0, 0.8, 1], text="AUC 0.66"), study, "roc")
    patients = pd.DataFrame(
        {
            "patient_id": [f"01-{i:03d}" for i in range(149)],
            "cohort": "test",
            "age": [30.0 + i % 40 for i in range(149)],
        }
    )
    study.write("patients", "test", patients)
    table = table_one(patients, [Variable("age", "Age, years")])
    table.add_to(ledger)
    table.to_html(study.reports / "tables" / "table_1.html")
    ledger.save()
    return study


@pytest.fixture
def html(full):
    return build_report(full).read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere(html):
    reader = Reader(html)
    assert len(reader.loaded) == 2 and all(source.startswith("data:image/svg+xml;base64,") for source in reader.loaded)
    assert not {"script", "iframe", "object", "embed", "link", "base"} & set(reader.tags)
    assert all(link.startswith("#") for link in reader.links)
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert not re.search(r"https?://", re.sub(r"data:[^\"]+", "", html))


def test_it_is_well_formed_and_its_contents_lead_somewhere(html):
    reader = Reader(html)
    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert all(reader.alts)


def test_it_opens_with_the_primary_result(html):
    body = html[html.index("<body") :]
    assert body.index("AUC 0.66 (95 % CI 0.55 to 0.76)") < body.index("<nav") < body.index("<table")
    assert "Simulated data: no result on this page is a finding" in body[: body.index("AUC 0.66")]


def test_the_same_study_gives_the_same_bytes(full):
    first = build_report(full).read_bytes()
    assert build_report(full).read_bytes() == first


def test_no_small_number_and_no_markup_from_labels(html):
    visible = re.sub(r"<[^>]+>", " ", html[html.index("<body") :]).replace("&lt;", "<")
    assert "0.900" not in visible and "withheld: fewer than 5 events" in visible
    assert "Visit M0 &lt;alone&gt;" in html and "<alone>" not in html
    assert "Counts from 1 to 4 are shown as <5; [c] marks a number withheld" in visible
    row = html[html.index("Pregnant") :]
    assert re.match(
        r'<td class="number count"><a href="#number-flow\.test\.[\w.]+">&lt;5</a></td>', row[row.index("<td") :]
    )


def test_the_markers_are_explained_beside_the_flow(html):
    section = html[html.index('id="flow"') : html.index('id="quality"')]
    assert "Counts from 1 to 4 are shown as &lt;5" in section


def test_every_assumed_setting_and_the_plan_are_named(html):
    plain = html.replace("<wbr>", "")
    assert "<code>landmarks.cap_days</code>" in plain and "91 + 21" in plain
    assert "Registration" in plain and "NCT02811094" in plain
    assert "2020-01-01" in plain


def test_no_path_of_this_machine(full, html):
    assert str(full.root) not in html


def test_a_study_without_any_result_has_a_report_that_says_so(study):
    html = build_report(study).read_text(encoding="utf-8")
    assert "Not estimable" in html and "neither a validation nor a derivation" in html
    assert "No signature has been locked yet." in html and "Table 1 has not been made yet." in html
    assert "The participant flow has not been computed yet." in html
    assert "Counts from 1 to" not in html, "there is no marker to explain"


def test_without_a_validation_cohort_it_claims_none(study, estimate):
    ledger = Ledger(study, "02_signature_derivation")
    ledger.add("derivation.primary_score.auc", estimate, plan_item="derivation", label="AUC of the score")
    ledger.save()
    html = build_report(study).read_text(encoding="utf-8")
    assert '<p class="line">Internal validation only</p>' in html
    assert "There is no validation result in the ledger" in html


def test_a_near_null_result_reads_calmly(study, ledger):
    near = Estimate(0.527, 0.1, 0.313, 0.732, method="AUC, Obuchowski clustered; logit interval", p_value=0.81,
                    n_patients=28, n_rows=75, n_events=11)  # fmt: skip
    ledger.add("validation.primary.auc", near, plan_item="primary", label="AUC")
    ledger.save()
    html = build_report(study).read_text(encoding="utf-8")
    assert "No discrimination was shown: the interval includes 0.5." in html
    assert "significan" not in html


def test_an_identifier_in_a_label_stops_it_and_leaves_the_old_report(full, ledger):
    before = build_report(full).read_bytes()
    other = Ledger(full, "04_longitudinal_models")
    other.add("longitudinal.odd", 12, plan_item="longitudinal", label="Visits of 01-007")
    other.save()
    with pytest.raises(DisclosureError, match=r"report.html line \d+: a patient or sample identifier"):
        build_report(full)
    assert (full.reports / "report.html").read_bytes() == before


def test_a_patient_level_table_left_under_reports_stops_it(full):
    (full.reports / "tables" / "scores.csv").write_text("patient_id,score\n01-001,0.4\n")
    with pytest.raises(DisclosureError, match=r"scores\.csv"):
        build_report(full)


def test_a_damaged_ledger_stops_it(study, ledger):
    ledger.save().write_text("{")
    with pytest.raises(AnalysisError, match="damaged"):
        build_report(study)


def test_a_figure_without_a_section_is_shown_at_the_end(full):
    save_figure(roc_figure([0, 1], [0, 1], text="x"), full, "odd_one")
    html = build_report(full).read_text(encoding="utf-8")
    assert "Further figures" in html and '<figcaption>Odd one <a class="id" href="#figure-odd_5f_one"' in html


def test_a_count_that_is_missing_is_told(study, ledger):
    ledger.add("quality.odd", Estimate(math.nan, note="not asked"), plan_item="data_quality", label="Odd", kind="count")
    ledger.save()
    assert "not available" in build_report(study).read_text(encoding="utf-8")


def test_every_number_leads_to_its_cell_its_plan_item_and_its_inputs(full, ledger):
    other = Ledger(full, "04_longitudinal_models", inputs=[full.table_path("patients", "test")])
    other.add("longitudinal.slope", 0.25, plan_item="longitudinal", label="Slope")
    other.save()
    html = build_report(full).read_text(encoding="utf-8")
    results = read_ledger(full)
    provenance = html[html.index('<section id="provenance">') :]
    before = html[: html.index('<section id="provenance">')]
    for entry in results.entries():
        if entry.id == "baseline.test.age.missing":
            continue  # Table 1 has a row of the missing only where there are any
        (row,) = re.findall(rf'<tr id="{re.escape(number_anchor(entry.id))}">.*', provenance)
        assert f'href="#plan-{entry.plan_item}"' in row
        assert f'href="#{number_anchor(entry.id)}"' in before, "the report shows the number and leads on from it"
        assert f'<h3 id="ledger-{entry.notebook}">' in provenance
        assert f'<tr id="plan-{entry.plan_item}">' in provenance
    digest = sha256_file(full.table_path("patients", "test"))
    assert f'<td class="hash">{digest}</td>' in provenance[provenance.index("ledger-04_longitudinal_models") :]


def test_a_small_count_is_found_inside_a_link(full):
    page = full.reports / "tables" / "odd.html"
    page.write_text('<table><tr><td class="number count"><a href="#number-x">3</a></td></tr></table>')
    with pytest.raises(DisclosureError, match="a count below 5 in a table cell"):
        build_report(full)
