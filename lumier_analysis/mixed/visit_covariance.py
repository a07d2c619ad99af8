"""Covariance matrices of the visits of one patient, as functions of unbounded parameters, with their derivatives.

The parameters are those of R's mmrm, because the Kenward-Roger covariance with second derivatives depends on them:

- "unstructured": ``S = L L'``, ``L = diag(exp(a)) U`` with U unit lower triangular: a, then the elements of U below the
  diagonal by row;
- the others: ``S = diag(s) R diag(s)``: log s (one, or one a visit under "heterogeneous"), then a number t for each
  correlation. R has one correlation at all lags ("compound symmetry"), ``rho^lag`` ("ar1"), or one a lag ("toeplitz").
  Under compound symmetry ``rho = a + (1 - a) / (1 + exp(-t))`` with ``a = -1 / (m - 1)``, which is every value that m
  visits can have; else ``rho = t / sqrt(1 + t^2)``.

Not every t gives a positive definite matrix under toeplitz; the likelihood refuses those.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from lumier_analysis.errors import UsageError

Floats = npt.NDArray[np.float64]

#: Names of the structures.
STRUCTURES = (
    "unstructured",
    "compound symmetry",
    "ar1",
    "toeplitz",
    "heterogeneous compound symmetry",
    "heterogeneous ar1",
    "heterogeneous toeplitz",
)
_R_NAMES = dict(zip(("us", "cs", "ar1", "toep", "csh", "ar1h", "toeph"), STRUCTURES, strict=True))
# A start leaves the smallest eigenvalue of the correlation matrix this far from zero.
_ROOM = 0.05


def check_structure(covariance: str) -> str:
    """Return the structure in one spelling, from R mmrm's us, cs, ar1, toep, csh, ar1h, toeph too, or refuse it."""
    name = " ".join(covariance.strip().lower().replace("_", " ").replace("-", " ").split()).replace("ar(1)", "ar1")
    name = _R_NAMES.get(name, name)
    if name not in STRUCTURES:
        raise UsageError(
            "unknown covariance of the visits", found=repr(covariance), fix=f"one of {', '.join(STRUCTURES)}"
        )
    return name


def varies_by_visit(structure: str) -> bool:
    """Return whether each visit has its own variance."""
    return structure == "unstructured" or structure.startswith("heterogeneous")


def n_parameters(structure: str, n_visits: int) -> int:
    """Return how many parameters the structure has."""
    if structure == "unstructured":
        return n_visits * (n_visits + 1) // 2
    return (n_visits if varies_by_visit(structure) else 1) + (n_visits - 1 if structure.endswith("toeplitz") else 1)


def visit_covariance(structure: str, theta: Floats, n_visits: int) -> Floats:
    """Return the covariance matrix of the visits, shape (m, m).

    Parameters
    ----------
    structure : str
        One of `STRUCTURES`.
    theta : ndarray, shape (r,)
        See the top of the module.
    n_visits : int
        m.
    """
    if structure == "unstructured":
        factor = _cholesky_factor(theta, n_visits)
        return factor @ factor.T
    sd, (correlation, _, _) = _sd(structure, theta, n_visits), _correlations(structure, theta, n_visits)
    return sd[:, None] * correlation * sd


def visit_derivatives(structure: str, theta: Floats, n_visits: int) -> tuple[Floats, Floats, Floats]:
    """Return the covariance matrix of the visits and its derivatives by the parameters.

    Returns
    -------
    sigma : ndarray, shape (m, m)
    first : ndarray, shape (r, m, m)
    second : ndarray, shape (r, r, m, m)
    """
    if structure == "unstructured":
        return _unstructured_derivatives(theta, n_visits)
    sd = _sd(structure, theta, n_visits)
    scale = np.outer(sd, sd)
    correlation, by_t, by_t2 = _correlations(structure, theta, n_visits)
    sigma = scale * correlation
    of = np.eye(n_visits) if varies_by_visit(structure) else np.ones((1, n_visits))
    factor = of[:, :, None] + of[:, None, :]
    h, k = len(of), len(by_t)
    first = np.concatenate([factor * sigma, by_t * scale])
    second = np.zeros((h + k, h + k, n_visits, n_visits))
    second[:h, :h] = factor[:, None] * factor * sigma
    second[:h, h:] = factor[:, None] * first[h:]
    second[h:, :h] = second[:h, h:].swapaxes(0, 1)
    second[h + np.arange(k), h + np.arange(k)] = by_t2 * scale
    return sigma, first, second


