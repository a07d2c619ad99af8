from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest

from lumier_analysis.reporting import Ledger, Variable, lint_reports, read_ledger, table_one


@pytest.fixture
def table():
    patients = pd.DataFrame(
        {
            "patient_id": [f"P{i}" for i in range(60)],
            "cohort": ["test"] * 30 + ["validation"] * 30,
            "sex": (["male"] * 3 + ["female"] * 27) * 2,
            "c3": [1.0 + i / 100 for i in range(58)] + [None, None],
        }
    )
    variables = [Variable("sex", "Sex & <gender>", "category"), Variable("c3", "C3", digits=2)]
    return table_one(patients, variables)


def test_every_number_enters_the_ledger_before_disclosure_control(table, study):
    ledger = Ledger(study, "05_manuscript")
    table.add_to(ledger)
    ledger.save()
    results = read_ledger(study)
    assert results["baseline.test.sex.male.n"].value == 3
    assert results["baseline.validation.c3.missing"].value == 2
    assert results["baseline.test.c3.median"].n_patients == 30
    assert results["baseline.test.patients.n"].kind == "count"
    assert {entry.plan_item for entry in results.values()} == {"baseline"}


def test_a_spread_of_one_value_says_why_it_is_missing(study):
    patients = pd.DataFrame({"patient_id": list("abcdef"), "cohort": "test", "c3": [1.0, *[None] * 5]})
    ledger = Ledger(study, "05_manuscript")
    table_one(patients, [Variable("c3", "C3", "mean")]).add_to(ledger)
    assert {e.id: e.note for e in ledger.entries}["baseline.test.c3.sd"] == "too few values recorded"


def test_files_show_no_small_number_and_pass_the_lint(table, tmp_path):
    table.to_csv(tmp_path / "table_1.csv")
    table.to_html(tmp_path / "table_1.html")
    assert lint_reports(tmp_path, {"P0", "P1"}) == []
    rows = list(csv.reader(io.StringIO((tmp_path / "table_1.csv").read_text(encoding="utf-8"))))
    assert rows[0] == ["variable", "level", "Test cohort (n = 30)", "Validation cohort (n = 30)", "SMD"]
    assert ["Sex & <gender>", "male", "<5", "<5", ""] in rows


def test_html_is_escaped_and_whole(table):
    html = table.html()
    assert "Sex &amp; &lt;gender&gt;" in html and "&lt;5" in html
    widths = {sum(map(int, re.findall(r'colspan="(\d)"', row))) + len(re.findall(r"<t[hd]", row)) for row in
              re.findall(r"<tr>.*?</tr>", html)}  # fmt: skip
    assert widths == {4}, "each row has a heading, two cohorts and the difference"
    assert table.note.startswith("Denominators are all patients") and "&lt;5; [c] marks" in html
    assert table._repr_html_() == html


def test_the_difference_stands_on_the_line_of_the_variable(table):
    rows = re.findall(r"<tr>.*?</tr>", table.html())
    sex, female, male = rows[1:4]
    assert "[c]" in sex.rsplit("<td", 1)[1]
    assert female.endswith('<td class="number"></td></tr>')
    assert male.endswith('<td class="number"></td></tr>')


def test_the_same_table_gives_the_same_bytes(table, tmp_path):
    assert table.to_csv(tmp_path / "a").read_bytes() == table.to_csv(tmp_path / "b").read_bytes()
