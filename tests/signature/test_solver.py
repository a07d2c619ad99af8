from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.signature.solver import descend, dot, evaluate, exact_move, learn_column, solve
from lumier_analysis.signature.solver_state import empty_state


def problem(seed, k=8, singular=False):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((12, k))
    if singular:
        root[:, 1] = root[:, 0]
    # A linear term that comes from data, as here, has a minimum also where columns coincide.
    linear = root.T @ rng.standard_normal(12) / 4
    return root.T @ root / 12, linear, rng.standard_normal(k) * (rng.random(k) < 0.5)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("ridge", "singular"), [(0.05, False), (0.0, False), (0.0, True)])
def test_descent_solves_the_quadratic_problem_from_any_start(seed, ridge, singular):
    h, c, b = problem(seed, singular=singular)
    slope, lasso = c - h @ b, 0.3
    descend(h, np.arange(8), 8, b, slope, lasso, ridge, 1e-11)
    g = c - h @ b - ridge * b
    np.testing.assert_allclose(slope, c - h @ b, atol=1e-9)
    np.testing.assert_allclose(g[b != 0], lasso * np.sign(b[b != 0]), atol=1e-8)
    assert (np.abs(g[b == 0]) <= lasso + 1e-8).all()


def test_columns_that_are_not_in_play_stay():
    h, c, _ = problem(1)
    b = np.full(8, 0.7)
    slope = c - h @ b
    descend(h, np.array([2, 5]), 2, b, slope, 0.1, 0.0, 1e-11)
    assert (np.delete(b, [2, 5]) == 0.7).all() and (b[[2, 5]] != 0.7).all()


def test_exact_move_ends_at_the_optimum_of_the_signs_or_at_the_first_zero():
    h, c, _ = problem(2)
    b = np.sign(c) * 10.0
    slope = c - h @ b
    moved = 0
    while exact_move(h, np.arange(8), 8, b, slope, 0.3, 0.05) and moved < 20:
        moved += 1
        g = c - h @ b - 0.05 * b
        if np.allclose(g[b != 0], 0.3 * np.sign(b[b != 0]), atol=1e-9):
            break
    # From far away some signs are wrong: each move but the last takes one coefficient to 0 exactly.
    assert 1 <= moved < 9 and (b == 0).sum() == moved - 1
    assert (np.sign(b) * np.sign(c) >= 0).all()


def test_exact_move_declines_a_singular_system():
    h, c, _ = problem(3, singular=True)
    b = np.ones(8)
    before = b.copy()
    assert not exact_move(h, np.arange(8), 8, b, c - h @ b, 0.3, 0.0)
    np.testing.assert_array_equal(b, before)


def test_loss_and_risks_are_exact_over_the_whole_range():
    eta = np.concatenate([np.linspace(-800, 800, 3001), np.zeros(3)])
    y = (np.arange(eta.size) % 3 == 0).astype(float)
    risk, residual = np.empty_like(eta), np.empty_like(eta)
    loss, drift = evaluate(eta, y, risk, residual)
    assert loss == pytest.approx((np.logaddexp(0, eta) - y * eta).mean(), rel=1e-13)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(risk, 1 / (1 + np.exp(-eta)), rtol=1e-14, atol=1e-300)
    np.testing.assert_array_equal(residual, y - risk)
    assert drift == pytest.approx(residual.sum(), abs=1e-9)


def test_sums_are_sums():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 541))
    assert dot(a, b) == pytest.approx(a @ b, rel=1e-12)
    assert dot(a, b) == dot(a, b)


def test_gram_matrix_is_the_weighted_covariance_of_the_columns():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 4)), (rng.random(50) < 0.4).astype(float)
    s = empty_state(x, y, 1.0)
    s.weight[:] = rng.random(50)
    s.scalars[3] = s.weight.sum()
    for j in (2, 0, 3):
        learn_column(s, j, np.empty(50))
    used = [0, 2, 3]
    expected = np.cov(x[:, used], rowvar=False, aweights=s.weight, ddof=0) * s.weight.sum() / 50
    np.testing.assert_allclose(s.gram[np.ix_(used, used)], expected, rtol=1e-12)
    assert s.is_known.tolist() == [True, False, True, True]


def test_a_strong_rule_that_errs_is_found_out():
    """With a penalty far below the one before nearly every column is discarded first, wrongly."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((80, 30))
    x = (x - x.mean(0)) / x.std(0)
    y = (rng.random(80) < 0.5).astype(float)
    cold = empty_state(x, y, 100.0)
    # A former penalty that leaves nobody in doubt: the rule then discards whatever it can.
    cold.scalars[2] = 0.0
    assert solve(cold, 0.02, 0.01, 1e-9, 500)
    warm = empty_state(x, y, 1.0)
    for lasso in np.geomspace(0.3, 0.02, 10):
        assert solve(warm, lasso, 0.01, 1e-9, 500)
    assert np.count_nonzero(cold.b) > 15
    np.testing.assert_allclose(cold.b, warm.b, atol=1e-6)
