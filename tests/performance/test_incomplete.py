from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.auc import auc
from lumier_analysis.performance.incomplete import auc_bounds, effective_size, observation_weights

NA = np.nan


def test_weights_by_hand():
    # Day 10: one of four open windows lost (G = 3/4); day 30: one of two (G = 3/8).
    weight = observation_weights([1, NA, 0, NA, 0], [5, 10, 20, 30, 90])
    np.testing.assert_allclose(weight, [1, 0, 4 / 3, 0, 8 / 3], rtol=1e-14)
    assert weight.sum() == pytest.approx(5)


def test_an_outcome_of_the_same_day_comes_before_the_loss():
    np.testing.assert_allclose(observation_weights([1, NA, 0], [10, 10, 20]), [1, 0, 2])


def test_loss_on_the_landmark_itself():
    np.testing.assert_allclose(observation_weights([NA, 1, 0, 0], [0, 5, 9, 9]), [0, 4 / 3, 4 / 3, 4 / 3])


def test_complete_observation_weighs_one():
    assert (observation_weights(pd.array([1, 0, 0], dtype="Int64"), [1, 2, 3]) == 1).all()


def test_strata_have_their_own_curve():
    y, days = np.array([1, NA, 0, 0, 0]), np.array([20, 10, 30, 30, 30])
    weight = observation_weights(y, days, strata=["M0", "M0", "M0", "M9", "M9"])
    np.testing.assert_allclose(weight, [1.5, 0, 1.5, 1, 1])


def test_weights_restore_the_event_rate():
    """Loss at random in the window: the weighted rate is the true one, that of complete rows is too high."""
    rng = np.random.default_rng(6)
    n = 100_000
    flare, loss = rng.exponential(600, n), rng.exponential(200, n)
    time = np.minimum(np.minimum(flare, loss), 91.0)
    y = np.where(flare <= np.minimum(loss, 91), 1.0, np.where(loss < 91, NA, 0.0))
    weight = observation_weights(y, time)
    true = 1 - np.exp(-91 / 600)
    seen = ~np.isnan(y)
    se = np.sqrt(true * (1 - true) / seen.sum())
    assert abs(np.average(y[seen], weights=weight[seen]) - true) < 4 * se
    assert y[seen].mean() - true > 10 * se
    assert effective_size(weight) < seen.sum()


def test_bounds_are_those_of_every_completion():
    rng = np.random.default_rng(9)
    y = np.array([1, 1, 0, 0, 0, NA, NA, NA, NA, NA])
    for _ in range(20):
        s = rng.integers(0, 6, y.size).astype(float)  # with ties
        every = []
        for filled in product([0, 1], repeat=5):
            completed = y.copy()
            completed[5:] = filled
            every.append(auc(completed, s).value)
        found = auc_bounds(y, s)
        assert (found.worst, found.best) == (pytest.approx(min(every)), pytest.approx(max(every)))
        assert found.complete == auc(y[:5], s[:5]).value and found.no_event == pytest.approx(every[0])


def test_nothing_lost_leaves_one_value():
    found = auc_bounds([1, 0, 0], [3.0, 1.0, 4.0])
    assert found[:4] == (0.5, 0.5, 0.5, 0.5) and found.n_lost == 0


@pytest.mark.parametrize(
    ("y", "days", "strata", "message"),
    [
        ([1, 0], [-1, 2], None, "negative"),
        ([1, 2], [1, 2], None, "0 or 1"),
        ([1, 0], [1, NA], None, "missing values"),
        ([1, 0], [1, 2], ["a", None], "every row"),
    ],
)
def test_refusals(y, days, strata, message):
    with pytest.raises(AnalysisError, match=message):
        observation_weights(y, days, strata=strata)


def test_bounds_need_both_classes():
    with pytest.raises(AnalysisError, match="an event and a non-event"):
        auc_bounds([NA, 0], [1.0, 2.0])
