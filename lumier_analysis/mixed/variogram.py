"""Semivariogram of residuals within patients: how alike two values of a patient are, by the time between them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError

Floats = npt.NDArray[np.float64]


class Variogram(NamedTuple):
    """A semivariogram.

    Attributes
    ----------
    table : DataFrame, one row a lag bin
        lag_low, lag_high (the bin, left end left out), lag (mean), semivariance (squared units of the residuals), se
        (delete-one-patient jackknife; NaN where fewer than two patients have pairs), n_pairs, n_groups.
    variance : float
        Total variance, from pairs of different patients: the level that a variogram reaches where nothing is shared.
        NaN for a single patient.
    n_pairs : int
        Within patients, all bins.
    n_same_time : int
        Pairs of a patient at the same time, which have no lag and are in no bin.
    """

    table: pd.DataFrame
    variance: float
    n_pairs: int
    n_same_time: int


def variogram(residuals: npt.ArrayLike, time: npt.ArrayLike, groups: npt.ArrayLike, *, bins: Any = 8) -> Variogram:
    """Return the empirical semivariogram of residuals within patients.

    Parameters
    ----------
    residuals : array-like of float, shape (n,)
        From the fixed effects alone, to see the whole of a patient's correlation; conditional or normalised, to see
        what a model has left over. Finite.
    time : array-like of float, shape (n,)
        Any unit; finite.
    groups : array-like, shape (n,)
        Patient of each value.
    bins : int or array-like of float
        Number of bins with about as many pairs each (fewer where lags tie), or ascending edges from 0 on that hold
        every lag.

    Returns
    -------
    Variogram

    Raises
    ------
    UsageError
        Lengths differ, or the bins are none.
    AnalysisError
        Missing or infinite values, or no patient with values at two times.

    Notes
    -----
    ``v_ijk = (r_ij - r_ik)^2 / 2`` at lag ``|t_ij - t_ik|``, averaged by bin (Diggle, Heagerty, Liang and Zeger 2002,
    Analysis of Longitudinal Data, section 3.4). Independent residuals of variance s2 give a level line at s2; a random
    intercept a line at the variance within patients, below the total; serial correlation a rise with the lag. Pairs of
    a patient hang together, so the standard errors come from leaving out one patient at a time.
    """
    r, t = np.asarray(residuals, dtype=np.float64), np.asarray(time, dtype=np.float64)
    labels = np.asarray(groups).astype(str)
    if not r.shape == t.shape == labels.shape or r.ndim != 1:
        found = f"{r.shape}, {t.shape} and {labels.shape}"
        raise UsageError("A variogram needs residuals, times and patients of one length", found=found)
    if bad := int((~(np.isfinite(r) & np.isfinite(t))).sum()):
        raise AnalysisError("A variogram needs finite residuals and times", found=f"{bad} missing or infinite")
    _, code = np.unique(labels, return_inverse=True)
    first, second = _pairs(code)
    lag, half = np.abs(t[first] - t[second]), 0.5 * (r[first] - r[second]) ** 2
    apart = lag > 0
    if not apart.any():
        raise AnalysisError("A variogram needs a patient with values at two times", found=f"{r.size} values")
    owner, lag, half = code[first][apart], lag[apart], half[apart]
    edges = _edges(lag, bins)
    place = np.searchsorted(edges, lag, side="left") - 1
    rows = []
    for k in range(edges.size - 1):
        own = place == k
        value, se, n_groups = _mean_by_patient(half[own], owner[own])
        middle = float(lag[own].mean()) if own.any() else math.nan
        rows.append((edges[k], edges[k + 1], middle, value, se, int(own.sum()), n_groups))
    columns = ["lag_low", "lag_high", "lag", "semivariance", "se", "n_pairs", "n_groups"]
    table = pd.DataFrame(rows, columns=columns)
    return Variogram(table, _between(r, code), int(apart.sum()), int((~apart).sum()))


def _pairs(code: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the positions of every pair of values of one patient."""
    order = np.argsort(code, kind="stable")
    first, second = [], []
    for own in np.split(order, np.cumsum(np.bincount(code))[:-1]):
        i, j = np.triu_indices(own.size, 1)
        first.append(own[i])
        second.append(own[j])
    return np.concatenate(first), np.concatenate(second)


def _edges(lag: Floats, bins: Any) -> Floats:
    if np.ndim(bins) == 0:
        if not (isinstance(bins, int | np.integer) and bins >= 1):
            raise UsageError("bins is a number of bins or their edges", found=repr(bins), fix="bins=8")
        inner = np.quantile(lag, np.linspace(0, 1, int(bins) + 1)[1:], method="inverted_cdf")
        return np.concatenate([[0.0], np.unique(inner)])
    edges = np.asarray(bins, dtype=np.float64)
    if edges.size < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any() or edges[0] < 0:
        raise UsageError("Edges of lag bins ascend from 0 or above", found=repr(bins), fix="bins=[0, 60, 120, 400]")
    if outside := int(((lag <= edges[0]) | (lag > edges[-1])).sum()):
        reach = f"{outside} pairs; lags go from {lag.min():g} to {lag.max():g}"
        raise UsageError("Lags lie outside the bins", found=reach, fix="widen the first or the last edge")
    return edges


def _mean_by_patient(values: Floats, owner: npt.NDArray[np.intp]) -> tuple[float, float, int]:
    """Return the mean over pairs, its jackknife standard error over patients, and the number of patients."""
    if not values.size:
        return math.nan, math.nan, 0
    _, code = np.unique(owner, return_inverse=True)
    total, size = np.bincount(code, weights=values), np.bincount(code)
    k, n = size.size, values.size
    mean = float(values.mean())
    if k < 2:
        return mean, math.nan, k
    without = (total.sum() - total) / (n - size)
    return mean, math.sqrt((k - 1) / k * float(((without - without.mean()) ** 2).sum())), k


def _between(r: Floats, code: npt.NDArray[np.intp]) -> float:
    """Return half the mean squared difference of values of different patients, from sums alone."""
    # Half the squared differences of all ordered pairs of n values add up to n sum r^2 - (sum r)^2.
    centred = r - r.mean()
    size = np.bincount(code).astype(np.float64)
    own, total = np.bincount(code, weights=centred**2), np.bincount(code, weights=centred)
    every = r.size * float((centred**2).sum())
    within = float((size * own - total**2).sum())
    pairs = r.size**2 - float((size**2).sum())
    return (every - within) / pairs if pairs > 0 else math.nan
