"""Holm's adjustment of p-values for several tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust p-values so that the chance of any false rejection is kept.

    Parameters
    ----------
    p_values : sequence of float, length n

    Returns
    -------
    ndarray of float, shape (n,)
        In the order given, at most 1 (Holm S. Scand J Stat 1979;6:65-70).
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted
