"""Likelihood of a repeated-measures model by the parameters of the visits' covariance, with its derivatives.

With W_i = V_i^-1 over the visits that patient i has, K = sum [X y]' W [X y] and A = X'V^-1X its first block, beta
eliminated, minus the (restricted) log-likelihood is half of ``log|V| + r'V^-1r (+ log|A|)`` and a constant (Jennrich
and Schluchter 1986, Biometrics 42:805; Lindstrom and Bates 1988, J Am Stat Assoc 83:1014). Its derivatives are sums
over patterns of traces of m x m matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed.visit_covariance import visit_covariance, visit_derivatives
from lumier_analysis.mixed.visit_patterns import VisitPatterns

Floats = npt.NDArray[np.float64]

# Numbers that one array of kernels may hold.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Evaluation:
    """Minus the log-likelihood at given parameters; the columns of the design come first in Z, the response last.

    Attributes
    ----------
    value : float
    gradient : ndarray, shape (r,)
    observed, expected : ndarray, shape (r, r)
        Second derivatives, and their expectation, which is never negative.
    beta : ndarray, shape (p,)
    phi : ndarray, shape (p, p)
        A^-1.
    slopes : ndarray, shape (r, p, p)
        Derivatives of A.
    """

    value: float
    gradient: Floats
    observed: Floats
    expected: Floats
    beta: Floats
    phi: Floats
    slopes: Floats


def negative_log_likelihood(patterns: VisitPatterns, structure: str, theta: Floats, *, reml: bool = True) -> float:
    """Return minus the log-likelihood; infinite where the covariance is not positive definite.

    Parameters
    ----------
    patterns : VisitPatterns
        Of Z = [X y].
    structure : str
    theta : ndarray, shape (r,)
    reml : bool
        Restricted likelihood, without ``log|X'X|``, as R's mmrm and lme4 count it.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sigma = visit_covariance(structure, theta, patterns.present.shape[1])
    mean = _mean(patterns, sigma, reml)
    return np.inf if mean is None else mean[0]


def evaluate(patterns: VisitPatterns, structure: str, theta: Floats, *, reml: bool = True) -> Evaluation | None:
    """Return minus the log-likelihood and its derivatives; None where the covariance is not positive definite."""
    m = patterns.present.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        sigma, first, second = visit_derivatives(structure, theta, m)
    mean = _mean(patterns, sigma, reml)
    if mean is None:
        return None
    value, w, beta, phi = mean
    p, r = len(beta), len(theta)
    slopes = np.concatenate(
        [-part.summed(w_part[:, None] @ first @ w_part[:, None]) for part, w_part in _parts(patterns, w, r)]
    ).reshape(-1, r, p + 1, p + 1).sum(axis=0)  # fmt: skip
    rest = np.append(-beta, 1.0)
    design_only = np.zeros((p + 1, p + 1))
    design_only[:p, :p] = phi
    by_rest = w @ patterns.moments(np.outer(rest, rest)) @ w
    by_phi = w @ patterns.moments(design_only) @ w
    weighted = patterns.counts[:, None, None] * w
    flat = first.reshape(r, -1)

    def traces(b: Floats) -> Floats:
        """Sum over patterns of tr(S_i W S_j B)."""
        inner = np.tensordot(w, b, axes=(0, 0)).transpose(3, 0, 1, 2)
        return flat @ inner.reshape(m * m, m * m) @ flat.T

    restricted = 1.0 if reml else 0.0
    total = (weighted - by_rest - restricted * by_phi).sum(axis=0)
    gradient = 0.5 * flat @ total.ravel()
    moved = slopes @ rest
    design_slopes = slopes[:, :p, :p]
    turned = phi @ design_slopes
    pairs = np.einsum("iab,jba->ij", turned, turned, optimize=True)
    by_n, of_phi = traces(weighted), traces(by_phi)
    observed = 0.5 * (
        second.reshape(r, r, -1) @ total.ravel()
        - by_n
        + 2 * traces(by_rest)
        - 2 * moved[:, :p] @ phi @ moved[:, :p].T
        + restricted * (2 * of_phi - pairs)
    )
    expected = 0.5 * (by_n + restricted * (pairs - 2 * of_phi))
    return Evaluation(value, gradient, _even(observed), _even(expected), beta, phi, design_slopes)


