from __future__ import annotations

import numpy as np

from lumier_analysis.performance.loess import loess


def test_reproduces_a_parabola():
    x = np.sort(np.random.default_rng(0).random(60))
    y = 1 - 2 * x + 3 * x**2
    np.testing.assert_allclose(loess(x, y, x), y, atol=1e-8)


def test_is_weighted_least_squares_at_a_point():
    rng = np.random.default_rng(1)
    x, y = rng.random(40), rng.random(40)
    q = 30
    distance = np.abs(x - 0.3)
    radius = np.sort(distance)[q - 1]
    w = np.clip(1 - (distance / radius) ** 3, 0, None) ** 3
    design = np.vander(x - 0.3, 3, increasing=True) * np.sqrt(w)[:, None]
    expected = np.linalg.lstsq(design, y * np.sqrt(w), rcond=None)[0][0]
    np.testing.assert_allclose(loess(x, y, np.array([0.3])), expected, rtol=1e-8)


def test_few_distinct_values_give_their_means():
    x = np.repeat([0.1, 0.9], 10)
    y = np.r_[np.repeat([0.0, 1.0], 5), np.ones(10)]
    np.testing.assert_allclose(loess(x, y, np.array([0.1, 0.9])), [0.5, 1.0], atol=1e-10)
    np.testing.assert_allclose(loess(np.full(5, 0.2), np.arange(5.0), np.array([0.2])), 2.0)


def test_points_may_repeat_and_come_in_any_order():
    rng = np.random.default_rng(2)
    x, y = rng.random(30), rng.random(30)
    once = loess(x, y, np.array([0.2, 0.5]))
    np.testing.assert_array_equal(loess(x, y, np.array([0.5, 0.2, 0.5])), once[[1, 0, 1]])
