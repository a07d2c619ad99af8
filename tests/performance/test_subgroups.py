from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance.auc import auc
from lumier_analysis.performance.subgroups import subgroup_aucs, subgroup_estimate


@pytest.fixture
def rows():
    rng = np.random.default_rng(4)
    y = np.tile([1, 0, 0, 0], 30)
    return y, rng.standard_normal(120) + y, np.arange(120) // 2, np.repeat(["a", "b", "c"], [60, 48, 12])


def test_each_level_is_the_auc_of_its_rows(rows):
    y, s, patient, level = rows
    table = subgroup_aucs(y, s, subgroups={"arm": level}, cluster=patient, minimum=2).set_index("label")
    for name in "abc":
        want = auc(y[level == name], s[level == name], cluster=patient[level == name])
        assert (table.at[name, "value"], table.at[name, "ci_low"]) == (want.value, want.ci_low)
        assert table.at[name, "n_rows"] == (level == name).sum()
    assert not table["withheld"].any()


def test_kinds_of_event_stand_against_all_non_events(rows):
    y, s, patient, level = rows
    table = subgroup_aucs(y, s, events={"severity": level}, cluster=patient, minimum=2).set_index("label")
    at = (level == "b") | (y == 0)
    assert table.at["b", "value"] == auc(y[at], s[at], cluster=patient[at]).value
    assert table.at["b", "n_events"] == 12 and table.at["b", "n_rows"] == 12 + 90


def test_small_levels_are_withheld_and_cannot_be_subtracted(rows):
    y, s, patient, level = rows
    table = subgroup_aucs(y, s, subgroups={"arm": level}, cluster=patient, minimum=5).set_index("label")
    assert table.at["c", "withheld"] and np.isnan(table.at["c", "value"])
    assert table.at["c", "note"] == "fewer than 5 events: withheld"
    assert pd.isna(table.at["c", "n_events"]) and pd.isna(table.at["b", "n_events"])
    assert table.at["b", "value"] > 0 and table.at["a", "n_events"] == 15


def test_a_level_without_enough_patients_free_of_events_is_withheld():
    y = [1] * 10 + [0] * 20
    level = ["a"] * 12 + ["b"] * 18
    table = subgroup_aucs(y, range(30), subgroups={"arm": level}).set_index("label")
    assert "patients without an event" in table.at["a", "note"] and table["withheld"].all()


def test_missing_levels_are_a_level(rows):
    y, s, _, level = rows
    some = pd.Series(level, dtype="string").mask(level == "c")
    table = subgroup_aucs(y, s, subgroups={"arm": some}, minimum=2)
    assert table["label"].tolist() == ["a", "b", "not recorded"] and table["n_rows"].sum() == 120


def test_refusals(rows):
    y, s, _, level = rows
    with pytest.raises(UsageError, match="No subgroup"):
        subgroup_aucs(y, s)
    with pytest.raises(AnalysisError, match="arm has another length"):
        subgroup_aucs(y, s, subgroups={"arm": level[:5]})


def test_a_line_is_the_estimate_it_came_from(rows):
    y, s, patient, level = rows
    lines = list(subgroup_aucs(y, s, subgroups={"arm": level}, cluster=patient).itertuples())
    whole, at = subgroup_estimate(lines[0]), level == "a"
    want = auc(np.asarray(y)[at], np.asarray(s)[at], cluster=np.asarray(patient)[at])
    assert (whole.value, whole.ci_low, whole.ci_high) == (want.value, want.ci_low, want.ci_high)
    assert (whole.n_patients, whole.n_rows, whole.n_events) == (want.n_patients, want.n_rows, want.n_events)
    withheld = subgroup_estimate(lines[2])
    assert np.isnan(withheld.value) and withheld.n_rows is None and withheld.note.endswith("withheld")