def parameters_near(structure: str, moments: Floats) -> Floats:
    """Return parameters whose covariance matrix is near a matrix of moments, and safely positive definite.

    Parameters
    ----------
    moments : ndarray, shape (m, m)
        Symmetric, with a positive diagonal; it need not be positive definite.
    """
    m = len(moments)
    sd = np.sqrt(np.diag(moments))
    correlation = moments / np.outer(sd, sd)
    lag = _lags(m)
    if structure != "unstructured":
        if structure.endswith("compound symmetry"):
            correlation = np.where(lag == 0, 1.0, correlation[lag > 0].mean())
        elif structure.endswith("ar1"):
            correlation = np.clip(correlation[lag == 1].mean(), -0.9, 0.9) ** lag
        else:
            correlation = np.array([correlation[lag == h].mean() for h in range(m)])[lag]
        sd = sd if varies_by_visit(structure) else np.full(m, np.sqrt((sd**2).mean()))
    lowest = float(np.linalg.eigvalsh(correlation)[0])
    if lowest < _ROOM and not structure.endswith("ar1"):
        # Towards independence, along which the eigenvalues rise linearly to 1.
        correlation = correlation + (_ROOM - lowest) / (1 - lowest) * (np.eye(m) - correlation)
    if structure == "unstructured":
        lower = np.linalg.cholesky(correlation) * sd[:, None]
        size = np.diag(lower)
        return np.concatenate([np.log(size), (lower / size[:, None])[np.tril_indices(m, -1)]])
    log_sd = np.log(sd if varies_by_visit(structure) else sd[:1])
    rho = correlation[0, 1:] if structure.endswith("toeplitz") else correlation[0, 1:2]
    if structure.endswith("compound symmetry"):
        return np.concatenate([log_sd, np.log((rho + 1 / (m - 1)) / (1 - rho))])
    return np.concatenate([log_sd, rho / np.sqrt(1 - rho**2)])


def _lags(m: int) -> npt.NDArray[np.intp]:
    return np.abs(np.subtract.outer(np.arange(m), np.arange(m)))


def _sd(structure: str, theta: Floats, m: int) -> Floats:
    return np.exp(theta[:m]) if varies_by_visit(structure) else np.full(m, np.exp(theta[0]))


def _correlations(structure: str, theta: Floats, m: int) -> tuple[Floats, Floats, Floats]:
    """Return the correlation matrix and its first and second derivatives by each t, shapes (m, m) and (k, m, m)."""
    t = theta[m if varies_by_visit(structure) else 1 :]
    if structure.endswith("compound symmetry"):
        low = -1 / (m - 1)
        share = expit(t)
        slope = (1 - low) * share * (1 - share)
        rho, bend = low + (1 - low) * share, slope * (1 - 2 * share)
    else:
        rho, slope, bend = t / np.sqrt(1 + t**2), (1 + t**2) ** -1.5, -3 * t * (1 + t**2) ** -2.5
    lag = _lags(m)
    off = lag > 0
    which = np.maximum(lag - 1, 0) if structure.endswith("toeplitz") else np.zeros_like(lag)
    power = lag if structure.endswith("ar1") else off.astype(np.intp)
    value = np.where(off, rho[which] ** power, 1.0)
    d = power * rho[which] ** np.maximum(power - 1, 0)
    d2 = power * (power - 1) * rho[which] ** np.maximum(power - 2, 0)
    mine = off & (which == np.arange(len(t))[:, None, None])
    return value, mine * (d * slope[which]), mine * (d2 * slope[which] ** 2 + d * bend[which])


def _cholesky_factor(theta: Floats, m: int) -> Floats:
    unit = np.eye(m)
    unit[np.tril_indices(m, -1)] = theta[m:]
    return np.exp(theta[:m])[:, None] * unit


def _unstructured_derivatives(theta: Floats, m: int) -> tuple[Floats, Floats, Floats]:
    lower = _cholesky_factor(theta, m)
    size = np.exp(theta[:m])
    row, column = np.tril_indices(m, -1)
    r = len(theta)
    by = np.zeros((r, m, m))
    by[np.arange(m), np.arange(m)] = lower
    by[np.arange(m, r), row, column] = size[row]
    half = by @ lower.T
    first = half + half.swapaxes(-1, -2)
    inner = np.einsum("iab,jcb->ijac", by, by, optimize=True)
    # L itself bends: by one log size twice, and by a log size and an element of its row.
    inner[np.arange(m), np.arange(m)] += half[:m]
    inner[row, np.arange(m, r)] += half[m:]
    inner[np.arange(m, r), row] += half[m:]
    return lower @ lower.T, first, inner + inner.swapaxes(-1, -2)
