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
# Longest step in any parameter; e^2 in a standard deviation.
_STEP = 2.0
# Smallest eigenvalue of the correlation matrix below which visits are taken to determine each other.
_SINGULAR = 1e-9
# Information is taken as none where, in units of the parameters' own scale, it is this small.
_FLAT = 1e-8


@dataclass(frozen=True)
class MaximumLikelihood:
    """Where the search ended.

    Attributes
    ----------
    theta : ndarray, shape (r,)
    at : Evaluation
    w : ndarray, shape (r, r)
        Inverse of the observed second derivatives; of the expected where the search did not end at a maximum.
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
    floor = 1e-4 * max(float(np.trace(total) / np.trace(together)), 1e-300)
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
    iterations = 0
    while iterations < _MAX_ITERATIONS:
        iterations += 1
        newton = _inverse(at.observed)
        inverse = newton if newton is not None else _ridged_inverse(at.expected)
        direction = -inverse @ at.gradient
        gain = -float(at.gradient @ direction)
        if gain < _GAIN and newton is not None:
            converged = True
            break
        direction *= min(1.0, _STEP / np.abs(direction).max()) if direction.any() else 0.0
        size = 1.0
        while size > 1e-10:
            value = negative_log_likelihood(patterns, structure, theta + size * direction, reml=reml)
            if value <= at.value + 1e-4 * size * float(at.gradient @ direction) + 1e-13 * abs(at.value):
                break
            size /= 2
        else:
            break
        theta = theta + size * direction
        moved = evaluate(patterns, structure, theta, reml=reml)
        if moved is None:  # rounding between two ways to the same number
            break
        at = moved
        refuse_singular(structure, theta, patterns.present.shape[1])
    newton = _inverse(at.observed)
    if newton is None and iterations < _MAX_ITERATIONS:
        raise AnalysisError(
            f"the data do not determine the {structure} covariance of {patterns.present.shape[1]} visits",
            found=f"{len(theta)} parameters, {int(patterns.counts.sum())} patients; the likelihood is flat in some",
            fix=SIMPLER,
        )
    w = newton if newton is not None else _ridged_inverse(at.expected)
    return MaximumLikelihood(theta, at, w, converged, iterations)


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


def _inverse(hessian: Floats) -> Floats | None:
    """Return the inverse of a positive definite matrix, or None."""
    diagonal = np.diag(hessian)
    if not np.isfinite(hessian).all() or diagonal.min() <= 0:
        return None
    scale = np.sqrt(np.outer(diagonal, diagonal))
    values, vectors = np.linalg.eigh(hessian / scale)
    if values[0] < _FLAT:
        return None
    return vectors / values @ vectors.T / scale


def _ridged_inverse(expected: Floats) -> Floats:
    """Return the inverse of the expected information, with nothing below a small share of the diagonal."""
    diagonal = np.maximum(np.diag(expected), 1e-8 * max(float(np.diag(expected).max()), 1e-300))
    scale = np.sqrt(np.outer(diagonal, diagonal))
    values, vectors = np.linalg.eigh(expected / scale)
    return vectors / np.maximum(values, 1e-3) @ vectors.T / scale
