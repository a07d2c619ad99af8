from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.performance.likelihood_ratio import log_likelihoods, pool_d3


def test_log_likelihood_by_hand():
    y = np.array([True, False])
    x = np.array([[1.0, 0.0], [1.0, 1.0]])
    value = log_likelihoods(y, [x, x], [np.zeros(2), np.array([0.0, np.log(3)])])
    # Risks 1/2 and 1/2, then 1/2 and 3/4.
    np.testing.assert_allclose(value, [2 * np.log(0.5), np.log(0.5) + np.log(0.25)])


def test_d3_by_hand():
    # m = 5: r = 6/4 * (6 - 5) = 1.5; t = 4: df = 4 * (1 + 2/3)^2.
    statistic, df = pool_d3(6.0, 5.0, 5)
    assert statistic == pytest.approx(2.0) and df == pytest.approx(4 * (5 / 3) ** 2)
    # m = 11: r = 12/10, t = 10: df = 4 + 6 (1 + 0.8 / 1.2)^2.
    statistic, df = pool_d3(6.0, 5.0, 11)
    assert statistic == pytest.approx(5 / 2.2) and df == pytest.approx(4 + 6 * (1 + 0.8 / 1.2) ** 2)


def test_no_variation_between_imputations_is_chi_square():
    assert pool_d3(5.0, 5.0, 20) == (5.0, math.inf)
    # The pooled estimates may fit better by rounding: never a negative increase.
    assert pool_d3(5.0, 5.1, 20) == (5.1, math.inf)
