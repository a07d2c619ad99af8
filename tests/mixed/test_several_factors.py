"""One factor and several against the n x n covariance; the same assertions hold for both."""

from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.fit_lmm import Arrays, arrange
from lumier_analysis.mixed.grouped import OneFactor
from lumier_analysis.mixed.several_factors import SeveralFactors
from tests.mixed.lmm_problems import dense_deviance, one_factor, relative_covariance, slope, three_factors

MODELS = {"one": (one_factor, (0.8, -0.3, 0.5)), "three": (three_factors, (0.6, 0.1, 0.3, 0.8, -0.3, 0.5, 1.2))}


def arranged(name: str, correlated: bool = True) -> tuple[Arrays, np.ndarray, np.ndarray, list, list, np.ndarray]:
    make, theta = MODELS[name]
    y, x, z, codes = make()
    arrays = arrange(x, z, codes, correlated=correlated)
    values = np.array(theta)
    if not correlated:
        values = np.abs(values[: len(arrays.structure.at)])
    zs, cs = (z, codes) if isinstance(z, list) else ([z], [codes])
    return arrays, y, x, zs, cs, values


@pytest.mark.parametrize("correlated", [True, False])
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_deviance_and_its_derivatives(name: str, reml: bool, correlated: bool) -> None:
    arrays, y, x, zs, cs, theta = arranged(name, correlated)
    problem = arrays.problem(y, reml=reml)

    def dense(t: np.ndarray) -> float:
        return dense_deviance(y, x, relative_covariance(zs, cs, arrays.structure.factors(t)), reml)

    assert problem.deviance(theta) == pytest.approx(dense(theta), abs=1e-9)
    inner = arrays.inner @ (theta * arrays.scales)
    _, gradient, hessian = problem.derivatives(inner)
    back = arrays.inner.T @ gradient * arrays.scales
    np.testing.assert_allclose(back, slope(dense, theta), rtol=1e-5, atol=1e-6)
    expected = slope(lambda t: problem.derivatives(t)[1], inner)
    np.testing.assert_allclose(hessian, expected, rtol=1e-6, atol=1e-7)
    parts = problem.parts(theta * arrays.scales)
    first, _ = arrays.structure.to_theta(theta * arrays.scales, parts.first, parts.second)
    np.testing.assert_allclose(first * arrays.scales, back, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_traces(name: str) -> None:
    arrays, y, _, zs, cs, theta = arranged(name)
    problem = arrays.problem(y)
    got = problem.blocks.traces(arrays.inner @ (theta * arrays.scales), arrays.structure)
    inverse = np.linalg.inv(relative_covariance(zs, cs, arrays.structure.factors(theta)))
    changes = []
    for f, a, b in arrays.structure.at:
        unit = np.zeros((arrays.structure.sizes[f],) * 2)
        unit[a, b] = unit[b, a] = 1.0
        z = zs[f] / arrays.widths[f] @ np.linalg.inv(arrays.turns[f])
        changes.append(z @ unit @ z.T * (cs[f][:, None] == cs[f][None, :]))
    q = arrays.q
    lower = np.linalg.cholesky(q.T @ inverse @ q)
    turn = q @ np.linalg.inv(lower).T
    np.testing.assert_allclose(got.lower, lower, atol=1e-10)
    for i, left in enumerate(changes):
        assert got.one[i] == pytest.approx(np.trace(inverse @ left), rel=1e-9)
        np.testing.assert_allclose(got.slopes[i], -turn.T @ inverse @ left @ inverse @ turn, rtol=1e-7, atol=1e-9)
        for j, right in enumerate(changes):
            assert got.two[i, j] == pytest.approx(np.trace(inverse @ left @ inverse @ right), rel=1e-8, abs=1e-10)
            expected = turn.T @ inverse @ left @ inverse @ right @ inverse @ turn
            np.testing.assert_allclose(got.curves[i, j], expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_conditional_modes_and_fitted_values(name: str) -> None:
    arrays, y, x, zs, cs, _ = arranged(name)
    fit = arrays.problem(y).fit()
    factors = arrays.structure.factors(fit.theta)
    rest = np.linalg.solve(relative_covariance(zs, cs, factors), y - x @ fit.beta)
    effects = np.zeros(len(y))
    for z, codes, t, modes in zip(zs, cs, factors, fit.modes, strict=True):
        for level, mode in enumerate(modes):
            own = codes == level
            np.testing.assert_allclose(mode, t @ t.T @ z[own].T @ rest[own], atol=1e-8)
            effects[own] += z[own] @ mode
    np.testing.assert_allclose(fit.fitted[0], x @ fit.beta, atol=1e-10)
    np.testing.assert_allclose(fit.fitted[1], x @ fit.beta + effects, atol=1e-8)


def test_one_factor_is_the_same_either_way() -> None:
    """A second factor whose variance is zero leaves the first alone."""
    y, x, z, codes = one_factor()
    other = np.arange(len(y), dtype=np.intp) % 2
    both = arrange(x, [z, np.ones((len(y), 1))], [codes, other])
    alone = arrange(x, z, codes)
    assert isinstance(both.blocks, SeveralFactors) and isinstance(alone.blocks, OneFactor)
    theta = np.array([0.8, -0.3, 0.5])
    assert both.problem(y).deviance([*theta, 0.0]) == pytest.approx(alone.problem(y).deviance(theta), abs=1e-9)


def test_order_of_factors_does_not_matter() -> None:
    y, x, z, codes = three_factors()
    forth, back = arrange(x, z, codes).problem(y).fit(), arrange(x, z[::-1], codes[::-1]).problem(y).fit()
    assert forth.log_likelihood == pytest.approx(back.log_likelihood, abs=1e-8)
    for left, right in zip(forth.random_covariance, back.random_covariance[::-1], strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)
