"""Points that show no patient: quantiles with enough patients beyond them, and means of runs of patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from lumier_analysis.errors import UsageError

Floats = npt.NDArray[np.float64]


def smooth_quantile(values: npt.ArrayLike, q: float, *, least: int, patients: Any = None) -> float:
    """Return a quantile that is no single value, or NaN where too few patients lie on one side of it.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        Finite.
    q : float
        In (0, 1).
    least : int
        Patients that must lie on either side: of one value a patient the median needs 2, a quartile 4, a decile 10
        times as many.
    patients : array-like, shape (n,), optional
        Patient of each value; default one value a patient.

    Notes
    -----
    Harrell and Davis (1982, Biometrika 69:635): a weighted mean of all order statistics.
    """
    given = np.asarray(values, dtype=np.float64)
    order, n = np.argsort(given, kind="stable"), given.size
    x = given[order]
    # The slack is for rounding: a tenth of 50 is 5.
    below, above = (int(np.floor(n * share + 1e-9)) for share in (q, 1 - q))
    if patients is not None:
        labels = np.asarray(patients).astype(str)[order]
        below, above = np.unique(labels[:below]).size, np.unique(labels[n - above :]).size
    if min(below, above) < least:
        return float("nan")
    weights = np.diff(beta.cdf(np.linspace(0, 1, n + 1), (n + 1) * q, (n + 1) * (1 - q)))
    return float(weights @ x)


def binned_percentiles(
    x: Floats, y: Floats, patients: npt.NDArray[Any], k: int, *, least: int
) -> tuple[Floats, dict[float, Floats]]:
    """Return the mean of `x` in `k` bins of like size, and percentiles of `y` in them, by `smooth_quantile`.

    Returns
    -------
    ndarray, shape (k,), and mapping of 0.1, 0.25, 0.5, 0.75, 0.9 -> ndarray, shape (k,)
    """
    bins = np.array_split(np.argsort(x, kind="stable"), k)
    bands = {
        q: np.array([smooth_quantile(y[b], q, least=least, patients=patients[b]) for b in bins])
        for q in (0.1, 0.25, 0.5, 0.75, 0.9)
    }
    return np.array([x[b].mean() for b in bins]), bands


def run_starts(patients: Any, least: int) -> npt.NDArray[np.intp]:
    """Return where runs of neighbouring values begin, each with values of at least `least` patients.

    Parameters
    ----------
    patients : array-like, shape (n,)
        Patient of each value, in the order of the values.
    least : int

    Returns
    -------
    ndarray of int
        Ascending from 0. Runs grow from both ends, so that the last of either tail is as short as may be; what is
        left in the middle joins its neighbour. Empty where there are too few patients for one run.
    """
    labels = np.asarray(patients).astype(str)
    if least < 1:
        raise UsageError(
            "A run holds at least one patient", found=repr(least), fix="threshold=plan.disclosure.threshold"
        )
    n = labels.size
    middle = n // 2
    left = _ends(labels[:middle], least)
    right = [n - e for e in _ends(labels[middle:][::-1], least)]
    # left: ends of runs from the left; right: starts of runs from the right, the last run first.
    starts = [0, *left, *reversed(right)]
    starts = sorted({s for s in starts if s < n})
    if np.unique(labels).size < least:
        return np.array([], dtype=np.intp)
    kept = starts[:1]
    for k, s in enumerate(starts[1:], start=1):
        end = starts[k + 1] if k + 1 < len(starts) else n
        before = np.unique(labels[kept[-1] : s]).size
        own = np.unique(labels[s:end]).size
        if before >= least and own >= least:
            kept.append(s)
    return np.array(kept, dtype=np.intp)


def _ends(labels: npt.NDArray[Any], least: int) -> list[int]:
    ends, seen = [], set()
    for k, label in enumerate(labels):
        seen.add(label)
        if len(seen) == least:
            ends.append(k + 1)
            seen = set()
    return ends


def run_means(values: npt.ArrayLike, starts: npt.NDArray[np.intp]) -> Floats:
    """Return the mean of each run along the last axis, shape (..., n_runs)."""
    x = np.asarray(values, dtype=np.float64)
    size = np.diff(np.concatenate([starts, [x.shape[-1]]]))
    return np.add.reduceat(x, starts, axis=-1) / size
