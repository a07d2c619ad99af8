"""Standardised differences between two groups of patients."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd


def standardised_difference(first: pd.Series, second: pd.Series, *, categorical: bool) -> float:
    """Return the absolute standardised mean difference of two groups; missing values are left out.

    Numbers: ``|m1 - m2| / sqrt((s1^2 + s2^2) / 2)`` (Austin 2009, Stat Med 28:3083, eq. 1). Categories: the Mahalanobis
    distance of the two vectors of proportions, first level left out (Yang and Dalton 2012, SAS Global Forum 335-2012);
    for two levels it is Austin's formula for a proportion.

    Parameters
    ----------
    first, second : Series, shapes (n1,) and (n2,)
    categorical : bool
        Compare proportions of levels rather than means.

    Returns
    -------
    float
        In standard deviations, at least 0. NaN where a group is empty or nothing varies.
    """
    first, second = first.dropna(), second.dropna()
    if not categorical:
        if min(len(first), len(second)) < 2:
            return math.nan
        a, b = first.to_numpy(dtype=float), second.to_numpy(dtype=float)
        spread = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
        return float(abs(a.mean() - b.mean()) / spread) if spread > 0 else math.nan
    if min(len(first), len(second)) == 0:
        return math.nan
    a_text, b_text = first.astype(str), second.astype(str)
    levels = sorted({*a_text, *b_text})[1:]
    p = np.array([(a_text == level).mean() for level in levels])
    q = np.array([(b_text == level).mean() for level in levels])
    if not levels or np.array_equal(p, q):
        return 0.0
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    squared = float((p - q) @ np.linalg.pinv(covariance) @ (p - q))
    # Levels differ and yet neither group varies: the distance has no finite value.
    return math.sqrt(squared) if squared > 1e-12 else math.nan
