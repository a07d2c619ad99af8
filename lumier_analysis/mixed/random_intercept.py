"""The random-intercept model as a function of one number, to tell a variance of zero from a failed fit."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import f as f_distribution

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate

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


def icc(values: npt.ArrayLike, groups: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Return the intraclass correlation of one-way random effects, ICC(1).

    Analysis-of-variance estimator with the mean group size of Donner (1986, Int Stat Rev 54:67) and the limits of
    the F distribution, exact for equal group sizes and approximate otherwise.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        Finite.
    groups : array-like, shape (n,)
        Patient of each value; patients with one value count in the spread between patients.
    level : float

    Returns
    -------
    Estimate
        May be negative (less alike than chance). NaN with a note where no patient has two values, there is one
        patient, or the values are constant.

    Raises
    ------
    AnalysisError
        Missing or infinite values.
    """
    y = np.asarray(values, dtype=np.float64)
    if not np.isfinite(y).all():
        raise AnalysisError("the ICC needs finite values", found=f"{int((~np.isfinite(y)).sum())} missing or infinite")
    _, code = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    size = np.bincount(code)
    n, k = y.size, size.size
    method = "ICC(1), one-way analysis of variance; F interval"

    def result(value: float, low: float = math.nan, high: float = math.nan, note: str = "") -> Estimate:
        return Estimate(value, ci_low=low, ci_high=high, level=level, method=method, n_patients=k, n_rows=n, note=note)

    if k < 2 or n == k:
        return result(math.nan, note="no patient with two values, or one patient: not estimable")
    means = np.bincount(code, weights=y) / size
    within = float(((y - means[code]) ** 2).sum()) / (n - k)
    between = float((size * (means - y.mean()) ** 2).sum()) / (k - 1)
    if within <= 0:
        return result(math.nan, note="no variation within patients: not estimable")
    mean_size = (n - float((size**2).sum()) / n) / (k - 1)

    def correlation(ratio: float) -> float:
        return (ratio - 1) / (ratio - 1 + mean_size)

    ratio, tail = between / within, (1 - level) / 2
    low = correlation(ratio / float(f_distribution.ppf(1 - tail, k - 1, n - k)))
    high = correlation(ratio / float(f_distribution.ppf(tail, k - 1, n - k)))
    return result(correlation(ratio), low, high)
