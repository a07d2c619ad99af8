"""The last look at reports/: what must not be there is found in every kind of file."""

from __future__ import annotations

import json
import random
import re

import pandas as pd
import pytest

from lumier_analysis.errors import DisclosureError
from lumier_analysis.reporting import lint_reports, study_identifiers
from lumier_analysis.reporting.lint import _places

IDS = {"01-001", "LB100021", "4711"}


def notebook(*texts, **data):
    outputs = [{"output_type": "display_data", "data": data}] if data else []
    cells = [{"cell_type": "code", "id": "01-001", "source": text, "outputs": outputs} for text in texts or ("",)]
    return json.dumps({"cells": cells})


def findings(folder, name, text, **more):
    (folder / name).write_text(text, encoding="utf-8")
    return [f.what for f in lint_reports(folder, IDS, stop=False, **more)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "who;score\n01-001;1\n"),
        ("t.html", "<p>Patient 01-001 flared.</p>"),
        ("t.html", "<td>4711</td>"),
        ("t.csv", "4711,5\n"),
        ("t.json", '{"sample": "LB100021"}'),
        ("t.svg", "<text>LB100021</text>"),
        ("t.md", "see LB100021."),
        ("t.ipynb", notebook("print('01-001')")),
        ("t.ipynb", notebook(**{"text/html": ["<table>", "<td>4711</td></table>"]})),
    ],
)
def test_an_identifier_is_found_and_not_repeated(tmp_path, name, text):
    (finding,) = findings(tmp_path, name, text)
    assert finding == "a patient or sample identifier"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.html", "<p>101-0012 is another, so is XLB100021, and 4711 euros are a price.</p>"),
        ("t.html", '<img src="data:image/png;base64,LB100021"> AUC 0.4711'),
        ("t.ipynb", notebook(**{"image/png": "LB100021"})),
    ],
)
def test_what_only_looks_like_one_is_let_through(tmp_path, name, text):
    assert findings(tmp_path, name, text) == []


def test_patients_numbered_from_one_do_not_turn_every_count_into_an_identifier(tmp_path):
    (tmp_path / "report.html").write_text('<td class="number count">27</td><td>131</td>')
    assert lint_reports(tmp_path, {str(n) for n in range(1, 301)}) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "patient_id,score\n1,0.5\n"),
        ("t.html", '<tr><th class="x">patient_id</th></tr>'),
        ("t.ipynb", notebook(**{"text/html": "<th>sample_id</th>"})),
    ],
)
def test_their_column_is_found_instead(tmp_path, name, text):
    assert findings(tmp_path, name, text) == ["a table with a row for each patient or sample"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "rule,n\nA,3\n"),
        ("t.csv", "visit,N_Events\nM0,4.0\n"),
        ("t.csv", "variable,level,Test cohort\nSex,male,3 (2 %)\n"),
        ("t.csv", "variable,test,validation\nPast nephritis,12,3 (2 %)\n"),
        ("t.csv", "variable,Test cohort (n = 4)\nSex,12\n"),
        ("t.html", '<td class="number count">3</td>'),
        ("t.html", "<td>3 (2.1 %)</td>"),
        ("t.ipynb", notebook(**{"text/html": '<td class="count">1</td>'})),
    ],
)
def test_a_small_count_is_found(tmp_path, name, text):
    (finding,) = findings(tmp_path, name, text)
    assert finding.startswith("a count below 5")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "rule,n,score\nA,5,3\nB,0,1\nC,<5,2\n"),
        ("t.csv", "variable,Test cohort (n = 149)\nSex,13 (9 %)\nAge,1 403 (2 %)\n"),
        ("t.html", '<td class="number count">0</td><td class="number">3</td> AUC 0.67 (95 % CI 0.55 to 0.77)'),
    ],
)
def test_other_numbers_are_let_through(tmp_path, name, text):
    assert findings(tmp_path, name, text) == []


def test_the_threshold_is_the_plans(tmp_path):
    assert findings(tmp_path, "t.csv", "n\n7\n") == []
    assert findings(tmp_path, "t.csv", "n\n7\n", threshold=10) != []


