"""Follow-up times and their events, checked once, and the counts at each distinct time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import Bools, Floats, Ints, check_rows


class FollowUp(NamedTuple):
    """Checked follow-up, one entry a row.

    Attributes
    ----------
    time : ndarray of float64, shape (n,)
        Finite, above 0.
    event : ndarray of int, shape (n,)
        0 censored, 1 event, 2 competing event.
    columns : tuple of ndarray of float64
        Further columns in the order given; finite.
    patient : ndarray of int, shape (n,)
        Codes 0 .. n_patients - 1; the row number without a cluster.
    n_patients : int
    """

    time: Floats
    event: Ints
    columns: tuple[Floats, ...]
    patient: Ints
    n_patients: int


class Counts(NamedTuple):
    """What happens at each distinct time u (ascending), shapes (k,); `place` maps rows to times, shape (n,)."""

    time: Floats
    place: Ints
    at_risk: Floats  # rows with time >= u
    events: Floats
    competing: Floats
    censored: Floats


def check_follow_up(time: Any, event: Any, columns: dict[str, Any] | None = None, cluster: Any = None) -> FollowUp:
    """Check times and events against one another and against further columns.

    Raises
    ------
    AnalysisError
        Missing or infinite values, times of 0 or below, events other than 0, 1 and 2, unequal lengths, differing row
        labels, or no row.
    """
    given = {"time": time, "event": event, **(columns or {})}
    # The outcome slot of check_rows is of no use here: a constant 0 that runs along the time column.
    zero = pd.Series(0, index=time.index) if isinstance(time, pd.Series) else np.zeros(np.size(time))
    rows = check_rows(zero, given, cluster)
    t, e = rows.scores[:2]
    if (t <= 0).any():
        raise AnalysisError(
            "time must be above 0: follow-up starts at 0",
            found=f"{int((t <= 0).sum())} of {t.size} at or below 0",
            fix="leave out, and count, rows without follow-up",
        )
    other = np.unique(e[~np.isin(e, (0, 1, 2))])
    if other.size:
        raise AnalysisError(
            "event must be 0 (censored), 1 (event) or 2 (competing event)",
            found=", ".join(f"{v:g}" for v in other[:5]),
        )
    return FollowUp(t, e.astype(np.intp), rows.scores[2:], rows.patient, rows.n_patients)


def check_times(times: Any) -> Floats:
    """Return horizons as an array, in the order given; each must be a finite number above 0."""
    try:
        t = np.atleast_1d(np.asarray(times, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise AnalysisError("times are not numbers", found=str(error)) from None
    if t.ndim != 1 or t.size == 0 or not (np.isfinite(t) & (t > 0)).all():
        raise AnalysisError("times must be finite numbers above 0", found=str(t.tolist()[:5]), fix="times=[91, 182]")
    return t


def count_times(time: Floats, event: Ints, among: Bools | None = None) -> Counts:
    """Return the rows at risk and what happens at each distinct time, of the rows `among` (default all)."""
    u, index = np.unique(time, return_inverse=True)
    use = np.ones(time.size, bool) if among is None else among
    n = [np.bincount(index[use & (event == k)], minlength=u.size).astype(np.float64) for k in range(3)]
    at_risk = np.cumsum((n[0] + n[1] + n[2])[::-1])[::-1]
    return Counts(u, index, at_risk, n[1], n[2], n[0])
