from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError, PlanError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.reporting import Ledger, read_ledger
from lumier_analysis.reporting import ledger as module
from lumier_analysis.reporting.ledger import cell_id
from lumier_analysis.study.io import sha256_file

AUC = {"plan_item": "primary", "label": "AUC"}


def test_a_number_keeps_everything_it_came_with(study, ledger, estimate):
    ledger.add("validation.primary.auc", estimate, **AUC)
    ledger.save()
    entry = read_ledger(study)["validation.primary.auc"]
    assert entry.estimate == estimate
    assert (entry.plan_item, entry.notebook, entry.kind) == ("primary", "03_locked_validation", "estimate")


def test_a_number_of_people_is_a_count_unless_told_otherwise(ledger):
    assert ledger.add("a", np.int64(3), **AUC).kind == "count"
    assert ledger.add("b", 3.0, **AUC).kind == "estimate"
    assert ledger.add("c", 3, kind="number", **AUC).kind == "number"


def test_a_number_of_no_analysis_is_refused(ledger):
    with pytest.raises(PlanError, match=r"no analysis of the plan.*plan_item='calibration'"):
        ledger.add("a", 1, plan_item="calibraton", label="slope")


def test_an_id_stands_once(ledger):
    ledger.add("a", 1, **AUC)
    with pytest.raises(UsageError, match="already holds a"):
        ledger.add("a", 1, **AUC)


@pytest.mark.parametrize("id", ["", "two words", "a/b", "<b>", 'say"so"'])
def test_malformed_ids_are_refused(ledger, id):
    with pytest.raises(UsageError, match="no ledger id"):
        ledger.add(id, 1, **AUC)


@pytest.mark.parametrize("value", [True, "0.7", None, [1]])
def test_what_is_no_number_is_refused(ledger, value):
    with pytest.raises(UsageError, match="no number"):
        ledger.add("a", value, **AUC)


@pytest.mark.parametrize("value", [math.nan, math.inf, Estimate(math.nan)])
def test_a_missing_number_must_say_why(ledger, value):
    with pytest.raises(AnalysisError, match="nothing says why"):
        ledger.add("a", value, **AUC)
    assert ledger.add("b", Estimate(math.nan, note="no event"), **AUC).note == "no event"


@pytest.mark.parametrize("value", [-1, 2.5])
def test_a_count_is_whole_and_not_negative(ledger, value):
    with pytest.raises(AnalysisError, match="no whole number"):
        ledger.add("a", value, kind="count", **AUC)


def test_an_unknown_kind_is_refused(ledger):
    with pytest.raises(UsageError, match="estimate, count, number"):
        ledger.add("a", 1, kind="amount", **AUC)


def test_an_unbounded_limit_survives_json(study, ledger):
    ledger.add("a", Estimate(3.0, ci_low=1.0, ci_high=math.inf, n_rows=40), **AUC)
    ledger.save()
    entry = read_ledger(study)["a"]
    assert (entry.ci_low, entry.level, entry.note) == (1.0, 0.95, "upper limit unbounded")


def test_add_many_labels_by_key(ledger):
    ledger.add_many(
        "sensitivity", {"plan": 0.6, "m0": 0.7}, plan_item="sensitivity", labels={"plan": "The plan's rules"}
    )
    assert [(e.id, e.label) for e in ledger.entries] == [
        ("sensitivity.plan", "The plan's rules"), ("sensitivity.m0", "m0"),
    ]  # fmt: skip


def test_the_same_numbers_give_the_same_bytes(study, estimate):
    def written():
        ledger = Ledger(study, "03_locked_validation", [study.folder / "plan.yml"])
        ledger.add("a", estimate, **AUC)
        return ledger.save().read_bytes()

    first = written()
    assert written() == first
    content = json.loads(first)
    assert content["inputs"] == {"plan.yml": sha256_file(study.folder / "plan.yml")}
    assert b"NaN" not in first


def test_inputs_are_named_without_user_or_host(study, tmp_path):
    inside, raw, outside = study.analysis / "t.parquet", study.raw / "a.csv", tmp_path.parent / "elsewhere.csv"
    for path in (inside, raw, outside):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert list(Ledger(study, "n", [inside, raw, outside]).inputs) == [
        "analysis/t.parquet",
        "elsewhere.csv",
        "raw/a.csv",
    ]


def test_an_absent_input_names_the_command(study):
    with pytest.raises(AnalysisError, match=r"no patients.parquet.*lumier run data/tiny"):
        Ledger(study, "n", [study.folder / "patients.parquet"])


def test_a_cell_that_is_run_again_replaces_its_own_numbers_only(ledger, monkeypatch):
    running = ["cell one", 1]
    monkeypatch.setattr(module, "_running_cell", lambda: tuple(running))
    ledger.add("a", 1, **AUC)
    with pytest.raises(UsageError):
        ledger.add("a", 2, **AUC)  # twice in one run of the cell
    running[1] = 2
    assert ledger.add("a", 3, **AUC).value == 3
    running[:] = ["cell two", 3]
    with pytest.raises(UsageError):
        ledger.add("a", 4, **AUC)
    assert len(ledger.entries) == 1


def test_the_cell_is_found_by_its_source(tmp_path):
    path = tmp_path / "n.ipynb"
    cells = [
        {"cell_type": "markdown", "id": "text", "source": "x = 1"},
        {"cell_type": "code", "id": "auc", "source": ["x = 1\n", "y = 2"]},
    ]
    path.write_text(json.dumps({"cells": cells}))
    assert cell_id(path, "x = 1\ny = 2\n") == "auc"
    assert cell_id(path, "x = 1") is None
    assert cell_id(tmp_path / "absent.ipynb", "x = 1") is None


def test_a_ledger_shown_in_a_notebook_is_disclosed(ledger, estimate):
    ledger.add("flow.start", 3, plan_item="flow", label="<patients>")
    html = ledger._repr_html_()
    assert ">&lt;5<" in html and ">3<" not in html
    assert "&lt;patients&gt;" in html
