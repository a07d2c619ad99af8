"""Minimum of a smooth deviance by Newton steps in a trust region, from several starts that must agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: theta -> value, gradient, Hessian
Deviance = Callable[[Floats], tuple[float, Floats, Floats]]
#: Start, and a minimum already known, if any -> where Newton steps end
Descent = Callable[[Floats, "Optimum | None"], "Optimum"]

#: Two ends whose deviances differ by less are the same optimum: far below what any test can see.
AGREEMENT = 1e-6
# A step that promises less is taken without asking whether the value fell: it is below its rounding error.
_POLISH = 1e-8
# Below this, the next step changes nothing that is printed.
_DONE = 1e-14
# Curvatures this small beside the largest count as flat, and as a saddle only beyond.
_FLAT = 1e-9
MOST_STEPS = 200
# Starts: a standard deviation of random effects of twice and of a twentieth of the residual's, on scaled columns.
_HIGH, _LOW, _DIVIDE = 2.0, 0.05, 0.3


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a search ended.

    Attributes
    ----------
    theta : ndarray
    value : float
    converged : bool
        The gradient is zero and no direction curves down.
    evaluations : int
        Of all starts.
    starts : int
    spread : float
        How far the deviance of the worst converged start lies above the best one; 0 where all agree, else there are
        several optima.
    curvature : tuple of ndarray, optional
        Eigenvalues and eigenvectors of the Hessian at theta, where one search alone tells.
    """

    theta: Floats
    value: float
    converged: bool
    evaluations: int
    starts: int = 1
    spread: float = 0.0
    curvature: tuple[Floats, Floats] | None = None


def newton(deviance: Deviance, start: Floats) -> Optimum:
    """Return the optimum that Newton steps reach from one start.

    A direction that curves down is followed downhill, with its curvature taken as positive; at a saddle it is entered
    though the gradient is zero. So the end is a minimum, not merely a stationary point.
    """
    theta, radius = start.astype(np.float64), 2.0
    value, gradient, hessian = deviance(theta)
    evaluations, polished = 1, np.inf
    for _ in range(MOST_STEPS):
        if not np.isfinite(value):
            break
        step, promise = _step(gradient, hessian, radius)
        if promise < _DONE or promise > 0.5 * polished:
            return Optimum(theta, value, True, evaluations)
        new_value, new_gradient, new_hessian = deviance(theta + step)
        evaluations += 1
        if promise < _POLISH:
            if not new_value < value + _POLISH:
                return Optimum(theta, value, True, evaluations)
            polished = promise
        else:
            polished = np.inf
            ratio = (value - new_value) / promise
            length = float(np.linalg.norm(step))
            if not ratio > 0.1:
                radius = 0.3 * length
                if radius < 1e-10:
                    break
                if not ratio > 0.0:
                    continue
            elif ratio > 0.7:
                radius = max(radius, 3 * length)
        theta, value, gradient, hessian = theta + step, new_value, new_gradient, new_hessian
    return Optimum(theta, value, False, evaluations)


def _step(gradient: Floats, hessian: Floats, radius: float) -> tuple[Floats, float]:
    """Return the step within the radius, and the decrease it promises."""
    curvature, vectors = np.linalg.eigh(hessian)
    along = vectors.T @ gradient
    size = np.abs(curvature)
    flat = _FLAT * max(1e-300, float(size.max()))
    size = np.maximum(size, flat)
    # Not to overflow on a plain: the step is cut to the radius in any case.
    move = np.clip(-along / np.maximum(size, 1e-100), -1e100, 1e100)
    down = curvature < -1e3 * flat
    if down.any():
        push = min(radius, 0.25)
        move = np.where(down & (np.abs(move) < push), np.where(along > 0, -push, push), move)
    length = float(np.linalg.norm(move))
    if length > radius:
        move *= radius / length
    promise = float(-(along @ move) - 0.5 * (curvature * move) @ move)
    return vectors @ move, max(promise, 0.0)


