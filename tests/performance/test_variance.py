from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.performance.placements import PairCounts
from lumier_analysis.performance.variance import clustered_variance, jackknife_variance


def test_independent_rows_give_the_sum_of_two_variances_of_means():
    rng = np.random.default_rng(0)
    v10, v01, event = rng.random(7), rng.random(9), np.repeat([True, False], [7, 9])
    expected = v10.var(ddof=1) / 7 + v01.var(ddof=1) / 9
    assert clustered_variance(v10, v01, event, np.arange(16), 16) == pytest.approx(expected, rel=1e-12)


def test_one_patient_per_class_is_not_enough():
    v = clustered_variance(np.array([1.0, 0.5]), np.array([0.5]), np.array([True, True, False]), np.array([0, 0, 1]), 2)
    assert math.isnan(v)


def test_jackknife_needs_pairs_after_every_deletion():
    assert math.isnan(jackknife_variance(PairCounts(1.0, 2.0, np.array([1.0, 0.5]), np.array([2.0, 1.0]))))
