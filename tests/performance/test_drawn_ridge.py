from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import BayesianRidge

from lumier_analysis.performance.drawn_ridge import DrawnRidge, Stream


def data(n=30, k=3):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, k))
    return x, 2 + x @ np.array([1.0, -0.5, 0.0]) + 0.8 * rng.standard_normal(n)


def test_draws_scatter_around_the_posterior():
    x, y = data()
    plain = BayesianRidge().fit(x, y)
    fits = [DrawnRidge(Stream(s)).fit(x, y) for s in range(3000)]
    coefficients = np.array([f.drawn_coef_ for f in fits])
    spread = np.sqrt(np.diag(plain.sigma_))
    np.testing.assert_allclose(coefficients.mean(axis=0), plain.coef_, atol=4 * spread.max() / np.sqrt(3000))
    df = 30 - 1 - (3 - plain.lambda_ * np.trace(plain.sigma_))
    np.testing.assert_allclose(coefficients.std(axis=0), spread * np.sqrt(df / (df - 2)), rtol=0.06)
    noise = np.mean([f.noise_**2 for f in fits])
    assert noise == pytest.approx((df + 1) / df / plain.alpha_ * df / (df - 2), rel=0.05)
    at_centre = [f.predict(x.mean(axis=0, keepdims=True))[0] for f in fits]
    assert np.std(at_centre) == pytest.approx(np.sqrt(noise / 30), rel=0.06)


def test_predictions_share_one_draw():
    x, y = data()
    fit = DrawnRidge(Stream(4)).fit(x, y)
    mean, std = fit.predict(x, return_std=True)
    np.testing.assert_allclose(mean, x @ fit.drawn_coef_ + fit.drawn_intercept_)
    assert np.unique(std).size == 1 and std[0] > 0
    np.testing.assert_array_equal(mean, DrawnRidge(Stream(4)).fit(x, y).predict(x))


def test_copies_draw_on_from_one_stream():
    x, y = data()
    first = DrawnRidge(Stream(4))
    one, two = clone(first).fit(x, y), clone(first).fit(x, y)
    assert not np.allclose(one.drawn_coef_, two.drawn_coef_)