def kenward_roger_parts(patterns: VisitPatterns, structure: str, theta: Floats, root: Floats) -> tuple[Floats, Floats]:
    """Return Q_ii and R_ii of `small_sample` by new parameters ``root^-1 theta``, shapes (r, p, p).

    With ``w = root root'`` the new parameters have covariance I, and Q_ij and R_ij of different ones do not matter:
    r sums over patients instead of r^2.
    """
    m, r, p = patterns.present.shape[1], len(theta), patterns.n_columns - 1
    sigma, first, second = visit_derivatives(structure, theta, m)
    first = np.tensordot(root.T, first, axes=1)
    second = np.einsum("ik,jk,ijab->kab", root, root, second, optimize=True)
    inverse = _inverse(patterns, sigma)
    assert inverse is not None
    curves, bends = np.zeros((2, r, p + 1, p + 1))
    for part, w in _parts(patterns, inverse[0], r):
        each = w[:, None]
        left = each @ first
        curves += part.summed(left @ left @ each)
        bends += part.summed(each @ second @ each)
    return curves[:, :p, :p], bends[:, :p, :p]


def _parts(patterns: VisitPatterns, w: Floats, each: int) -> list[tuple[VisitPatterns, Floats]]:
    """Return the patterns in parts small enough for `each` kernels a pattern, with their W."""
    step = max(1, _AT_ONCE // (each * w.shape[1] ** 2))
    return [(patterns.part(slice(k, k + step)), w[k : k + step]) for k in range(0, len(w), step)]


def _inverse(patterns: VisitPatterns, sigma: Floats) -> tuple[Floats, float] | None:
    """Return W of each pattern, zero at visits it lacks, shape (P, m, m), and log|V|; None where V is not positive."""
    has = patterns.present
    if not np.isfinite(sigma).all():
        return None
    # A visit that is lacking gets a variance of 1 and no covariance, so that all patterns are inverted at once.
    own = np.where(has[:, :, None] & has[:, None, :], sigma, np.eye(len(sigma)))
    try:
        np.linalg.cholesky(sigma)  # all visits, though no patient may have them all
        lower = np.linalg.cholesky(own)
        inverse = np.linalg.inv(own)
    except np.linalg.LinAlgError:
        return None
    logdet = 2 * np.log(np.einsum("paa->pa", lower)).sum(axis=1) @ patterns.counts
    return np.where(has[:, :, None] & has[:, None, :], _even(inverse), 0.0), float(logdet)


def _mean(patterns: VisitPatterns, sigma: Floats, reml: bool) -> tuple[float, Floats, Floats, Floats] | None:
    """Return minus the log-likelihood, W, beta and phi."""
    inverse = _inverse(patterns, sigma)
    if inverse is None:
        return None
    w, logdet = inverse
    k = patterns.summed(w[:, None])[0]
    p = len(k) - 1
    n = patterns.counts @ patterns.present.sum(axis=1)
    try:
        lower = np.linalg.cholesky(k[:p, :p])
    except np.linalg.LinAlgError:
        return None
    root = np.linalg.inv(lower)
    half = root @ k[:p, p]
    twice = logdet + k[p, p] - half @ half + n * np.log(2 * np.pi)
    if reml:
        twice += 2 * np.log(np.diag(lower)).sum() - p * np.log(2 * np.pi)
    return float(twice / 2), w, root.T @ half, root.T @ root


def _even(a: Floats) -> Floats:
    return (a + a.swapaxes(-1, -2)) / 2
