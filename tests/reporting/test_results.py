from __future__ import annotations

import json

import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.reporting import Ledger, read_ledger
from lumier_analysis.reporting.results import entries_html

FLOW = {"plan_item": "flow", "label": "n"}


def test_numbers_come_in_the_order_of_the_notebooks(study):
    for notebook, ids in (("02_b", ("z", "a")), ("01_a", ("m",))):
        ledger = Ledger(study, notebook)
        for id in ids:
            ledger.add(id, 7, **FLOW)
        ledger.save()
    results = read_ledger(study)
    assert list(results) == ["m", "z", "a"]
    assert set(results.inputs) == {"01_a", "02_b"}


def test_an_empty_study_has_an_empty_ledger(study):
    assert len(read_ledger(study)) == 0
    assert list(read_ledger(study).table().columns)[:2] == ["label", "kind"]


def test_one_id_in_two_notebooks_is_refused(study):
    for notebook in ("01_a", "02_b"):
        ledger = Ledger(study, notebook)
        ledger.add("m", 7, **FLOW)
        ledger.save()
    with pytest.raises(AnalysisError, match=r"Two ledgers hold m.*01_a.json and 02_b.json"):
        read_ledger(study)


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"schema": 1, "entries": [{"id": "a"}], "inputs": {}}'])
def test_a_damaged_file_is_named_with_what_to_type(study, damage):
    study.results.mkdir(parents=True)
    (study.results / "01_a.json").write_text(damage)
    with pytest.raises(AnalysisError, match=r"01_a.json is damaged.*lumier run --fresh data/tiny"):
        read_ledger(study)


def test_another_format_is_not_guessed_at(study, ledger):
    path = ledger.save()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    with pytest.raises(AnalysisError, match="schema 99"):
        read_ledger(study)


def test_a_prefix_takes_whole_words(make_entry, make_results):
    results = make_results(
        make_entry("validation.primary.auc"), make_entry("validation2.auc"), make_entry("validation")
    )
    assert [e.id for e in results.entries("validation")] == ["validation.primary.auc", "validation"]
    assert results.table("validation").loc["validation.primary.auc", "n_events"] == 20


def test_an_unknown_id_names_its_neighbours(make_entry, make_results):
    results = make_results(make_entry())
    with pytest.raises(AnalysisError, match=r"similar: validation.primary.auc"):
        results["validation.primary.acu"]
    assert results.get("nothing") is None


def test_labels_are_read_as_people_write_them(make_entry):
    html = entries_html([make_entry(label="AUC of anti_dsdna")], 5)
    assert "AUC of anti-dsDNA" in html
    assert "<code>validation.primary.auc</code>" in html
