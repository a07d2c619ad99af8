from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed import variogram

PATIENTS, VISITS = 1500, 6
GROUP = np.repeat(np.arange(PATIENTS), VISITS)
TIME = np.tile(np.arange(VISITS, dtype=float), PATIENTS)
EDGES = np.arange(VISITS) + 0.5  # the lags 1 .. 5, one a bin; the first starts at 0
EDGES[0] = 0.0


def normal(seed):
    return np.random.default_rng(seed).standard_normal((PATIENTS, VISITS))


def ar1(seed, rho):
    noise = normal(seed)
    r = noise.copy()
    for k in range(1, VISITS):
        r[:, k] = rho * r[:, k - 1] + math.sqrt(1 - rho**2) * noise[:, k]
    return r


def test_it_is_the_mean_over_pairs():
    r, t, g = [1.0, 3.0, 0.0, 2.0, 7.0], [0.0, 1.0, 3.0, 0.0, 1.0], list("aaabb")
    found = variogram(r, t, g, bins=[0, 1.5, 4])
    # Lag 1: (1,3) and (2,7); lags 2 and 3: (3,0) and (1,0).
    assert found.table["semivariance"].tolist() == [(2.0 + 12.5) / 2, (4.5 + 0.5) / 2]
    assert found.table["lag"].tolist() == [1.0, 2.5]
    assert found.table["n_pairs"].tolist() == [2, 2] and found.table["n_groups"].tolist() == [2, 1]
    assert math.isnan(found.table["se"][1]) and found.table["se"][0] == pytest.approx(abs(2.0 - 12.5) / 2)
    between = [(a - b) ** 2 / 2 for a in (1, 3, 0) for b in (2, 7)]
    assert found.variance == pytest.approx(np.mean(between)) and found.n_pairs == 4


def within_errors(table, expected, errors=4.0):
    assert (np.abs(table["semivariance"] - expected) < errors * table["se"]).all(), table


def test_independent_residuals_are_level_at_their_variance():
    found = variogram(2 * normal(1).ravel(), TIME, GROUP, bins=EDGES)
    within_errors(found.table, 4.0)
    assert found.variance == pytest.approx(4.0, rel=0.05)


def test_a_random_intercept_lowers_the_level_below_the_total():
    r = normal(2) + 1.5 * np.random.default_rng(3).standard_normal((PATIENTS, 1))
    found = variogram(r.ravel(), TIME, GROUP, bins=EDGES)
    within_errors(found.table, 1.0)
    assert found.variance == pytest.approx(1 + 1.5**2, rel=0.08)


def test_serial_correlation_makes_it_rise():
    found = variogram(ar1(4, 0.7).ravel(), TIME, GROUP, bins=EDGES)
    within_errors(found.table, 1 - 0.7 ** found.table["lag"])
    assert found.table["semivariance"].is_monotonic_increasing and found.variance == pytest.approx(1, rel=0.05)


def test_what_a_patient_has_as_a_whole_leaves_no_trace():
    r = normal(5).ravel()[:600]
    shift = np.repeat(np.random.default_rng(6).normal(0, 9, 100), VISITS)
    one, other = (variogram(x, TIME[:600], GROUP[:600]).table for x in (r, r + shift))
    np.testing.assert_allclose(one["semivariance"], other["semivariance"], rtol=1e-9)
    scaled = variogram(3 * r, TIME[:600], GROUP[:600]).table
    np.testing.assert_allclose(scaled["semivariance"], 9 * one["semivariance"], rtol=1e-12)
    np.testing.assert_allclose(scaled["se"], 9 * one["se"], rtol=1e-12)


def test_standard_errors_are_those_of_the_patients_not_of_the_pairs():
    draws = [variogram(ar1(s, 0.7)[:200].ravel(), TIME[:1200], GROUP[:1200], bins=EDGES).table for s in range(60)]
    spread = np.std([d["semivariance"] for d in draws], axis=0, ddof=1)
    # 60 studies: a standard deviation to within 9 % (one standard error).
    np.testing.assert_allclose(np.mean([d["se"] for d in draws], axis=0), spread, rtol=4 * 0.09)


def test_order_and_names_do_not_matter():
    rng = np.random.default_rng(7)
    r, t, g = normal(8).ravel()[:300], rng.uniform(0, 12, 300), rng.integers(0, 40, 300)
    shuffled = rng.permutation(300)
    one, other = variogram(r, t, g), variogram(r[shuffled], t[shuffled], [f"P{x}" for x in g[shuffled]])
    np.testing.assert_allclose(one.table, other.table, rtol=1e-9)
    assert one.variance == pytest.approx(other.variance)
    assert one.table["n_pairs"].sum() == one.n_pairs
    assert one.table["n_pairs"].max() < 1.2 * one.table["n_pairs"].min()


def test_pairs_at_one_time_have_no_lag_and_are_counted():
    found = variogram([1.0, 2, 3, 4], [0, 0, 5, 5], list("aaaa"), bins=1)
    assert found.n_same_time == 2 and found.table["n_pairs"].tolist() == [4]
    assert math.isnan(found.variance), "one patient has no between-patient pairs"


def test_tied_lags_give_fewer_bins():
    table = variogram(normal(9).ravel()[:60], TIME[:60], GROUP[:60], bins=50).table
    assert table["lag"].tolist() == [1, 2, 3, 4, 5]


def test_what_is_refused():
    with pytest.raises(UsageError, match="one length"):
        variogram([1.0, 2.0], [0.0], ["a", "a"])
    with pytest.raises(AnalysisError, match="1 missing"):
        variogram([1.0, math.nan], [0.0, 1.0], ["a", "a"])
    with pytest.raises(AnalysisError, match="two times"):
        variogram([1.0, 2.0], [0.0, 1.0], ["a", "b"])
    with pytest.raises(UsageError, match="2 pairs"):
        variogram([1.0, 2.0, 3.0], [0.0, 1.0, 9.0], ["a"] * 3, bins=[0, 5])
    with pytest.raises(UsageError, match="ascend"):
        variogram([1.0, 2.0], [0.0, 1.0], ["a", "a"], bins=[3, 2])
    with pytest.raises(UsageError, match="number of bins"):
        variogram([1.0, 2.0], [0.0, 1.0], ["a", "a"], bins=0)
