"""Adjustment of tests and intervals for the number of comparisons made."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.studentised_range import quantile, upper_tail

Floats = npt.NDArray[np.float64]

#: "tukey" is for all pairwise differences of a set of means; "holm" for any contrasts.
ADJUSTMENTS = ("none", "holm", "tukey")


def adjusted_p_values(t: Floats, df: Floats, adjust: str, n_means: int) -> Floats:
    """Return two-sided p values of one family of contrasts.

    Parameters
    ----------
    t : ndarray, shape (m,)
        Test statistics; NaN stays NaN.
    df : ndarray, shape (m,)
        May be infinite.
    adjust : {"none", "holm", "tukey"}
        Holm (1979, Scand J Stat 6:65); Tukey-Kramer: ``|t| sqrt(2)`` against the studentised range.
    n_means : int
        Means compared, for Tukey.
    """
    if adjust == "tukey" and n_means > 2:
        raw = np.array([upper_tail(abs(v) * math.sqrt(2), n_means, d) for v, d in zip(t, df, strict=True)])
        # Quadrature leaves a tail of about 1e-13; it is not to fall below the unadjusted one.
        return np.maximum(raw, 2 * student.sf(np.abs(t), df))
    p = 2 * student.sf(np.abs(t), df)
    if adjust != "holm":
        return p
    order = np.argsort(p)
    steps = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    adjusted = np.empty_like(p)
    adjusted[order] = steps
    return adjusted


def critical_values(df: Floats, level: float, adjust: str, n_means: int) -> Floats:
    """Return the multiple of the standard error that makes an interval.

    Tukey's are simultaneous for all pairwise differences. Holm's procedure has no intervals of its own: those given
    are Bonferroni's, simultaneous and a little wider (as in emmeans).
    """
    if adjust == "tukey" and n_means > 2:
        unique, place = np.unique(df, return_inverse=True)
        return np.array([quantile(level, n_means, d) / math.sqrt(2) for d in unique])[place]
    family = df.size if adjust == "holm" else 1
    return np.asarray(student.isf((1 - level) / (2 * family), df), dtype=np.float64)


def check_adjustment(adjust: str) -> str:
    """Return the adjustment, or refuse an unknown one."""
    if adjust not in ADJUSTMENTS:
        raise UsageError("unknown adjustment", found=repr(adjust), fix=f"one of {', '.join(ADJUSTMENTS)}")
    return adjust
