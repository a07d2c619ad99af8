"""How the covariance of fixed effects hangs on the variance parameters: arrays for `small_sample`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed.expected_information import extended, restricted_information
from lumier_analysis.mixed.lmm_problem import LmmFit
from lumier_analysis.mixed.model import Spread

Floats = npt.NDArray[np.float64]

# Directions in which the deviance does not curve up, beside the others in correlation form, have no variance.
_FLAT = 1e-9


def satterthwaite_spread(fit: LmmFit) -> Spread:
    """Return the arrays for Satterthwaite's degrees of freedom.

    The parameters are theta and the residual standard deviation, their covariance twice the inverse of the observed
    Hessian of the (restricted) deviance, as in lmerTest (Kuznetsova, Brockhoff and Christensen 2017, J Stat Softw
    82:13). At a variance of zero theta has no first-order influence there, and none is given to it.
    """
    problem, parts = fit.problem, fit.parts
    shape, k = problem.arrays.structure, len(fit.inner)
    sigma2 = parts.r2 / problem.nu
    sigma = np.sqrt(sigma2)
    jacobian = shape.jacobian(fit.inner)
    _, second = shape.to_theta(fit.inner, parts.first, parts.second)
    hessian = np.empty((k + 1, k + 1))
    hessian[:k, :k] = second
    hessian[:k, k] = hessian[k, :k] = -2 * (jacobian.T @ parts.r2_first) / sigma**3
    hessian[k, k] = 4 * problem.nu / sigma2
    phi, back = _covariance(fit)
    slopes = np.concatenate([np.tensordot(jacobian.T, parts.slopes, 1), -2 / sigma * np.eye(len(phi))[None]])
    return Spread(phi, back.T @ slopes @ back, 2 * _inverse(hessian))


def kenward_roger_spread(fit: LmmFit) -> Spread:
    """Return the arrays for Kenward and Roger's adjustment.

    The parameters are the elements of the covariance of random effects and the residual variance, in which the
    covariance of the response is linear; `w` is twice the inverse of the expected information under REML (Halekoh and
    Hojsgaard 2014, J Stat Softw 59:9, as in pbkrtest).
    """
    problem = fit.problem
    shape, n = problem.arrays.structure, problem.arrays.q.shape[0]
    elements = shape.elements(fit.inner)
    traces = problem.blocks.traces(fit.inner, shape)
    two, slopes, curves = extended(traces, elements, n)
    w = 2 * _inverse(restricted_information(two, slopes, curves))
    phi, back = _covariance(fit)
    # V is linear in its parameters: in units of the residual variance these are scaled, which leaves w P P unchanged.
    return Spread(phi, back.T @ slopes @ back, w, back.T @ curves @ back)


def plain_spread(fit: LmmFit) -> Spread:
    """Return the covariance of the fixed effects alone."""
    phi, _ = _covariance(fit)
    p = len(phi)
    return Spread(phi, np.zeros((0, p, p)), np.zeros((0, 0)))


def _covariance(fit: LmmFit) -> tuple[Floats, Floats]:
    """Return phi, and the matrix that turns L^-1 M L^-T into M of the columns of x, in units of the response."""
    problem = fit.problem
    root = fit.parts.lower.T @ problem.arrays.r / np.sqrt(fit.residual_variance)
    inverse = np.linalg.inv(root)
    return inverse @ inverse.T, root


def _inverse(h: Floats) -> Floats:
    """Return the inverse of h; directions in which it is not positive are left out, as in lmerTest."""
    size = np.sqrt(np.abs(np.diag(h)))
    size[size == 0] = 1.0
    values, vectors = np.linalg.eigh(h / np.outer(size, size))
    kept = values > _FLAT
    vectors = vectors[:, kept] / size[:, None]
    return np.asarray(vectors / values[kept] @ vectors.T)
