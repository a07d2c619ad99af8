from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import net_benefit, weighted_net_benefit

GRID = [0.05, 0.1, 0.2]


@pytest.fixture
def rows():
    rng = np.random.default_rng(2)
    patient = np.repeat(np.arange(60), 3)
    p = np.clip(0.15 * np.exp(0.6 * np.repeat(rng.standard_normal(60), 3) + 0.3 * rng.standard_normal(180)), 0, 0.9)
    return (rng.random(180) < p).astype(int), p, patient


def test_by_hand():
    table = net_benefit([1, 0, 1, 0], [0.5, 0.4, 0.1, 0.1], [0.2])
    assert table.at[0, "model"] == pytest.approx((1 - 0.25) / 4)
    assert table.at[0, "treat_all"] == pytest.approx((2 - 2 * 0.25) / 4)
    contributions = np.array([1, -0.25, 0, 0])
    assert table.at[0, "model_se"] == pytest.approx(contributions.std(ddof=1) / 2)
    assert table.at[0, "difference"] == pytest.approx(table.at[0, "model"] - table.at[0, "treat_all"])


def test_a_probability_on_the_threshold_is_treated():
    assert net_benefit([1, 0], [0.2, 0.1], [0.2]).at[0, "model"] == 0.5


def test_weights_of_one_are_the_same(rows):
    y, p, patient = rows
    mine = net_benefit(y, p, GRID, cluster=patient)
    other = weighted_net_benefit(y, p, GRID, np.ones(180), cluster=patient)
    shared = [c for c in mine.columns if c in other.columns]
    pd.testing.assert_frame_equal(mine[shared], other[shared], rtol=1e-12)


def test_doubling_rows_within_patients_changes_only_the_naive_interval(rows):
    y, p, patient = rows
    twice = [np.r_[a, a] for a in rows]
    once, double = net_benefit(y, p, GRID, cluster=patient), net_benefit(*twice[:2], GRID, cluster=twice[2])
    pd.testing.assert_frame_equal(once, double, rtol=1e-12)
    assert (net_benefit(*twice[:2], GRID)["model_se"] < 0.75 * net_benefit(y, p, GRID)["model_se"]).all()


def test_the_difference_has_the_interval_of_the_difference(rows):
    y, p, patient = rows
    table = net_benefit(y, p, GRID, cluster=patient)
    rng = np.random.default_rng(5)
    rows_of = np.arange(180).reshape(60, 3)
    drawn = []
    for _ in range(1000):
        pick = rows_of[rng.integers(0, 60, 60)].ravel()
        drawn.append(net_benefit(y[pick], p[pick], GRID)["difference"])
    np.testing.assert_allclose(table["difference_se"], np.std(drawn, axis=0, ddof=1), rtol=0.12)


def test_limits_are_missing_only_beside_a_note(rows):
    y, p, _ = rows
    cases = [
        (net_benefit(y, p, [0.999]), "nobody reaches"),
        (net_benefit(y, p + 0.01, [0.001]), "everybody reaches"),
        (net_benefit(0 * y, p, GRID), "no event"),
        (net_benefit(0 * y + 1, p, GRID), "every row is an event"),
        (net_benefit([0, 1], [0.1, 0.2], GRID, cluster=["a", "a"]), "a single patient"),
        (net_benefit([1], [0.2], [0.1]), "a single patient"),
    ]
    for table, why in cases:
        assert table["note"].str.contains(why).all()
        assert table[["model", "treat_all", "difference"]].notna().all(axis=None)
    none = cases[0][0].iloc[0]
    assert none["model"] == 0 and np.isnan(none["model_ci_low"]) and np.isfinite(none["treat_all_ci_low"])
    plain = net_benefit(y, p, GRID)
    assert plain.drop(columns="note").notna().all(axis=None) and (plain["note"] == "").all()


@pytest.mark.parametrize("thresholds", [[0], [1.0], [np.nan], [], [[0.1]]])
def test_bad_thresholds(thresholds):
    with pytest.raises(AnalysisError, match="thresholds must lie"):
        net_benefit([0, 1], [0.1, 0.2], thresholds)


def test_bad_input():
    with pytest.raises(AnalysisError, match="thresholds are not numbers"):
        net_benefit([0, 1], [0.1, 0.2], ["high"])
    with pytest.raises(AnalysisError, match=r"probability must lie .* predicted risks"):
        net_benefit([0, 1], [0.1, 1.2], GRID)
    for wrong, why in ((np.nan, "missing"), (np.inf, "infinite")):
        with pytest.raises(AnalysisError, match=why):
            net_benefit([0, 1], [0.1, wrong], GRID)
    with pytest.raises(AnalysisError, match="no row"):
        net_benefit([], [], GRID)
