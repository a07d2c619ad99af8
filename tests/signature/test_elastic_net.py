from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lumier_analysis.signature.elastic_net import Walker, fit_path, lambda_grid


def data(n=120, p=15, seed=3):
    """Correlated standardised columns."""
    rng = np.random.default_rng(seed)
    x = 0.7 * rng.standard_normal((n, 1)) + rng.standard_normal((n, p))
    event = rng.random(n) < 1 / (1 + np.exp(1 - x[:, 0] + 0.7 * x[:, 1]))
    return (x - x.mean(0)) / x.std(0), event


def violation(x, event, alpha, lam, b0, b):
    """Largest departure from the optimality conditions, computed apart from the solver."""
    residual = event - 1 / (1 + np.exp(-(b0 + x @ b)))
    g = x.T @ residual / event.size - lam * (1 - alpha) * b
    inside = np.abs(g - lam * alpha * np.sign(b))[b != 0]
    outside = (np.abs(g) - lam * alpha)[b == 0]
    return max(abs(residual.mean()), inside.max(initial=0), outside.max(initial=0))


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0])
def test_every_model_of_the_path_is_optimal(alpha):
    x, event = data()
    path = fit_path(x, event, alpha, lambda_grid(x, event, alpha, 40, 0.01))
    for i in range(path.n_fitted):
        # The solver stops at 1e-7.
        assert violation(x, event, alpha, path.lambdas[i], path.intercepts[i], path.coefs[i]) < 2e-7


@pytest.mark.parametrize("alpha", [0.2, 1.0])
@pytest.mark.parametrize("at", [5, 15, 30])
def test_agrees_with_scikit_learn(alpha, at):
    x, event = data()
    path = fit_path(x, event, alpha, lambda_grid(x, event, alpha, 40, 0.01))
    # scikit-learn: C times the summed loss plus the penalty; ours: mean loss plus lambda times the penalty.
    other = LogisticRegression(
        l1_ratio=alpha, C=1 / (event.size * path.lambdas[at]), solver="saga", tol=1e-12, max_iter=50_000, random_state=0
    ).fit(x, event)
    np.testing.assert_allclose(path.coefs[at], other.coef_[0], atol=1e-5)
    np.testing.assert_allclose(path.intercepts[at], other.intercept_[0], atol=1e-5)


def test_the_largest_penalty_just_empties_the_model():
    x, event = data()
    grid = lambda_grid(x, event, 0.5, 100, 0.01)
    assert grid[-1] == pytest.approx(0.01 * grid[0])
    assert not fit_path(x, event, 0.5, grid[:1]).coefs.any()
    assert fit_path(x, event, 0.5, np.array([0.99 * grid[0]])).coefs.any()


def test_stops_where_the_classes_are_separated():
    x, _ = data()
    event = x[:, 0] > 0
    path = fit_path(x, event, 1.0, lambda_grid(x, event, 1.0, 100, 1e-6))
    assert path.n_fitted < 100
    np.testing.assert_array_equal(path.coefs[path.n_fitted - 1], path.coefs[-1])
    assert np.isfinite(path.coefs).all()


def test_identical_and_constant_columns():
    x, event = data()
    x = np.column_stack([x, x[:, 0], np.zeros(len(x))])
    for alpha in (0.5, 1.0):
        path = fit_path(x, event, alpha, lambda_grid(x, event, alpha, 30, 0.01))
        assert np.isfinite(path.coefs).all() and not path.coefs[:, -1].any()
        last = path.n_fitted - 1
        assert violation(x, event, alpha, path.lambdas[last], path.intercepts[last], path.coefs[last]) < 1e-6
    # Under a ridge part twins share alike.
    path = fit_path(x, event, 0.5, lambda_grid(x, event, 0.5, 30, 0.01))
    np.testing.assert_allclose(path.coefs[:, 0], path.coefs[:, -2], atol=1e-5)


def test_more_columns_than_rows():
    x, event = data(n=40, p=90)
    path = fit_path(x, event, 0.5, lambda_grid(x, event, 0.5, 50, 0.01))
    for i in range(path.n_fitted):
        assert violation(x, event, 0.5, path.lambdas[i], path.intercepts[i], path.coefs[i]) < 2e-7
