import math

import numpy as np
import pytest

from lumier_analysis.estimate import Estimate
from lumier_analysis.figures.rows import forest_rows, subgroup_rows
from lumier_analysis.performance import subgroup_aucs

LARGE = Estimate(0.7, 0.05, 0.6, 0.8, n_patients=100, n_rows=300, n_events=20)


def test_a_row_carries_its_denominators():
    row = forest_rows({"a": LARGE}, bold="a").iloc[0]
    assert (row["value"], row["n"], bool(row["bold"])) == (0.7, "300 landmarks, 20 events", True)


@pytest.mark.parametrize(
    "few", [{"n_events": 3}, {"n_patients": 4, "n_rows": 300, "n_events": 20}, {"n_rows": 1, "n_events": 0}]
)
def test_an_estimate_on_few_is_withheld_with_its_denominators(few):
    row = forest_rows({"a": Estimate(0.9, 0.05, 0.8, 1.0, **few)}).iloc[0]
    assert math.isnan(row["value"]) and math.isnan(row["ci_low"]) and math.isnan(row["ci_high"])
    assert (row["n"], row["note"]) == ("", "withheld")


def test_the_minimum_is_the_plans():
    assert forest_rows({"a": LARGE}, minimum=21).iloc[0]["note"] == "withheld"
    assert forest_rows({"a": LARGE}, minimum=20).iloc[0]["note"] == ""


def test_what_cannot_be_estimated_keeps_its_reason_and_nothing_else_is_made_up():
    gone = Estimate(math.nan, n_rows=300, n_events=0, note="no event: the AUC cannot be estimated")
    row = forest_rows({"a": gone}, rows="visits").iloc[0]
    assert (row["n"], row["note"]) == ("300 visits, 0 events", "no event: the AUC cannot be estimated")
    assert forest_rows({"a": Estimate(0.5)}).iloc[0]["n"] == ""


def test_order_and_labels_are_those_given():
    assert forest_rows({"b": LARGE, "a": LARGE})["label"].tolist() == ["b", "a"]


def test_subgroups_stand_under_all_rows_and_withheld_ones_show_no_count():
    rng = np.random.default_rng(5)
    y = np.tile([1, 0, 0, 0], 30)
    level = np.repeat(["a", "b", "c"], [60, 52, 8])
    table = subgroup_aucs(y, rng.standard_normal(120) + y, subgroups={"past_nephritis": level}, minimum=5)
    rows = subgroup_rows(table, LARGE)
    assert rows["label"].tolist() == ["All landmarks", "a", "b", "c"]
    assert rows["bold"].tolist() == [True, False, False, False]
    assert rows["group"].tolist()[1:] == ["past nephritis"] * 3
    assert rows["n"].tolist() == ["300 landmarks, 20 events", "60 landmarks, 15 events", "", ""]
    assert rows["note"].tolist()[3] == "withheld" and math.isnan(rows["value"].tolist()[3])
    assert rows["value"].tolist()[2] == table["value"].tolist()[1]
