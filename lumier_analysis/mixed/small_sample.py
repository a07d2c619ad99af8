"""Small-sample inference of fixed effects when the variance parameters are estimated: Satterthwaite, Kenward-Roger.

Pure functions of a few small arrays, the same for random-effects models and for repeated-measures models:

- ``phi`` (p, p): (X' V^-1 X)^-1;
- ``slopes`` (r, p, p): derivative of X' V^-1 X by each variance parameter, P_i of Kenward and Roger (1997);
- ``w`` (r, r): asymptotic covariance of the variance parameters;
- ``curves`` (r, r, p, p): Q_ij = X' (dV^-1/di) V (dV^-1/dj) X;
- ``bends`` (r, r, p, p): R_ij = X' V^-1 (d2V/di dj) V^-1 X, where V is not linear in its parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2
from scipy.stats import f as fisher

from lumier_analysis.errors import UsageError

Floats = npt.NDArray[np.float64]

#: How degrees of freedom may be found.
METHODS = ("satterthwaite", "kenward-roger", "kenward-roger-linear", "normal")
# Directions of a contrast whose variance is this small beside the largest are rounding.
_NOTHING = 1e-10


@dataclass(frozen=True, slots=True)
class FTest:
    """An F test of one or several contrasts.

    Attributes
    ----------
    statistic : float
        F; under "normal" the Wald chi-square divided by `df_num`.
    df_num, df_den : float
        `df_den` is infinite under "normal".
    p_value : float
    """

    statistic: float
    df_num: int
    df_den: float
    p_value: float


def kenward_roger_covariance(
    phi: Floats, slopes: Floats, w: Floats, curves: Floats, bends: Floats | None = None
) -> Floats:
    """Return the adjusted covariance of the fixed effects.

    ``phi + 2 phi (sum_ij w_ij (Q_ij - P_i phi P_j - R_ij / 4)) phi`` (Kenward and Roger 1997, Biometrics 53:983,
    eq. 5 and appendix A.1; without R the linear form).
    """
    inner = np.tensordot(w, curves if bends is None else curves - bends / 4)
    inner = inner - (slopes @ phi @ np.tensordot(w, slopes, axes=1)).sum(axis=0)
    adjustment = phi @ inner @ phi
    return phi + adjustment + adjustment.T


def satterthwaite_df(contrast: Floats, phi: Floats, slopes: Floats, w: Floats) -> float:
    """Return the degrees of freedom of one contrast: 2 v^2 / (g' w g), v = l' phi l, g its gradient.

    Parameters
    ----------
    contrast : ndarray, shape (p,)

    Returns
    -------
    float
        Infinite where the variance of the contrast does not depend on the variance parameters.
    """
    direction = phi @ contrast
    value = float(contrast @ direction)
    gradient = -np.einsum("a,iab,b->i", direction, slopes, direction)
    spread = float(gradient @ w @ gradient)
    return 2 * value**2 / spread if spread > 1e-14 * value**2 else math.inf


def satterthwaite_f(contrasts: Floats, beta: Floats, phi: Floats, slopes: Floats, w: Floats) -> FTest:
    """Return the F test of several contrasts.

    The contrasts are turned into independent ones, each with its own degrees of freedom nu; the denominator is chosen
    so that F has the mean of the average of their squared t statistics, ``2 E / (E - q)`` with
    ``E = sum nu / (nu - 2)`` (Fai and Cornelius 1996, J Stat Comput Simul 54:363, as in lmerTest).
    """
    values, vectors = np.linalg.eigh(contrasts @ phi @ contrasts.T)
    kept = values > _NOTHING * values.max()
    rotated = vectors[:, kept].T @ contrasts
    q = int(kept.sum())
    statistic = float(np.mean((rotated @ beta) ** 2 / values[kept]))
    nu = np.array([satterthwaite_df(row, phi, slopes, w) for row in rotated])
    if q == 1 or (bool(np.isfinite(nu).all()) and nu.max() - nu.min() < 1e-8 * nu.min()):
        return _f_test(statistic, q, float(nu.mean()))
    if nu.min() <= 2:
        return _f_test(statistic, q, 2.0)
    finite = nu[np.isfinite(nu)]
    e = float((finite / (finite - 2)).sum()) + (nu.size - finite.size)
    return _f_test(statistic, q, 2 * e / (e - q) if e > q else math.inf)


def kenward_roger_f(contrasts: Floats, beta: Floats, phi: Floats, slopes: Floats, w: Floats, adjusted: Floats) -> FTest:
    """Return the scaled F test of one or several contrasts (Kenward and Roger 1997, section 3, eqs 6 to 9)."""
    values, vectors = np.linalg.eigh(contrasts @ phi @ contrasts.T)
    kept = values > _NOTHING * values.max()
    contrasts = vectors[:, kept].T @ contrasts
    q = int(kept.sum())
    theta = contrasts.T @ (contrasts / values[kept][:, None])
    moved = theta @ phi @ slopes @ phi
    traces = np.einsum("iaa->i", moved)
    a1 = float(traces @ w @ traces)
    a2 = float(np.vdot(moved.swapaxes(1, 2), np.tensordot(w, moved, axes=1)))
    wald = float(contrasts @ beta @ np.linalg.solve(contrasts @ adjusted @ contrasts.T, contrasts @ beta)) / q
    if a2 <= 1e-14:
        return _f_test(wald, q, math.inf)
    if q == 1:
        return _f_test(wald, 1, 2 / a2)
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    common = 3 * q + 2 * (1 - g)
    c1, c2, c3 = g / common, (q - g) / common, (q + 2 - g) / common
    mean = 1 / (1 - a2 / q)
    variance = 2 / q * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
    rho = variance / (2 * mean**2)
    df = 4 + (q + 2) / (q * rho - 1)
    scale = df / (mean * (df - 2))
    return _f_test(scale * wald, q, df)


def normal_f(contrasts: Floats, beta: Floats, covariance: Floats) -> FTest:
    """Return the Wald chi-square test, as F with infinitely many denominator degrees of freedom."""
    values, vectors = np.linalg.eigh(contrasts @ covariance @ contrasts.T)
    kept = values > _NOTHING * values.max()
    rotated = vectors[:, kept].T @ (contrasts @ beta)
    return _f_test(float(np.mean(rotated**2 / values[kept])), int(kept.sum()), math.inf)


def _f_test(statistic: float, q: int, df: float) -> FTest:
    p = float(chi2.sf(q * statistic, q)) if math.isinf(df) else float(fisher.sf(statistic, q, df))
    return FTest(statistic, q, df, p)


def check_method(df: str, allowed: tuple[str, ...] = METHODS) -> str:
    """Return the method in one spelling, or refuse it."""
    name = df.strip().lower().replace("_", "-").replace(" ", "-")
    if name not in allowed:
        raise UsageError("unknown degrees of freedom", found=repr(df), fix=f"one of {', '.join(allowed)}")
    return name