@pytest.mark.parametrize("name", ["rows.parquet", "rows.xlsx", "rows", "cache.pkl"])
def test_a_file_that_cannot_be_looked_into_is_refused(tmp_path, name):
    (finding,) = findings(tmp_path, name, "x")
    assert "cannot be checked" in finding


def test_a_broken_notebook_or_text_is_a_finding(tmp_path):
    assert findings(tmp_path, "t.ipynb", "{") == ["cannot be read as UTF-8 text of its type"]
    (tmp_path / "t.ipynb").unlink()
    (tmp_path / "t.html").write_bytes(b"\xff\xfe")
    assert len(lint_reports(tmp_path, IDS, stop=False)) == 1


def test_folders_are_searched_and_the_error_says_where(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "t.csv").write_text("n\n9\n3\n")
    with pytest.raises(DisclosureError, match=r"1 places in 1 files, first tables/t.csv line 3"):
        lint_reports(tmp_path, IDS)


def test_a_text_about_to_be_written_is_looked_at_instead_of_the_old_file(tmp_path):
    (tmp_path / "report.html").write_text("01-001")
    assert lint_reports(tmp_path, IDS, texts={"report.html": "clean"}) == []
    with pytest.raises(DisclosureError) as error:
        lint_reports(tmp_path, IDS, texts={"report.html": "of 01-001"})
    assert "01-001" not in str(error.value)


def test_excluded_patients_are_identifiers_too(study):
    study.write("patients", "test", pd.DataFrame({"patient_id": ["01-001"], "reason": ["pregnant"]}))
    study.write("samples", "controls", pd.DataFrame({"sample_id": ["LB7", None]}))
    queries = pd.DataFrame({"rule": ["x", "y"], "patient_id": ["03-009", None]})
    queries.to_csv(
        study.analysis / "queries.csv", sep=";", index=False, encoding="utf-8-sig"
    )  # as the cleaning writes it
    assert study_identifiers(study) == {"01-001", "LB7", "03-009"}


@pytest.mark.parametrize(
    "cell",
    [
        '<td class="number count"><span data-ledger="baseline.test.c3.missing">3</span></td>',
        '<td class="number count"><a href="#number-x"> 3 </a></td>',
        '<th>Test cohort (n = <span data-ledger="baseline.test.patients.n">3</span>)</th>',
        '<th>Test cohort (n = <a href="#number-x">3</a>)</th>',
        '<td class="number"><span data-ledger="baseline.test.sex.male.n">3 (2 %)</span></td>',
    ],
)
def test_a_small_count_is_found_inside_a_link_or_a_mark(tmp_path, cell):
    (tmp_path / "table.html").write_text(f"<table><tr>{cell}</tr></table>")
    (finding,) = lint_reports(tmp_path, set(), stop=False)
    assert "a count below 5" in finding.what
    (tmp_path / "table.html").write_text(f"<table><tr>{cell}</tr></table>".replace("3", "13"))
    assert lint_reports(tmp_path, set()) == []


def test_identifiers_are_found_as_a_pattern_of_all_of_them_finds_them():
    """Random texts and identifiers, against the plain pattern that would try every identifier at every place."""
    rng = random.Random(1)
    for _ in range(2000):
        names = {"".join(rng.choice("AB12-_é9") for _ in range(rng.randint(1, 5))) for _ in range(4)}
        names.add("".join(rng.choice("129") for _ in range(rng.randint(3, 5))))
        text = "".join(rng.choice("AB1 2-_.,;<>\"'\n\té9") for _ in range(30))
        text = text[:10] + rng.choice(sorted(names)) + text[10:]
        words = [re.escape(n) for n in names if not n.isdigit()]
        numbers = [re.escape(n) for n in names if n.isdigit() and len(n) >= 4]
        plain = rf"(?<![A-Za-z0-9])(?:{'|'.join(words)})(?![A-Za-z0-9])" if words else r"(?!)"
        filled = rf"(?:(?<=[>\"',;\t\n])|\A)(?:{'|'.join(numbers)})(?=[<\"',;\t\n]|\Z)" if numbers else r"(?!)"
        wanted = bool(re.search(f"{plain}|{filled}", text))
        assert any(True for _ in _places(names)(text)) == wanted, (text, names)
