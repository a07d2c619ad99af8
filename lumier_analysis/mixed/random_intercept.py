"""The random-intercept model as a function of one number, to tell a variance of zero from a failed fit."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# Between / within variance; the first stands for 0.
_RATIOS = np.r_[0.0, np.geomspace(1e-4, 1e3, 57)]


def profile_reml(y: Floats, x: Floats, group: Ints, ratio: float) -> float:
    """Return the REML log likelihood, up to a constant, at one ratio of between- to within-group variance.

    With ``V_i = I + ratio J`` the fixed effects and the residual variance are profiled out (Pinheiro and Bates 2000,
    section 2.2).

    Parameters
    ----------
    y : ndarray, shape (n,)
    x : ndarray, shape (n, p)
        Of full rank.
    group : ndarray of int, shape (n,)
    ratio : float
        >= 0.
    """
    size = np.bincount(group).astype(np.float64)
    shrink = ratio / (1 + size * ratio)
    columns = np.column_stack([x, y])
    sums = np.column_stack([np.bincount(group, weights=c, minlength=size.size) for c in columns.T])
    cross = columns.T @ columns - sums.T @ (sums * shrink[:, None])
    xvx, xvy, yvy = cross[:-1, :-1], cross[:-1, -1], cross[-1, -1]
    df = y.size - x.shape[1]
    rss = float(yvy - xvy @ np.linalg.solve(xvx, xvy))
    log_det = float(np.log1p(size * ratio).sum() + np.linalg.slogdet(xvx)[1])
    return -0.5 * (df * math.log(max(rss, 1e-300)) + log_det)


def variance_is_zero(y: Floats, x: Floats, group: Ints) -> bool:
    """Return whether REML puts the between-group variance at zero (a scan over its ratio to the residual variance)."""
    return int(np.argmax([profile_reml(y, x, group, r) for r in _RATIOS])) == 0
