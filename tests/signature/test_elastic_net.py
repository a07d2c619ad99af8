from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature import solver
from lumier_analysis.signature.elastic_net import Walker, fit_path, lambda_grid
from lumier_analysis.signature.preparation import learn_preparation

REFERENCE = Path(__file__).parents[1] / "reference" / "glmnet"
# Asked of coefficients per standard deviation at the same penalty; our models are optimal to 1e-7, glmnet's about so.
AGREEMENT = 1e-5


def data(n=120, p=15, seed=3):
    """Correlated standardised columns."""
    rng = np.random.default_rng(seed)
    x = 0.7 * rng.standard_normal((n, 1)) + rng.standard_normal((n, p))
    event = rng.random(n) < 1 / (1 + np.exp(1 - x[:, 0] + 0.7 * x[:, 1]))
    return (x - x.mean(0)) / x.std(0), event


def grid(x, event, alpha, n=40, ratio=0.01):
    return lambda_grid(x, event, alpha, n, ratio)


def violation(x, event, alpha, lam, b0, b):
    """Largest departure from the optimality conditions, computed apart from the solver."""
    residual = event - 1 / (1 + np.exp(-(b0 + x @ b)))
    g = x.T @ residual / event.size - lam * (1 - alpha) * b
    inside = np.abs(g - lam * alpha * np.sign(b))[b != 0]
    outside = (np.abs(g) - lam * alpha)[b == 0]
    return max(abs(residual.mean()), inside.max(initial=0), outside.max(initial=0))


def worst(x, event, alpha, path):
    return max(
        violation(x, event, alpha, path.lambdas[i], path.intercepts[i], path.coefs[i]) for i in range(path.n_fitted)
    )


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0])
@pytest.mark.parametrize(("n", "p"), [(120, 15), (40, 90), (300, 60)])
def test_every_model_of_the_path_is_optimal(alpha, n, p):
    x, event = data(n, p)
    path = fit_path(x, event, alpha, grid(x, event, alpha, 60, 1e-4))
    assert path.n_fitted > 20
    # The solver stops at 1e-7, in other roundings of the same sums.
    assert worst(x, event, alpha, path) < 1.01e-7


@pytest.mark.parametrize("alpha", [0.2, 1.0])
@pytest.mark.parametrize("at", [5, 15, 30])
def test_agrees_with_scikit_learn(alpha, at):
    x, event = data()
    path = fit_path(x, event, alpha, grid(x, event, alpha))
    # scikit-learn: C times the summed loss plus the penalty; ours: mean loss plus lambda times the penalty.
    other = LogisticRegression(
        l1_ratio=alpha, C=1 / (event.size * path.lambdas[at]), solver="saga", tol=1e-12, max_iter=50_000, random_state=0
    ).fit(x, event)
    np.testing.assert_allclose(path.coefs[at], other.coef_[0], atol=AGREEMENT)
    np.testing.assert_allclose(path.intercepts[at], other.intercept_[0], atol=AGREEMENT)


@pytest.mark.parametrize("name", ["plain", "wide", "rare"])
@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0])
def test_agrees_with_glmnet(name, alpha):
    stored = pd.read_csv(REFERENCE / "coefficients.csv").query("data == @name and alpha == @alpha")
    frame = pd.read_csv(REFERENCE / f"{name}.csv")
    event, features = frame["event"].to_numpy() == 1, frame.drop(columns=["event", "fold"])
    prepared = learn_preparation(features.to_numpy())
    lambdas = np.sort(stored["lambda"].unique())[::-1]
    path = fit_path(prepared.apply(features.to_numpy()), event, alpha, lambdas)
    assert path.n_fitted == lambdas.size == 6
    for lam, intercept, coef in zip(lambdas, path.intercepts, path.coefs, strict=True):
        theirs = stored[stored["lambda"] == lam].set_index("term")["value"]
        expected = theirs.reindex(features.columns, fill_value=0.0).to_numpy()
        np.testing.assert_allclose(coef, expected * prepared.sd, atol=AGREEMENT)
        # glmnet's intercept belongs to raw columns, whose means of 5 magnify the difference.
        np.testing.assert_allclose(intercept - (coef / prepared.sd) @ prepared.mean, theirs["(Intercept)"], atol=1e-4)


