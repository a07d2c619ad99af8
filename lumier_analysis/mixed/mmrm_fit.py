"""Maximise the likelihood of a repeated-measures model: Newton's method with the expected information as its guard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.mmrm_likelihood import Evaluation, evaluate, negative_log_likelihood
from lumier_analysis.mixed.visit_covariance import parameters_near, visit_covariance
from lumier_analysis.mixed.visit_layout import SIMPLER
from lumier_analysis.mixed.visit_patterns import VisitPatterns

Floats = npt.NDArray[np.float64]

_MAX_ITERATIONS = 200
# What a further step would gain in log-likelihood.
_GAIN = 1e-10
# Shares of a step below which no rise is looked for.
_SHORTEST = 1e-10
# Longest step in a parameter, in units of the larger of 1 and its size; e^2 in a standard deviation.
_STEP = 2.0
# Smallest eigenvalue of the correlation matrix below which visits are taken to determine each other.
_SINGULAR = 1e-9
# The likelihood is taken as flat in a parameter that has this little information for a unit of the larger of 1 and its
# size (a patient brings about 1), or in a combination that has this share of the others'.
_FLAT_ONE, _FLAT_SHARE = 1e-4, 1e-8


@dataclass(frozen=True)
class MaximumLikelihood:
    """Where the search ended.

    Attributes
    ----------
    theta : ndarray, shape (r,)
    at : Evaluation
    w : ndarray, shape (r, r)
        Inverse of the observed second derivatives.
    converged : bool
    iterations : int
    """

    theta: Floats
    at: Evaluation
    w: Floats
    converged: bool
    iterations: int


def start(patterns: VisitPatterns, structure: str) -> Floats:
    """Return parameters near the moments of the residuals of least squares, pair by pair of visits."""
    m = patterns.present.shape[1]
    k = patterns.summed(np.broadcast_to(np.eye(m), (len(patterns.counts), 1, m, m)))[0]
    rest = np.append(-np.linalg.solve(k[:-1, :-1], k[:-1, -1]), 1.0)
    total = patterns.moments(np.outer(rest, rest)).sum(axis=0)
    has = patterns.present.astype(np.float64)
    together = has.T @ (patterns.counts[:, None] * has)
    moments = total / np.maximum(together, 1.0)
    floor = 1e-10 * max(float(np.trace(total) / np.trace(together)), 1e-300)
    sd = np.sqrt(np.maximum(np.diag(moments), floor))
    correlation = np.clip(moments / np.outer(sd, sd), -0.95, 0.95)
    np.fill_diagonal(correlation, 1.0)
    return parameters_near(structure, correlation * np.outer(sd, sd))


def maximise(patterns: VisitPatterns, structure: str, *, reml: bool = True) -> MaximumLikelihood:
    """Return the parameters of largest (restricted) likelihood.

    Newton steps where the second derivatives are positive definite, else steps of Fisher scoring; each is halved until
    the likelihood rises.

    Raises
    ------
    AnalysisError
        The likelihood rises without end towards a singular covariance, or does not depend on some parameter.
    """
    theta = start(patterns, structure)
    at = evaluate(patterns, structure, theta, reml=reml)
    if at is None:
        raise AnalysisError(f"the {structure} covariance of the visits has no usable start")
    converged = False
    for iterations in range(1, _MAX_ITERATIONS + 1):  # noqa: B007
        turn, gradient, observed, expected = _local(structure, theta, at, patterns.present.shape[1])
        newton = _inverse(observed, theta)
        direction = -(newton if newton is not None else _ridged_inverse(expected)) @ gradient
        gain = -float(gradient @ direction)
        if gain < _GAIN:
            converged = newton is not None
            break
        size = min(1.0, _STEP / float((np.abs(direction) / np.maximum(np.abs(theta), 1.0)).max()))
        while size > _SHORTEST:
            moved = _moved(structure, theta, size * direction, patterns.present.shape[1])
            value = negative_log_likelihood(patterns, structure, moved, reml=reml)
            if value <= at.value - 1e-4 * size * gain + 1e-13 * abs(at.value):
                break
            size /= 2
        following = evaluate(patterns, structure, moved, reml=reml) if size > _SHORTEST else None
        if following is None:
            break
        theta, at = moved, following
        refuse_singular(structure, theta, patterns.present.shape[1])
    turn, _, observed, _ = _local(structure, theta, at, patterns.present.shape[1])
    w = _inverse(observed, theta)
    if w is None:
        raise AnalysisError(
            f"the data do not determine the {structure} covariance of {patterns.present.shape[1]} visits",
            found=f"{len(theta)} parameters, {int(patterns.counts.sum())} patients; the likelihood is flat in some",
            fix=SIMPLER,
        )
    return MaximumLikelihood(theta, at, turn @ w @ turn.T, converged, iterations)


def refuse_singular(structure: str, theta: Floats, n_visits: int) -> None:
    """Refuse a covariance in which some visits determine others: the likelihood has no maximum there."""
    sigma = visit_covariance(structure, theta, n_visits)
    sd = np.sqrt(np.diag(sigma))
    lowest = float(np.linalg.eigvalsh(sigma / np.outer(sd, sd))[0])
    if lowest < _SINGULAR or sd.min() < 1e-9 * sd.max():
        raise AnalysisError(
            f"the {structure} covariance of the visits runs into a singular one: the likelihood has no maximum",
            found="visits that are determined by others, by the model, or by too few patients",
            fix=SIMPLER,
        )


def _local(structure: str, theta: Floats, at: Evaluation, m: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the Jacobian, gradient, observed and expected information in the coordinates of the search.

    They are theta itself, but for unstructured covariances: there an element of U moves with the size of its row, so
    that the element of L stays while the size changes. Else the likelihood of visits that nearly determine each other
    is a bent valley, which takes hundreds of steps.
    """
    turn, bend = np.eye(len(theta)), np.zeros((len(theta), len(theta)))
    if structure == "unstructured":
        # U_new = (U + move) exp(-change of log size of its row)
        row, element = np.tril_indices(m, -1)[0], np.arange(m, len(theta))
        turn[element, row] = -theta[m:]
        np.add.at(bend, (row, row), at.gradient[m:] * theta[m:])
        bend[row, element] = bend[element, row] = -at.gradient[m:]
    return turn, turn.T @ at.gradient, turn.T @ at.observed @ turn + bend, turn.T @ at.expected @ turn


