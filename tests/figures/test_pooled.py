from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.mstats import hdquantiles

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.pooled import binned_percentiles, run_means, run_starts, smooth_quantile

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("q", [0.1, 0.25, 0.5, 0.9])
def test_quantiles_are_those_of_harrell_and_davis(q):
    x = RNG.standard_normal(60)
    assert smooth_quantile(x, q, least=5) == pytest.approx(float(hdquantiles(x, [q])[0]), rel=1e-10)


@pytest.mark.parametrize(("n", "q", "shown"), [(9, 0.5, False), (10, 0.5, True), (19, 0.25, False), (20, 0.25, True),
                                               (49, 0.9, False), (50, 0.9, True), (50, 0.1, True)])  # fmt: skip
def test_enough_patients_lie_on_either_side(n, q, shown):
    x = RNG.standard_normal(n)
    value = smooth_quantile(x, q, least=5)
    assert np.isfinite(value) == shown
    assert value not in x, "no patient's own value"


def test_several_values_of_one_patient_count_once():
    x = np.arange(20.0)
    assert np.isfinite(smooth_quantile(x, 0.5, least=5, patients=np.arange(20)))
    assert np.isnan(smooth_quantile(x, 0.5, least=5, patients=np.r_[np.repeat([0, 1, 2], [4, 3, 3]), np.arange(3, 13)]))


@pytest.mark.parametrize("n", [5, 9, 10, 23, 500])
def test_runs_hold_enough_patients(n):
    who = RNG.integers(0, max(n // 3, 6), n) if n > 10 else np.arange(n)
    starts = run_starts(who, 5)
    runs = np.split(who, starts[1:])
    assert starts[0] == 0 and sum(map(len, runs)) == n
    assert all(np.unique(run).size >= 5 for run in runs)
    if n == 500:
        assert len(runs) > 60 and len(runs[0]) < 9 and len(runs[-1]) < 9, "short at both ends"


def test_a_patient_of_many_extremes_makes_a_long_run():
    who = np.r_[np.zeros(30), np.arange(1, 40)]
    runs = np.split(who, run_starts(who, 5)[1:])
    assert len(runs[0]) >= 34 and all(np.unique(run).size >= 5 for run in runs)
    assert run_starts([1, 1, 2, 2, 3], 5).size == 0
    with pytest.raises(UsageError, match="at least one"):
        run_starts([1], 0)


def test_means_of_runs():
    x = np.array([[1.0, 3, 5, 7, 9], [0, 0, 0, 3, 3]])
    np.testing.assert_array_equal(run_means(x, np.array([0, 2])), [[2, 7], [0, 2]])


def test_bins_keep_every_value():
    x, y = RNG.standard_normal((2, 600))
    at, bands = binned_percentiles(x, y, np.arange(600), 10, least=5)
    assert at.mean() == pytest.approx(x.mean()) and (np.diff(at) > 0).all()
    assert all((bands[a] < bands[b]).all() for a, b in ((0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 0.9)))
