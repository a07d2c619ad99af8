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

from lumier_analysis.mixed.fit_lmm import LmmFit, Problem, arrange
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.random_design import random_parts

Floats = npt.NDArray[np.float64]

# A standard deviation of zero is a stationary point whatever the deviance does beyond: the search starts off it.
_OFF_ZERO = 0.05


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
    found.extend(_fixed(name, j, fit) for j, name in enumerate(model.terms))
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
        # u holds the length of the second row where its last entry stands, and lacks the other.
        across = np.sqrt(max(0.0, 1 - value**2))
        assert low is not None and high is not None
        full = np.insert(u[:-1], low, 0.0)
        full[low], full[high] = value * full[high], across * full[high]
        total, gradient, by_sigma = whole(full, u[-1])
        gradient[high] = value * gradient[low] + across * gradient[high]
        return total, np.r_[np.delete(gradient, low), by_sigma]

    def residual_at(value: float, u: Floats) -> tuple[float, Floats]:
        total, gradient, _ = whole(u, float(np.log(value / problem.unit)))
        return total, gradient

    theta = np.where(shape.on_diagonal & (theta < _OFF_ZERO), _OFF_ZERO, theta)
    if kind == "sd":
        start = np.r_[np.delete(theta, first), start_sigma]
        held, step = sd_at, 0.3 * estimate + 0.1 * float(np.sqrt(fit.residual_variance)) / float(scales[first])
    elif kind == "correlation":
        assert low is not None and high is not None
        theta[high] = np.hypot(theta[low], theta[high])
        start, held, step = np.r_[np.delete(theta, low), start_sigma], correlation_at, 0.3
    else:
        start, held, step = theta, residual_at, estimate / np.sqrt(2 * n)
    return Held(name, kind, estimate, _minimised(held, start), step)


def _minimised(held: Callable[[float, Floats], tuple[float, Floats]], start: Floats) -> Callable[[float], float]:
    """Return the least deviance at a value held; each search begins where the last one ended, and where the fit is."""
    last: list[Floats] = [start]

    def at(value: float) -> float:
        ends: list[Any] = [
            minimize(lambda u: held(value, u), begin, jac=True, method="BFGS", options={"gtol": 1e-6})
            for begin in ([last[0]] if last[0] is start else [last[0], start])
        ]
        best = min(ends, key=lambda end: float(end.fun))
        last[0] = best.x
        return float(best.fun)

    return at


def _fixed(name: str, j: int, fit: LmmFit) -> Held:
    """Return a coefficient to be held: r2 grows by its squared distance over its variance."""
    problem, arrays = fit.problem, fit.problem.arrays
    n, unit = problem.nu, problem.unit
    inverse = np.linalg.inv(arrays.r)[j]
    phi = solve_triangular(fit.parts.lower, inverse, lower=True)
    se = float(np.sqrt(fit.residual_variance * (phi @ phi)))

    def at(value: float) -> float:
        def deviance(theta: Floats) -> float:
            s = problem.parts(theta)
            variance = solve_triangular(s.lower, inverse, lower=True)
            distance = (value - inverse @ (problem.xy + unit * s.beta)) / unit
            return float(s.deviance - n * np.log(s.r2) + n * np.log(s.r2 + distance**2 / (variance @ variance)))

        shape = arrays.structure
        begin = np.where(shape.on_diagonal & (fit.scaled < _OFF_ZERO), _OFF_ZERO, fit.scaled)
        end = minimize(deviance, begin, method="BFGS", options={"gtol": 1e-5})
        return float(end.fun) + n * (1 - np.log(n))

    return Held(name, "fixed", float(fit.beta[j]), at, se)