def _moved(structure: str, theta: Floats, step: Floats, m: int) -> Floats:
    """Return the parameters after a step in the coordinates of the search."""
    moved = theta + step
    if structure == "unstructured":
        moved[m:] *= np.exp(-step[np.tril_indices(m, -1)[0]])
    return moved


def _inverse(hessian: Floats, theta: Floats) -> Floats | None:
    """Return the inverse of second derivatives at theta, or None where they are not safely positive definite."""
    diagonal = np.diag(hessian)
    if not np.isfinite(hessian).all() or (diagonal * np.maximum(theta**2, 1.0)).min() < _FLAT_ONE:
        return None
    scale = np.sqrt(np.outer(diagonal, diagonal))
    values, vectors = np.linalg.eigh(hessian / scale)
    if values[0] < _FLAT_SHARE:
        return None
    return vectors / values @ vectors.T / scale


def _ridged_inverse(expected: Floats) -> Floats:
    """Return the inverse of the expected information, with nothing below a small share of the diagonal."""
    diagonal = np.maximum(np.diag(expected), 1e-8 * max(float(np.diag(expected).max()), 1e-300))
    scale = np.sqrt(np.outer(diagonal, diagonal))
    values, vectors = np.linalg.eigh(expected / scale)
    return vectors / np.maximum(values, 1e-3) @ vectors.T / scale
