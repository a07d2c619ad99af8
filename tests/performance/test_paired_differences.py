from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import compare_auc, net_benefit, net_benefit_difference, pool_rubin, pooled_difference

REFERENCE = Path(__file__).parents[1] / "reference"
GRID = [0.08, 0.15]


@pytest.fixture(scope="module")
def d():
    d = pd.read_csv(REFERENCE / "added_value_data.csv")
    return d.assign(pa=expit(-2.2 + 0.6 * d["score"]), pb=expit(-2.2 + 0.6 * d["base"]))


@pytest.fixture(scope="module")
def r():
    return pd.read_csv(REFERENCE / "added_value.csv", index_col="what")["value"]


def imputed(d):
    return [d[f"base{i}"] for i in range(1, 6)]


def test_auc_difference_agrees_with_proc(d, r):
    c = compare_auc(d["event"], d["score"], d["base"])
    assert (c.difference.value, c.p_value) == pytest.approx((r["auc_difference"], r["auc_difference_p"]), rel=1e-9)
    pooled = pooled_difference(d["event"], d["score"], [d["base"]] * 3)
    assert (pooled.value, pooled.se) == pytest.approx((c.difference.value, c.difference.se), rel=1e-9)


def test_pooled_difference_is_rubin_over_the_imputations(d):
    each = [compare_auc(d["event"], d["score"], b, cluster=d["patient"]).difference for b in imputed(d)]
    k = d["patient"].nunique()
    wanted = pool_rubin([e.value for e in each], [e.se**2 for e in each], complete_df=k - 1, null=0.0)
    e = pooled_difference(d["event"], d["score"], imputed(d), cluster=d["patient"])
    assert (e.value, e.ci_low, e.ci_high, e.p_value, e.df) == (
        wanted.value, wanted.ci_low, wanted.ci_high, wanted.p_value, wanted.df,
    )  # fmt: skip
    assert e.n_patients == k and e.n_rows == len(d) and e.n_events == d["event"].sum()
    assert (e.p_value < 0.05) == (e.ci_low > 0 or e.ci_high < 0)


def test_differences_that_cannot_be_had_are_stated(d):
    same = pooled_difference(d["event"], d["score"], [np.exp(d["score"])] * 2, cluster=d["patient"])
    assert same.value == 0 and math.isnan(same.se) and "alike" in same.note
    none = pooled_difference(0 * d["event"], d["score"], imputed(d), cluster=d["patient"])
    assert math.isnan(none.value) and "5 of 5 imputations cannot be pooled: no event" in none.note
    with pytest.raises(AnalysisError, match="two imputations"):
        pooled_difference(d["event"], d["score"], [d["base"]])
    with pytest.raises(AnalysisError, match="two imputations"):
        pooled_difference(d["event"], d["score"], d["base"])


def test_net_benefit_difference_agrees_with_r(d, r):
    table = net_benefit_difference(d["event"], d["pa"], d["pb"], GRID, cluster=d["patient"])
    for t, value, se in zip(table["threshold"], table["difference"], table["se"], strict=True):
        assert value == pytest.approx(r[f"nb_difference_{t:g}"], rel=1e-9)
        assert se == pytest.approx(r[f"nb_se_{t:g}"], rel=1e-9)


def test_it_is_the_difference_of_the_model_columns(d):
    table = net_benefit_difference(d["event"], d["pa"], d["pb"], GRID, cluster=d["patient"])
    a, b = (net_benefit(d["event"], p, GRID, cluster=d["patient"]) for p in (d["pa"], d["pb"]))
    np.testing.assert_array_equal(table["difference"], a["model"] - b["model"])
    back = net_benefit_difference(d["event"], d["pb"], d["pa"], GRID, cluster=d["patient"])
    np.testing.assert_allclose(back[["difference", "se"]], table[["difference", "se"]] * [-1, 1], rtol=1e-12)
    np.testing.assert_allclose(back["ci_low"], -table["ci_high"])


def test_against_treat_all_it_is_that_of_net_benefit(d):
    one = net_benefit(d["event"], d["pa"], GRID, cluster=d["patient"])
    table = net_benefit_difference(d["event"], d["pa"], 0 * d["pa"] + 1, GRID, cluster=d["patient"])
    names = {"difference": "difference", "se": "difference_se", "ci_low": "difference_ci_low"}
    for mine, theirs in names.items():
        np.testing.assert_allclose(table[mine], one[theirs], rtol=1e-12)


def test_a_model_against_itself_is_nought_with_a_note(d):
    table = net_benefit_difference(d["event"], d["pa"], d["pa"], GRID, cluster=d["patient"])
    assert (table["difference"] == 0).all() and table[["se", "ci_low", "ci_high"]].isna().all(axis=None)
    assert table["note"].str.contains("treat alike").all()


def test_net_benefit_over_imputations_is_rubin_by_threshold(d):
    risks = [expit(-2.2 + 0.6 * b) for b in imputed(d)]
    table = net_benefit_difference(d["event"], d["pa"], risks, GRID, cluster=d["patient"])
    each = [net_benefit_difference(d["event"], d["pa"], p, GRID, cluster=d["patient"]) for p in risks]
    for j in range(len(GRID)):
        wanted = pool_rubin(
            [e.at[j, "difference"] for e in each],
            [e.at[j, "se"] ** 2 for e in each],
            complete_df=d["patient"].nunique() - 1,
        )
        assert table.loc[j, ["difference", "se", "ci_low", "ci_high"]].tolist() == pytest.approx(
            [wanted.value, wanted.se, wanted.ci_low, wanted.ci_high], rel=1e-12
        )
    swapped = net_benefit_difference(d["event"], risks, d["pa"], GRID, cluster=d["patient"])
    np.testing.assert_allclose(swapped["difference"], -table["difference"])


def test_bad_input(d):
    with pytest.raises(AnalysisError, match="probability must lie"):
        net_benefit_difference(d["event"], d["pa"], d["score"], GRID)
    with pytest.raises(AnalysisError, match="thresholds must lie"):
        net_benefit_difference(d["event"], d["pa"], d["pb"], [0.0])
    with pytest.raises(AnalysisError, match="probability_b has missing"):
        net_benefit_difference(d["event"], d["pa"], d["pb"].where(d["pb"] > 0.1), GRID)
    with pytest.raises(AnalysisError, match="different numbers of imputations"):
        net_benefit_difference(d["event"], [d["pa"]] * 2, [d["pb"]] * 3, GRID)
    single = net_benefit_difference([1, 0], [0.2, 0.1], [0.1, 0.2], [0.15], cluster=["a", "a"])
    assert "a single patient" in single.at[0, "note"] and np.isnan(single.at[0, "se"])
