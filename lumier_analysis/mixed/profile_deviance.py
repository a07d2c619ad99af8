"""Deviance of a mixed model with one parameter held, all others at their best: what a profile is made of.

With T the relative factor of the random effects and sigma the residual standard deviation, -2 log-likelihood is, but
for a constant, ``log|V| + n log sigma^2 + r2 / sigma^2`` (Bates et al. 2015, J Stat Softw 67:1, section 5.1). A
standard deviation, or the correlation of two effects, is an entry of T, or the angle of a row of it, once its effects
come first; so holding it leaves a smooth problem without constraints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.fit_lmm import LmmFit, Problem, arrange
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.optimise import newton
from lumier_analysis.mixed.random_design import random_parts

Floats = npt.NDArray[np.float64]

# A standard deviation of zero is a stationary point whatever the deviance does beyond: the search starts off it.
_OFF_ZERO = 0.05
# Step of the differences of the gradient, for second derivatives: they steer the search, not its end.
_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Held:
    """The deviance as a function of one parameter.

    Attributes
    ----------
    name : str
    kind : str
        sd, correlation, residual or fixed.
    estimate : float
        By maximum likelihood.
    deviance : callable
        Value held -> -2 log-likelihood, others at their best, less a constant common to all parameters.
    step : float
        Rough standard error.
    """

    name: str
    kind: str
    estimate: float
    deviance: Callable[[float], float]
    step: float


def held_parameters(model: LinearMixedModel) -> tuple[float, list[Held]]:
    """Return the least deviance, by maximum likelihood, and every parameter of the model to be held."""
    parts = random_parts(model)
    z, codes = [part for part, _ in parts], [code for _, code in parts]
    # Correlated or not is said once, for all grouping factors.
    at = model.fit.problem.arrays.structure.at
    correlated = bool((at[:, 1] != at[:, 2]).any())

    def arranged(f: int, order: list[int]) -> Problem:
        columns = [part[:, order] if i == f else part for i, part in enumerate(z)]
        names = list(model.effects)
        arrays = arrange(model.design.x, columns, codes, correlated=correlated, names=names)
        return arrays.problem(model.design.y, reml=False)

    fit = arranged(0, list(range(z[0].shape[1]))).fit()
    found: list[Held] = []
    for f, (name, effects) in enumerate(model.effects.items()):
        g, q = fit.random_covariance[f], len(effects)
        sd = np.sqrt(np.diag(g))
        for j in range(q):
            rest = [i for i in range(q) if i != j]
            label = f"sd {effects[j]} | {name}"
            found.append(_variance(label, "sd", float(sd[j]), fit, arranged(f, [j, *rest]), f, [j, *rest]))
            for i in range(j + 1, q) if correlated else ():
                order = [j, i, *(k for k in range(q) if k not in (i, j))]
                r = float(g[i, j] / (sd[i] * sd[j])) if sd[i] * sd[j] > 0 else 0.0
                label = f"cor {effects[j]}, {effects[i]} | {name}"
                found.append(_variance(label, "correlation", r, fit, arranged(f, order), f, order))
    sigma = float(np.sqrt(fit.residual_variance))
    found.append(_variance("sd residual", "residual", sigma, fit, fit.problem, 0, list(range(z[0].shape[1]))))
    found.extend(_fixed(name, j, fit, model) for j, name in enumerate(model.terms))
    n = fit.problem.nu
    return fit.parts.deviance + n * (1 - np.log(n)), found


def _variance(name: str, kind: str, estimate: float, fit: LmmFit, problem: Problem, f: int, order: list[int]) -> Held:
    """Return a standard deviation or a correlation to be held; its effects are the first of factor f in `problem`."""
    arrays, n = problem.arrays, problem.nu
    shape, scales = arrays.structure, arrays.scales
    places = {(int(a), int(i), int(j)): k for k, (a, i, j) in enumerate(shape.at)}
    # The estimates in the new order: T with its rows in that order, made triangular again.
    factors = fit.problem.arrays.structure.factors(fit.theta)
    factors[f] = np.linalg.qr(factors[f][order].T)[1].T if len(places) > sum(shape.sizes) else np.diag(
        np.diag(factors[f])[order]
    )  # fmt: skip
    theta = np.array([factors[a][i, j] for a, i, j in shape.at])
    theta = shape.positive(theta) * scales
    start_sigma = float(np.log(np.sqrt(fit.residual_variance) / problem.unit))
    first, low, high = places[(f, 0, 0)], places.get((f, 1, 0)), places.get((f, 1, 1))

    def whole(theta: Floats, log_sigma: float) -> tuple[float, Floats, float]:
        """Return the deviance and its derivatives in all theta and log sigma."""
        v, s = float(np.exp(2 * log_sigma)), problem.parts(theta)
        value = s.deviance - n * np.log(s.r2) + n * 2 * log_sigma + s.r2 / v
        in_g = s.first + (1 / v - n / s.r2) * s.r2_first
        return float(value), shape.jacobian(theta).T @ in_g, 2 * n - 2 * s.r2 / v

    def sd_at(value: float, u: Floats) -> tuple[float, Floats]:
        fixed = value * scales[first] / problem.unit * np.exp(-u[-1])
        total, gradient, by_sigma = whole(np.insert(u[:-1], first, fixed), u[-1])
        return total, np.r_[np.delete(gradient, first), by_sigma - gradient[first] * fixed]

    def correlation_at(value: float, u: Floats) -> tuple[float, Floats]:
        # u lacks the first entry of the second row, and has the logarithms of the lengths of the two rows in the place
        # of their last entries: were a length to change its sign, so would the correlation.
        across = np.sqrt(max(0.0, 1 - value**2))
        assert low is not None and high is not None
        full = np.insert(u[:-1], low, 0.0)
        lengths = np.exp(full[[first, high]])
        full[first], full[low], full[high] = lengths[0], value * lengths[1], across * lengths[1]
        total, gradient, by_sigma = whole(full, u[-1])
        gradient[high] = (value * gradient[low] + across * gradient[high]) * lengths[1]
        gradient[first] *= lengths[0]
        return total, np.r_[np.delete(gradient, low), by_sigma]

    def residual_at(value: float, u: Floats) -> tuple[float, Floats]:
        total, gradient, _ = whole(u, float(np.log(value / problem.unit)))
        return total, gradient

    theta = np.where(shape.on_diagonal & (theta < _OFF_ZERO), _OFF_ZERO, theta)
    logarithm = np.zeros(len(theta), dtype=bool)
    if kind == "sd":
        start = np.r_[np.delete(theta, first), start_sigma]
        lengths = np.r_[np.delete(shape.on_diagonal, first), False]
        held, step = sd_at, 0.3 * estimate + 0.1 * float(np.sqrt(fit.residual_variance)) / float(scales[first])
    elif kind == "correlation":
        assert low is not None and high is not None
        theta[high] = np.log(np.hypot(theta[low], theta[high]))
        theta[first] = np.log(theta[first])
        start, held, step = np.r_[np.delete(theta, low), start_sigma], correlation_at, 0.3
        lengths = np.r_[np.delete(shape.on_diagonal, low), False]
        logarithm[[first, high - 1]] = True
    else:
        start, held, step = theta, residual_at, estimate / np.sqrt(2 * n)
        lengths = shape.on_diagonal
    # Each length or standard deviation is made small in turn.
    small = [start]
    for k in np.flatnonzero(lengths):
        other = start.copy()
        other[k] = other[k] - 3.0 if logarithm[k] else other[k] * 0.05
        small.append(other)
    return Held(name, kind, estimate, _minimised(held, small), step)


def _minimised(held: Callable[[float, Floats], tuple[float, Floats]], starts: list[Floats]) -> Callable[[float], float]:
    """Return the least deviance at a value held; searches begin where the last one ended, and at all starts.

    Far from the estimate the deviance may have several minima, with one or another variance near zero.
    """
    last: list[Floats] = []

    def at(value: float) -> float:
        ends = [newton(lambda u: _with_hessian(held, value, u), begin) for begin in (*last, *starts)]
        best = min(ends, key=lambda end: end.value if np.isfinite(end.value) else np.inf)
        if not np.isfinite(best.value):
            raise AnalysisError("the profile likelihood cannot be evaluated", found=f"at {value:.4g}")
        last[:] = [best.theta]
        return best.value

    return at


def _with_hessian(
    held: Callable[[float, Floats], tuple[float, Floats]], value: float, u: Floats
) -> tuple[float, Floats, Floats]:
    """Return the deviance, its gradient, and the Hessian by differences of the gradient."""
    total, gradient = held(value, u)
    hessian = np.empty((u.size, u.size))
    for k in range(u.size):
        moved = u.copy()
        moved[k] += _DIFFERENCE * max(1.0, abs(u[k]))
        hessian[k] = (held(value, moved)[1] - gradient) / (moved[k] - u[k])
    return total, gradient, (hessian + hessian.T) / 2


def _fixed(name: str, j: int, fit: LmmFit, model: LinearMixedModel) -> Held:
    """Return a coefficient to be held: the model without its column, of the response less its part."""
    problem, arrays = fit.problem, fit.problem.arrays
    n, unit = problem.nu, problem.unit
    inverse = np.linalg.inv(arrays.r)[j]
    phi = solve_triangular(fit.parts.lower, inverse, lower=True)
    se = float(np.sqrt(fit.residual_variance * (phi @ phi)))
    estimate = float(fit.beta[j])
    if len(fit.beta) == 1:
        return Held(name, "fixed", estimate, _only_coefficient(fit), se)
    parts = random_parts(model)
    others = arrange(
        np.delete(model.design.x, j, axis=1), [z for z, _ in parts], [codes for _, codes in parts],
        correlated=bool((arrays.structure.at[:, 1] != arrays.structure.at[:, 2]).any()), names=list(model.effects),
    )  # fmt: skip
    last = [fit.theta]

    def at(value: float) -> float:
        held = others.problem(model.design.y - value * model.design.x[:, j], reml=False).fit(last[0])
        last[0] = held.theta
        return -2 * held.log_likelihood - n * (np.log(2 * np.pi) + 2 * np.log(unit))

    return Held(name, "fixed", estimate, at, se)


def _only_coefficient(fit: LmmFit) -> Callable[[float], float]:
    """Return the deviance with the only coefficient held: r2 grows by its squared distance over its variance."""
    problem, arrays = fit.problem, fit.problem.arrays
    n, scale = problem.nu, float(arrays.r[0, 0])
    shape = arrays.structure

    def at(value: float) -> float:
        def deviance(theta: Floats) -> float:
            s = problem.parts(theta)
            distance = (value * scale - problem.xy[0]) / problem.unit - s.beta[0]
            return float(s.deviance - n * np.log(s.r2) + n * np.log(s.r2 + (distance * s.lower[0, 0]) ** 2))

        starts = [np.where(shape.on_diagonal & (fit.scaled < _OFF_ZERO), size, fit.scaled) for size in (_OFF_ZERO, 0.5)]
        ends: list[Any] = [minimize(deviance, u, jac="3-point", method="BFGS", options={"gtol": 1e-7}) for u in starts]
        return min(float(end.fun) for end in ends) + n * (1 - float(np.log(n)))

    return at
