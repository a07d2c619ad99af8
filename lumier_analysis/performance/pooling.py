"""Rubin's rules: one estimate from those of several imputed data sets."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, check_level
from lumier_analysis.performance.intervals import z_quantile


def pool_rubin(
    estimates: Any,
    variances: Any,
    *,
    complete_df: float = math.inf,
    transform: Literal["logit"] | None = None,
    level: float = 0.95,
    null: float | None = None,
) -> Estimate:
    """Pool the estimates of m imputed data sets.

    Parameters
    ----------
    estimates : array-like of float, shape (m,)
        One estimate an imputation, m >= 2.
    variances : array-like of float, shape (m,)
        Their squared standard errors, on the scale of `estimates`.
    complete_df : float
        Degrees of freedom had nothing been missing: patients - 1 for clustered estimates.
    transform : {"logit"}, optional
        Pool on the logit scale (shares, AUCs; variances by the delta method) and return value and limits as shares;
        `se` is taken back by the delta method.
    level : float
    null : float, optional
        Value to test, on the scale of `estimates`.

    Returns
    -------
    Estimate
        With `df` and `fmi` (fraction of missing information).

    Raises
    ------
    AnalysisError
        Fewer than two imputations, missing, infinite or negative numbers, no variance within imputations, or shares
        of 0 or 1 on the logit scale.

    Notes
    -----
    Rubin (1987), total variance T = U + (1 + 1/m) B; degrees of freedom by Barnard and Rubin (1999, Biometrika
    86:948); fmi = (r + 2 / (df + 3)) / (r + 1) with r = (1 + 1/m) B / U.
    """
    check_level(level)
    if transform not in (None, "logit"):
        raise UsageError("Unknown transform", found=repr(transform), fix="transform='logit' or None")
    if not complete_df > 0:
        raise UsageError("complete_df must be above 0", found=repr(complete_df), fix="complete_df=patients - 1")
    q, u = _numbers(estimates, "estimates"), _numbers(variances, "variances")
    if q.size != u.size or q.size < 2:
        raise AnalysisError(
            "pooling needs two imputations or more, with an estimate and a variance each",
            found=f"{q.size} estimates, {u.size} variances",
        )
    if (u < 0).any() or not u.any():
        raise AnalysisError("variances must be 0 or more, and not all 0", found=f"lowest {u.min():g}")
    if transform == "logit":
        if (q <= 0).any() or (q >= 1).any():
            raise AnalysisError(
                "estimates of 0 or 1 have no logit", found=f"{q.min():g} to {q.max():g}", fix="transform=None"
            )
        q, u = scipy.special.logit(q), u / (q * (1 - q)) ** 2
    m, centre, within = q.size, float(q.mean()), float(u.mean())
    # Equal estimates leave rounding error, not variance between imputations.
    between = 0.0 if np.ptp(q) <= 1e-14 * np.abs(q).max() else float(q.var(ddof=1))
    total = within + (1 + 1 / m) * between
    df = _barnard_rubin(m, (1 + 1 / m) * between / total, complete_df)
    r = (1 + 1 / m) * between / within
    fmi = (r + (0.0 if math.isinf(df) else 2 / (df + 3))) / (r + 1)
    se = math.sqrt(total)
    half = z_quantile(level, df) * se
    p_value = None
    if null is not None:
        p_value = _p(centre, se, df, null, transform)
    low, high, value = centre - half, centre + half, centre
    if transform == "logit":
        low, high, value = (float(scipy.special.expit(x)) for x in (low, high, centre))
        se *= value * (1 - value)
    method = f"Rubin's rules over {m} imputations{', logit scale' if transform else ''}; Barnard-Rubin df"
    return Estimate(value, se, low, high, level, method, p_value=p_value, df=df, fmi=fmi)


def _p(centre: float, se: float, df: float, null: float, transform: str | None) -> float:
    if transform == "logit" and not 0 < null < 1:
        raise UsageError("null must lie between 0 and 1 on the logit scale", found=repr(null), fix="null=0.5")
    at = float(scipy.special.logit(null)) if transform == "logit" else null
    return float(2 * scipy.stats.t.sf(abs(centre - at) / se, df))


def _barnard_rubin(m: int, share: float, complete_df: float) -> float:
    """Return the degrees of freedom; `share` is the part of the total variance that lies between imputations."""
    old = math.inf if share == 0 else (m - 1) / share**2
    if math.isinf(complete_df):
        return old
    observed = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
    return observed if math.isinf(old) else old * observed / (old + observed)


def _numbers(values: Any, name: str) -> Floats:
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise AnalysisError(f"{name} are not numbers", found=str(error)) from None
    if array.ndim != 1 or not np.isfinite(array).all():
        raise AnalysisError(
            f"{name} must be finite numbers", found=f"{int((~np.isfinite(array)).sum())} of {array.size} missing"
        )
    return array
