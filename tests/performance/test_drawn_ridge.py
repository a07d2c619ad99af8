from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import BayesianRidge

from lumier_analysis.performance.drawn_ridge import DrawnRidge, Stream, ridge_posterior


def data(n=30, k=3):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, k))
    return x, 2 + x[:, :3] @ np.array([1.0, -0.5, 0.0]) + 0.8 * rng.standard_normal(n)


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
    at_centre = [x.mean(axis=0) @ f.drawn_coef_ + f.drawn_intercept_ for f in fits]
    assert np.std(at_centre) == pytest.approx(np.sqrt(noise / 30), rel=0.06)


@pytest.mark.parametrize(("n", "k"), [(30, 3), (12, 20)])
def test_the_posterior_is_that_of_scikit_learn(n, k):
    x, y = data(n, k)
    x, y = x - x.mean(axis=0), y - y.mean()
    plain = BayesianRidge(tol=1e-12, max_iter=20_000).fit(x, y)
    found = ridge_posterior(x, y)
    np.testing.assert_allclose(found.mean, plain.coef_, atol=1e-4)
    assert found.noise_precision == pytest.approx(plain.alpha_, rel=1e-3)
    assert found.coefficient_precision == pytest.approx(plain.lambda_, rel=1e-3)
    assert found.used == pytest.approx(k - plain.lambda_ * np.trace(plain.sigma_), rel=1e-3)


def test_predictions_share_one_draw_of_the_parameters_and_have_noise_of_their_own():
    x, y = data()
    fit = DrawnRidge(Stream(4)).fit(x, y)
    residual = np.array([fit.predict(x) - x @ fit.drawn_coef_ - fit.drawn_intercept_ for _ in range(2000)])
    np.testing.assert_allclose(residual.std(axis=0), fit.noise_, rtol=0.1)
    assert abs(residual.mean()) < 4 * fit.noise_ / np.sqrt(residual.size)
    one, two = (DrawnRidge(Stream(4)).fit(x, y).predict(x) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_a_predictor_that_tells_all_leaves_no_noise():
    x, _ = data()
    fit = DrawnRidge(Stream(4)).fit(x, x[:, 0])
    assert fit.noise_ < 1e-3
    np.testing.assert_allclose(fit.predict(x), x[:, 0], atol=1e-2)


def test_copies_draw_on_from_one_stream():
    x, y = data()
    first = DrawnRidge(Stream(4))
    one, two = clone(first).fit(x, y), clone(first).fit(x, y)
    assert not np.allclose(one.drawn_coef_, two.drawn_coef_)
