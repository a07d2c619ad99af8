"""Every number of the tables and every figure of a report leads to its line of the provenance section, and on."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.figures import flow_diagram, roc_figure, save_figure
from lumier_analysis.reporting import (
    Ledger,
    Variable,
    build_report,
    disclosed_flow,
    ledger_flow,
    lint_reports,
    read_ledger,
    table_one,
)
from tests.reporting.linked import Reader, leads_nowhere, number_cells

FLOW = [
    {"cohort": "test", "level": "patients", "step": "start", "reason": "patients in the export", "n": 60},
    {"cohort": "test", "level": "patients", "step": "excluded", "reason": "pregnant", "n": 12},
    {"cohort": "test", "level": "patients", "step": "end", "reason": "patients analysed", "n": 48},
    {"cohort": "validation", "level": "patients", "step": "start", "reason": "patients in the export", "n": 30},
    {"cohort": "validation", "level": "patients", "step": "end", "reason": "patients analysed", "n": 30},
]
CELLS = {
    "01_data_cleaning": {"flow": "save_figure(flow_diagram(shown), figures, 'flow')"},
    "03_locked_validation": {"roc": "save_figure(f, figures, 'roc')", "auc": "ledger.add(id, value, plan_item='a')"},
}


@pytest.fixture
def built(study, ledger, estimate):
    """A study with every kind of table, two figures and the notebooks that drew them; its report."""
    ledger_flow(ledger, FLOW)
    ledger.add("validation.primary.auc", estimate, plan_item="primary", label="AUC of the locked score")
    few = Estimate(0.9, 0.1, 0.7, 1.0, n_patients=90, n_rows=90, n_events=2)
    ledger.add("validation.visit.m0", few, plan_item="secondary_auc", label="Visit M0")
    ledger.add("signature.genes", 12, plan_item="locked_signature", label="Genes", kind="number")
    for rule in ("plan", "recurrent"):
        for column, n in {"patients": 40, "flares": 3}.items():
            id, label = f"sensitivity.counts.{rule}.{column}", f"{rule}: {column}"
            ledger.add(id, n, plan_item="sensitivity", label=label)
    patients = pd.DataFrame(
        {
            "patient_id": [f"P-{i:03d}" for i in range(90)],
            "cohort": ["test"] * 60 + ["validation"] * 30,
            "age": [30.0 + i % 40 for i in range(90)],
            "weight": [50.0 + i % 31 for i in range(88)] + [None, None],
            "sex": ["female"] * 50 + ["male"] * 40,
            "nephritis": [i % 3 == 0 for i in range(90)],
        }
    )
    variables = [
        Variable("age", "Age, years"), Variable("weight", "Weight, kg", "mean"),
        Variable("sex", "Sex", "category"), Variable("nephritis", "Nephritis", "flag"),
    ]  # fmt: skip
    table = table_one(patients, variables)
    table.add_to(ledger)
    table.to_html(study.reports / "tables" / "table_1.html")
    # As the notebook runner leaves them; the ledger of a test has no cell of its own.
    for name, cells in CELLS.items():
        content = [{"cell_type": "code", "id": id, "source": source} for id, source in cells.items()]
        path = study.reports / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"cells": content}))
    saved = json.loads(ledger.save().read_text())
    for entry in saved["entries"]:
        entry["cell"] = "auc"
    ledger.path.write_text(json.dumps(saved))
    save_figure(flow_diagram(disclosed_flow(FLOW)), study, "flow")
    save_figure(roc_figure([0, 0.4, 1], [0, 0.8, 1], text="AUC 0.66"), study, "roc")
    return study


@pytest.fixture
def html(built):
    return build_report(built).read_text(encoding="utf-8")


def test_every_number_of_every_table_and_every_figure_leads_to_its_provenance(html):
    reader = Reader(html)
    assert leads_nowhere(html) == []
    sections = {cell["section"] for cell in number_cells(reader)}
    assert sections == {"flow", "signature", "validation", "sensitivity", "table-one"}
    assert len(reader.figures) == 2 and len(number_cells(reader)) > 30


def test_any_link_and_any_target_that_is_taken_away_is_missed(html):
    end = html.index('<section id="provenance">')
    places = r"<t[dh][^>]*>(?:(?!</t[dh]>).)*</t[dh]>|<figcaption>.*</figcaption>"
    tables = [m.span() for m in re.finditer(places, html)]
    links = [
        (m.start(), m.end(), m[2])
        for m in re.finditer(r'<a (?:class="id" )?href="#(number|figure)-[^>]*>(.*?)</a>', html[:end])
        if any(a <= m.start() < b for a, b in tables)
        # The id beside a number leads where the number does.
        and not (m[1] == "number" and 'class="id"' in m[0])
    ]
    assert len(links) > 40
    for start, stop, text in links:
        assert leads_nowhere(html[:start] + text + html[stop:]), html[start:stop]
    targets = set(re.findall(r'<tr id="((?:number|figure)-[^"]*)"', html[end:]))
    assert len(targets) > 30
    unlinked = {t for t in targets if not leads_nowhere(html.replace(f'id="{t}"', 'id="gone"'))}
    # Numbers of Table 1 that it does not print: the "no" of a flag, and a row without missing values.
    assert all(re.search(r"\.no\.n$|\.missing$", target) for target in unlinked), unlinked


def test_the_numbers_of_a_cell_of_table_one_lead_each_to_its_own_entry(html):
    table = html[html.index('<section id="table-one">') : html.index('<section id="assumed">')]
    links = dict(re.findall(r'<a href="#(number-[^"]*)">([^<]*)</a>', table))
    age = [links[f"number-baseline.test.age.{name}"] for name in ("median", "q1", "q3")]
    assert f"{age[0]}</a> (" in table and all(re.fullmatch(r"\d\d\.\d", number) for number in age)
    assert links["number-baseline.test.patients.n"] == "60"
    assert links["number-baseline.test.sex.female.n"] == "50 (83 %)"
    assert links["number-baseline.validation.nephritis.yes.n"] == "10 (33 %)"
    assert links["number-baseline.validation.weight.missing"] == "&lt;5"
    assert re.fullmatch(r"\d\.\d\d", links["number-baseline.smd.age"])
    assert links["number-baseline.smd.weight"] == "[c]"


def test_what_is_suppressed_is_not_in_the_provenance_either(built, html):
    results = read_ledger(built)
    provenance = html[html.index('<section id="provenance">') :]
    row = next(line for line in provenance.splitlines() if 'id="number-baseline.validation.weight.missing"' in line)
    assert re.sub(r"<[^>]+>", " ", row).split() == [
        "baseline.", "validation.", "weight.", "missing", "Weight,", "kg,", "missing", "auc", "baseline",
    ]  # fmt: skip
    hidden = results["baseline.smd.weight"].value
    assert f"{hidden:.2f}" not in re.sub(r"<[^>]+>", " ", provenance)
    assert lint_reports(built.reports, {f"P-{i:03d}" for i in range(90)}) == []


def test_a_figure_and_a_number_lead_on_to_the_source_of_their_cell_and_to_the_plan(html):
    provenance = html[html.index('<section id="provenance">') :]
    (roc,) = re.findall(r'<tr id="figure-roc">.*', provenance)
    assert 'href="#plan-primary"' in roc
    target = re.search(r'href="#(cell-[^"]*)"', roc)[1]
    own = provenance[provenance.index(f'<details id="{target}"') :]
    assert "save_figure(f, figures, &#39;roc&#39;)" in own[: own.index("</details>")]
    (auc,) = re.findall(r'<tr id="number-validation.primary.auc">.*', provenance)
    target = re.search(r'href="#(cell-[^"]*)"', auc)[1]
    own = provenance[provenance.index(f'<details id="{target}"') :]
    assert "ledger.add(id, value" in own[: own.index("</details>")]


def test_a_reason_unknown_in_a_cohort_leads_to_the_start_of_that_cohort(html):
    (row,) = re.findall(r'<tr class="excluded">.*', html)
    assert '<a href="#number-flow.validation.patients.start.patients_5f_in_5f_the_5f_export">0</a>' in row


def test_a_table_one_whose_numbers_are_not_in_the_ledger_stops_the_report(built):
    path = built.results / "03_locked_validation.json"
    content = json.loads(path.read_text())
    content["entries"] = [e for e in content["entries"] if e["id"] != "baseline.test.age.q1"]
    path.write_text(json.dumps(content))
    with pytest.raises(AnalysisError, match=r"1 numbers? .*baseline\.test\.age\.q1\. .*05_manuscript to its end"):
        build_report(built)


def test_a_figure_that_no_cell_drew_says_so(study):
    save_figure(roc_figure([0, 1], [0, 1], text="x"), study, "roc")
    ledger = Ledger(study, "03_locked_validation")
    ledger.save()
    html = build_report(study).read_text(encoding="utf-8")
    assert leads_nowhere(html) == []
    assert 'title="no notebook cell found; plan item primary"' in html
