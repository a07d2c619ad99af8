from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.fit_lmm import arrange
from lumier_analysis.mixed.optimise import newton, search

ONE = np.array([True])


def polynomial(*coefficients: float):  # type: ignore[no-untyped-def]
    """Return a polynomial (constant first) of one variable with its derivatives."""
    p = np.polynomial.Polynomial(coefficients)

    def deviance(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        t = float(theta[0])
        return float(p(t)), np.array([p.deriv()(t)]), np.array([[p.deriv(2)(t)]])

    return deviance


def test_a_saddle_is_left() -> None:
    """theta^4 - theta^2 is stationary at 0, where it curves down."""
    end = newton(polynomial(0, 0, -1, 0, 1), np.zeros(1))
    assert end.converged
    assert abs(end.theta[0]) == pytest.approx(np.sqrt(0.5), abs=1e-7)


def test_a_flat_minimum_is_reached() -> None:
    end = newton(polynomial(0, 0, 0, 0, 1), np.array([1.0]))
    assert end.converged
    assert abs(end.theta[0]) < 1e-2


def test_the_lower_of_two_minima_is_given_and_the_other_told() -> None:
    """Minima of (t^2 - 0.04)^2 (t^2 - 4)^2 - 0.1 t^2 lie near 0.2 and 2, the second lower."""
    p = np.polynomial.Polynomial([-0.04, 0, 1]) ** 2 * np.polynomial.Polynomial([-4, 0, 1]) ** 2
    deviance = polynomial(*(p - np.polynomial.Polynomial([0, 0, 0.1])).coef)
    ends = [newton(deviance, np.array([start])) for start in (0.05, 2.0)]
    best = search(deviance, ONE)
    assert best.value == pytest.approx(min(end.value for end in ends), abs=1e-9)
    assert best.spread == pytest.approx(abs(ends[0].value - ends[1].value), rel=1e-6)
    assert best.starts > 2


def test_no_minimum_is_not_called_converged() -> None:
    def runaway(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return float(-theta[0]), np.array([-1.0]), np.zeros((1, 1))

    assert not search(runaway, ONE).converged


def test_two_maxima_of_a_likelihood_are_told_apart() -> None:
    """Four groups whose restricted likelihood has a maximum at a variance of zero and a higher one inside."""
    y = np.array([0.4, -0.3, 0.5, 0.4, 0.5, -0.3, 0.1, 0.6, -0.9, 1.0])
    codes = np.repeat(np.arange(4), [3, 5, 1, 1])
    ones = np.ones((codes.size, 1))
    problem = arrange(ones, ones, codes).problem(y)
    values = np.array([problem.deviance([t]) for t in np.linspace(0, 20, 4001)])
    valleys = (values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])
    assert valleys.sum() + (values[0] < values[1]) == 2
    fit = problem.fit()
    assert -2 * fit.log_likelihood == pytest.approx(values.min(), abs=1e-5)
    assert fit.theta[0] > 1
    assert fit.optimum.spread == pytest.approx(values[0] - values.min(), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_no_random_start_ends_lower(seed: int) -> None:
    """Small unbalanced data sets, often singular, against 10 random starts each."""
    rng = np.random.default_rng(seed)
    for _ in range(12):
        groups = int(rng.integers(4, 10))
        codes = np.repeat(np.arange(groups), rng.integers(2, 6, groups))
        x = np.column_stack([np.ones(codes.size), rng.uniform(0, 3, codes.size)])
        y = rng.standard_normal(codes.size) + rng.choice([0.0, 1.0]) * rng.standard_normal(groups)[codes]
        problem = arrange(x, x.copy(), codes).problem(y)
        found = problem.fit()
        assert found.converged
        starts = rng.standard_normal((10, 3)) * np.exp(rng.normal(-0.5, 1.5, (10, 3)))
        assert found.optimum.value <= min(newton(problem.derivatives, s).value for s in starts) + 1e-6