def search(
    deviance: Deviance,
    on_diagonal: npt.NDArray[np.bool_],
    first: Floats | None = None,
    thorough: bool = False,
    descend: Descent | None = None,
) -> Optimum:
    """Return the best optimum of two starts, or of many where those differ or a variance is near zero.

    Parameters
    ----------
    deviance : callable
    on_diagonal : ndarray of bool, shape (k,)
        Entries of theta that are standard deviations; others start at 0.
    first : ndarray, optional
        The first start, such as the solution of a similar problem.
    thorough : bool
        Many starts in any case, as befits few data, where likelihoods have several maxima most often.
    descend : callable, optional
        What takes the steps of `newton` faster. The second search may end where it has joined the first one's optimum;
        all others go to their own end.
    """
    if descend is None:

        def descend(start: Floats, known: Optimum | None) -> Optimum:
            return newton(deviance, start)

    ends = [descend(on_diagonal.astype(np.float64) if first is None else first, None)]
    # The second start lies on the other side of the first end: between them a ridge would show.
    size = np.abs(ends[0].theta)
    near_zero = bool((size[on_diagonal] < 1e-3).any())
    known = ends[0] if ends[0].converged and not (near_zero or thorough) else None
    ends.append(descend(np.where(on_diagonal, np.where(size < _DIVIDE, _HIGH, _LOW), 0.0), known))
    apart = not all(end.converged for end in ends) or abs(ends[0].value - ends[1].value) > AGREEMENT
    if near_zero and first is not None and not (thorough or apart):
        # Refits by the thousand: what two starts agree on is asked of three more, not of all.
        ends.extend(descend(start, None) for start in _more_starts(on_diagonal)[:3])
    elif thorough or near_zero or apart:
        if thorough or apart:
            ends.extend(descend(start, None) for start in _scattered(on_diagonal))
        ends.extend(descend(start, None) for start in _more_starts(on_diagonal))
        if not on_diagonal.all():
            # Where correlations of either sign fit, the valley between them is seldom crossed.
            theta = min(ends, key=lambda end: end.value).theta
            ends.append(descend(np.where(on_diagonal, np.maximum(np.abs(theta), 0.5), -theta), None))
            ends.append(descend(np.where(on_diagonal, np.maximum(np.abs(theta), 0.5), -5 * theta), None))
    best = min(ends, key=lambda end: (not end.converged, end.value) if np.isfinite(end.value) else (True, np.inf))
    lowest = min(end.value for end in ends)
    spread = max((end.value for end in ends if end.converged), default=np.nan) - lowest
    return Optimum(
        best.theta, best.value, best.converged and best.value < lowest + AGREEMENT, sum(e.evaluations for e in ends),
        len(ends), spread if spread > AGREEMENT else 0.0,
    )  # fmt: skip


def _scattered(on_diagonal: npt.NDArray[np.bool_]) -> Floats:
    """Return ten starts drawn once for all, standard deviations of random effects from 0.05 to 10 residual ones."""
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(-0.5, 1.5, (10, on_diagonal.size)))
    return np.asarray(rng.standard_normal(size.shape) * size)


def _more_starts(on_diagonal: npt.NDArray[np.bool_]) -> list[Floats]:
    """Return starts with all standard deviations low, high, very high, each high in turn, and correlations of +-1."""
    unit = on_diagonal.astype(np.float64)
    starts = [unit * _LOW, unit * _HIGH, unit * 10.0]
    places = np.flatnonzero(on_diagonal)
    for place in places if places.size > 1 else []:
        start = unit * _LOW
        start[place] = _HIGH
        starts.append(start)
    for place in np.flatnonzero(~on_diagonal):
        for value in (-1.0, 1.0):
            for height in (0.5, 2.0):
                start = unit * height
                start[place] = value * height
                starts.append(start)
    return starts
