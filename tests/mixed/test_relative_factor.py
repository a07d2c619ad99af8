from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.relative_factor import structure
from tests.mixed.lmm_problems import slope

THETA = np.array([0.7, -0.4, 1.1, 0.3, 0.2, 0.9, 2.0])


@pytest.mark.parametrize("correlated", [True, False])
def test_elements_are_those_of_the_product(correlated: bool) -> None:
    shape = structure((3, 1), correlated)
    theta = THETA[: len(shape.at)]
    factors = shape.factors(theta)
    assert [t.shape for t in factors] == [(3, 3), (1, 1)]
    assert all(np.allclose(t, np.tril(t)) for t in factors)
    expected = [(factors[f] @ factors[f].T)[i, j] for f, i, j in shape.at]
    np.testing.assert_allclose(shape.elements(theta), expected)


def test_theta_runs_down_the_columns_as_in_lme4() -> None:
    (t,) = structure((2,)).factors(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(t, [[1.0, 0.0], [2.0, 3.0]])


def test_derivatives_carry_over() -> None:
    shape = structure((3, 1))
    weights = np.random.default_rng(3).standard_normal(len(shape.at))

    def value(theta: np.ndarray) -> float:
        g = shape.elements(theta)
        return float(weights @ g + (weights @ g) ** 2)

    g = shape.elements(THETA)
    first = weights * (1 + 2 * weights @ g)
    gradient, hessian = shape.to_theta(THETA, first, 2 * np.outer(weights, weights))
    np.testing.assert_allclose(gradient, slope(value, THETA), rtol=1e-6)
    expected = slope(lambda t: slope(value, t, 1e-4), THETA, 1e-4)
    np.testing.assert_allclose(hessian, expected, rtol=1e-4, atol=1e-4)


def test_signs_of_columns_change_nothing() -> None:
    shape = structure((3, 1))
    theta = THETA.copy()
    theta[[0, 5]] *= -1
    turned = shape.positive(theta)
    assert (turned[shape.on_diagonal] >= 0).all()
    np.testing.assert_allclose(shape.elements(turned), shape.elements(theta))
