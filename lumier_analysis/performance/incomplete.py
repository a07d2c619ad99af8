"""Windows that were not observed to their end: weights for what needs the risk itself, bounds for the AUC.

Rows whose window was cut short and showed no event have no outcome. Leaving them out inflates the event rate, so that
observed/expected, calibration, Brier score, net benefit and predictive values are weighted by the inverse of the
probability of having been seen to the end (IPCW; Graf 1999, Stat Med 18:2529; Gerds and Schumacher 2006).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import Bools, Floats, check_rows
from lumier_analysis.performance.placements import placements


class AucBounds(NamedTuple):
    """AUC over everything that the lost outcomes could have been.

    Attributes
    ----------
    worst, best : float
        Smallest and largest possible AUC.
    complete : float
        Of the rows with an outcome.
    no_event : float
        Were no lost row an event.
    n_lost : int
    worst_events, best_events : int
        Lost rows that are events at the bounds.
    """

    worst: float
    best: float
    complete: float
    no_event: float
    n_lost: int
    worst_events: int
    best_events: int


def observation_weights(outcome: Any, observed_days: Any, *, strata: Any = None) -> Floats:
    """Return the inverse probability of having been observed until the outcome was known.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        1 event, 0 none by the end of the window, missing where it was not seen to its end.
    observed_days : array-like of float >= 0, shape (n,)
        Days from the landmark to the event, the end of the window, a competing event, or the loss.
    strata : array-like, shape (n,), optional
        Visits, say: loss has its own curve in each.

    Returns
    -------
    ndarray, shape (n,)
        1 / G(days-), with G the Kaplan-Meier curve of loss among windows still open; 0 where lost. Losses on a day
        come after the outcomes of that day. The weights add up to n where no stratum loses its last open window.

    Raises
    ------
    AnalysisError
        Missing, negative or infinite days, or an outcome other than 0, 1 and missing.
    """
    lost, event, days, labels = _checked(outcome, observed_days, strata)
    weight = np.zeros(event.size)
    for label in np.unique(labels):
        at = labels == label
        times, gone = days[at], lost[at]
        moments = np.unique(times[gone])
        # Windows open at the moment: not yet at their end, which on the same day counts as reached.
        open_ = np.array([(times > t).sum() + (gone & (times == t)).sum() for t in moments], dtype=float)
        losses = np.array([(gone & (times == t)).sum() for t in moments], dtype=float)
        curve = np.concatenate([[1.0], np.cumprod(1 - losses / open_)])
        # Value just before: losses on strictly earlier days only.
        before = curve[np.searchsorted(moments, times, side="left")]
        weight[at] = np.where(gone, 0.0, 1 / np.where(before > 0, before, np.inf))
    return weight


def _checked(outcome: Any, observed_days: Any, strata: Any) -> tuple[Bools, Floats, Floats, Any]:
    """Return who was lost, outcomes (0 where lost), days and strata codes."""
    y = pd.Series(outcome).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    lost = np.isnan(y)
    event = np.where(lost, 0.0, y)
    days = check_rows(event, {"observed_days": observed_days}).scores[0]
    if days.min() < 0:
        raise AnalysisError("observed_days has negative values", found=f"{int((days < 0).sum())} of {days.size}")
    if strata is None:
        return lost, event, days, np.zeros(days.size, dtype=np.intp)
    codes = pd.factorize(pd.Series(np.asarray(strata, dtype=object)))[0]
    if codes.size != days.size or (codes < 0).any():
        raise AnalysisError("strata must name a stratum of every row", found=f"{(codes >= 0).sum()} of {days.size}")
    return lost, event, days, codes


def auc_bounds(outcome: Any, score: Any) -> AucBounds:
    """Return the smallest and the largest AUC over every completion of the missing outcomes.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        0, 1, or missing where the window was not observed.
    score : array-like of float, shape (n,)
        Of every row, the lost ones too.

    Notes
    -----
    With m lost rows made events, exchanging labels shows that the AUC is largest when these are the m highest scores
    among the lost, and smallest when they are the m lowest: n_lost + 1 completions a side hold the exact bounds.
    Bounds, not an interval: they say nothing of sampling error.

    Raises
    ------
    AnalysisError
        As `auc` for the scores; without an event or a non-event among the complete rows.
    """
    y = pd.Series(outcome).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    lost = np.isnan(y)
    rows = check_rows(np.where(lost, 0.0, y), {"score": score})
    event, s = rows.event, rows.scores[0]
    if not event.any() or not (~event & ~lost).any():
        raise AnalysisError("The bounds need an event and a non-event among the complete rows")
    ascending = np.flatnonzero(lost)[np.argsort(s[lost], kind="stable")]

    def value(at: Any) -> float:
        completed = event.copy()
        completed[at] = True
        return placements(completed, s).auc

    low = [value(ascending[:m]) for m in range(ascending.size + 1)]
    high = [value(ascending[ascending.size - m :]) for m in range(ascending.size + 1)]
    worst, best = int(np.argmin(low)), int(np.argmax(high))
    complete = placements(event[~lost], s[~lost]).auc
    return AucBounds(low[worst], high[best], complete, low[0], int(lost.sum()), worst, best)


def effective_size(weight: Floats) -> float:
    """Return Kish's effective number of rows, (sum w)^2 / sum w^2; NaN where every weight is 0."""
    total = float(weight.sum())
    return total**2 / float(weight @ weight) if total > 0 else math.nan