def test_the_largest_penalty_just_empties_the_model():
    x, event = data()
    lambdas = grid(x, event, 0.5, 100)
    assert lambdas[-1] == pytest.approx(0.01 * lambdas[0])
    assert not fit_path(x, event, 0.5, lambdas[:1]).coefs.any()
    assert fit_path(x, event, 0.5, np.array([0.99 * lambdas[0]])).coefs.any()


def test_stops_where_the_classes_are_separated():
    x, _ = data()
    event = x[:, 0] > 0
    path = fit_path(x, event, 1.0, grid(x, event, 1.0, 100, 1e-6))
    assert path.n_fitted < 100
    np.testing.assert_array_equal(path.coefs[path.n_fitted - 1], path.coefs[-1])
    assert np.isfinite(path.coefs).all()
    assert worst(x, event, 1.0, path) < 1.01e-7


def test_stops_where_nothing_is_left_to_explain():
    x, event = data(n=400, p=3)
    path = fit_path(x, event, 0.5, grid(x, event, 0.5, 100, 1e-9))
    free = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(x, event)
    assert path.n_fitted < 100
    # The step before the stop explained less than 1e-5 more: the end lies so near to the free fit.
    np.testing.assert_allclose(path.coefs[-1], free.coef_[0], atol=0.01)


def test_identical_and_constant_columns():
    x, event = data()
    x = np.column_stack([x, x[:, 0], np.zeros(len(x))])
    for alpha in (0.5, 1.0):
        path = fit_path(x, event, alpha, grid(x, event, alpha, 30))
        assert np.isfinite(path.coefs).all() and not path.coefs[:, -1].any()
        assert worst(x, event, alpha, path) < 1.01e-7
    # Under a ridge part twins share alike; how nearly, the tolerance of the conditions over the ridge says.
    path = fit_path(x, event, 0.5, grid(x, event, 0.5, 30))
    np.testing.assert_allclose(path.coefs[:, 0], path.coefs[:, -2], atol=1e-4)


def test_no_usable_column_leaves_the_event_rate():
    _, event = data()
    path = fit_path(np.zeros((120, 2)), event, 0.5, grid(np.zeros((120, 2)), event, 0.5, 5))
    assert not path.coefs.any()
    np.testing.assert_allclose(1 / (1 + np.exp(-path.intercepts)), event.mean())


def test_a_path_may_be_walked_in_pieces():
    x, event = data()
    lambdas = grid(x, event, 0.5, 40, 1e-3)
    whole, walker = fit_path(x, event, 0.5, lambdas), Walker(x, event, 0.5, lambdas)
    for end in (1, 7, 8, 40):
        walker.advance(end)
    np.testing.assert_array_equal(walker.coefs, whole.coefs)
    np.testing.assert_array_equal(walker.intercepts, whole.intercepts)


def test_looking_ahead_leaves_the_walk_where_it_is():
    x, event = data()
    lambdas = grid(x, event, 0.5, 40, 1e-3)
    whole, walker = fit_path(x, event, 0.5, lambdas), Walker(x, event, 0.5, lambdas)
    walker.advance(10)
    intercepts, coefs = walker.look_ahead(np.array([15, 30, 39]), 1e-6)
    np.testing.assert_allclose(coefs, whole.coefs[[15, 30, 39]], atol=1e-4)
    np.testing.assert_allclose(intercepts, whole.intercepts[[15, 30, 39]], atol=1e-4)
    walker.advance(40)
    np.testing.assert_array_equal(walker.coefs, whole.coefs)


def test_a_model_that_does_not_converge_is_refused(monkeypatch):
    x, event = data()
    monkeypatch.setattr(solver, "MOST_STEPS", 1)
    with pytest.raises(AnalysisError, match="does not converge"):
        fit_path(x, event, 0.5, grid(x, event, 0.5))
