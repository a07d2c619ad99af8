"""Kaplan-Meier and Aalen-Johansen curves with intervals, and the numbers at risk."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import Bools, Floats, Ints, check_level, check_rows
from lumier_analysis.performance.follow_up import check_follow_up, check_times, count_times
from lumier_analysis.performance.intervals import z_quantile

#: Names of the groups below, and at or above, a threshold.
RISK_LABELS = ("Score below threshold", "Score at or above")


def kaplan_meier(time: Any, event: Any, *, group: Any = None, cluster: Any = None, level: float = 0.95) -> pd.DataFrame:
    """Return the Kaplan-Meier curve of each group: the share free of the event.

    Competing events are taken as censored, which describes a world without them; see `aalen_johansen`.

    Parameters
    ----------
    time : array-like of float, shape (n,)
        Above 0.
    event : array-like of {0, 1, 2}, shape (n,)
        0 censored, 1 event, 2 competing.
    group : array-like, shape (n,), optional
        One curve each, in the order of first appearance or of an ordered categorical.
    cluster : array-like, shape (n,), optional
        Patient; the standard error is then the infinitesimal jackknife summed by patient, else Greenwood's.
    level : float
        Limits on the log(-log) scale.

    Returns
    -------
    DataFrame
        A row a group and distinct time, after a row at time 0: group, time, at_risk, n_events, n_competing,
        n_censored, survival, se, ci_low, ci_high, note. Limits are NaN, with a note, where survival is 0 or 1.

    Raises
    ------
    AnalysisError
        As `time_dependent_auc`; a missing group.
    """
    return _curves(time, event, group, cluster, level, "survival")


def aalen_johansen(
    time: Any, event: Any, *, group: Any = None, cluster: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Return the cumulative incidence of the event where competing events occur (Aalen and Johansen 1978).

    As `kaplan_meier`, with `incidence` in place of `survival`; the standard error is the infinitesimal jackknife,
    limits are on the log(-log) scale of 1 - incidence.
    """
    return _curves(time, event, group, cluster, level, "incidence")


def numbers_at_risk(time: Any, times: Any, *, group: Any = None) -> pd.DataFrame:
    """Return how many rows of each group are followed to each of `times` (0 or above) or beyond.

    Returns
    -------
    DataFrame
        Index: group; columns: `times`; small counts are the caller's to withhold before anything is shown.
    """
    given = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if given.size > (given == 0).sum():
        check_times(given[given != 0])
    d = check_follow_up(time, 0 * time if isinstance(time, pd.Series) else np.zeros(np.size(time)))
    lines = {name: [int((d.time[rows] >= s).sum()) for s in given] for name, rows in _groups(group, d.time.size)}
    return pd.DataFrame.from_dict(lines, orient="index", columns=given)


def risk_groups(score: Any, threshold: float, *, labels: tuple[str, str] = RISK_LABELS) -> pd.Series:
    """Split rows by a threshold that was fixed beforehand.

    Parameters
    ----------
    score : array-like of float, shape (n,)
        Higher = higher risk; finite.
    threshold : float
        At or above is the higher group, as in `classification`.
    labels : tuple of str
        Names of the lower and the higher group, for the figures.

    Returns
    -------
    Series of ordered category, shape (n,)
        Lower group first; the row labels of `score`. A group may be empty.

    Raises
    ------
    AnalysisError
        A score or the threshold is missing or infinite, or the labels are equal.
    """
    values = check_rows(np.zeros(np.size(score)), {"score": pd.Series(score).reset_index(drop=True)}).scores[0]
    if not math.isfinite(threshold):
        raise AnalysisError("the threshold is not a number", found=repr(threshold))
    if len(set(labels)) != 2:
        raise AnalysisError("risk groups need two different labels", found=repr(labels))
    index = score.index if isinstance(score, pd.Series) else None
    names = pd.Categorical(np.where(values >= threshold, labels[1], labels[0]), list(labels), ordered=True)
    return pd.Series(names, index=index, name="risk_group")


def censor_after(time: Any, event: Any, day: float) -> tuple[Floats, Ints]:
    """End follow-up at `day`: what came later is censored there.

    Parameters
    ----------
    time, event : array-like, shape (n,)
        As `kaplan_meier`.
    day : float
        Above 0; events on the day itself count.

    Returns
    -------
    time, event : ndarray, shape (n,)

    Raises
    ------
    AnalysisError
        As `kaplan_meier`.
    """
    (last,) = check_times(day)
    d = check_follow_up(time, event)
    return np.minimum(d.time, last), np.where(d.time > last, 0, d.event)


def _curves(time: Any, event: Any, group: Any, cluster: Any, level: float, kind: str) -> pd.DataFrame:
    check_level(level)
    d = check_follow_up(time, event, cluster=cluster)
    parts = []
    for name, rows in _groups(group, d.time.size):
        own = d.time[rows], d.event[rows]
        counts = count_times(*own)
        cause = counts.events
        leaving = counts.events if kind == "survival" else counts.events + counts.competing
        hazard, all_hazard = cause / counts.at_risk, leaving / counts.at_risk
        free = np.cumprod(1 - all_hazard)
        before = np.concatenate([[1.0], free[:-1]])
        value = np.asarray(free if kind == "survival" else np.cumsum(before * hazard), dtype=np.float64)
        if kind == "survival" and cluster is None:
            stays = counts.at_risk - leaving
            terms = np.divide(leaving, counts.at_risk * stays, out=np.zeros_like(stays), where=stays > 0)
            se = value * np.sqrt(np.cumsum(terms))
        else:
            codes = np.unique(d.patient[rows], return_inverse=True)[1]
            se = _jackknife(*own, codes, hazard, all_hazard, before, counts.at_risk, kind)
        low, high = log_log_limits(value, se, level, kind)
        first = {"time": 0.0, "at_risk": rows.sum(), kind: 1.0 if kind == "survival" else 0.0, "se": 0.0}
        first |= {"n_events": 0, "n_competing": 0, "n_censored": 0}
        columns = {"time": counts.time, "at_risk": counts.at_risk, "n_events": counts.events,
                   "n_competing": counts.competing, "n_censored": counts.censored, kind: value, "se": se,
                   "ci_low": low, "ci_high": high}  # fmt: skip
        table = {k: np.concatenate([[first.get(k, math.nan)], v]) for k, v in columns.items()}
        table["note"] = np.where(np.isnan(table["ci_low"]), "no event yet, or nobody left: no interval", "")
        parts.append(pd.DataFrame({"group": [name] * (counts.time.size + 1), **table}))
    numbers = ["at_risk", "n_events", "n_competing", "n_censored"]
    whole = pd.concat(parts, ignore_index=True).astype(dict.fromkeys(numbers, "int64"))
    whole.attrs["repeated"] = d.n_patients < d.time.size
    return whole


def _jackknife(
    time: Floats, event: Any, patient: Any, hazard: Floats, all_hazard: Floats, before: Floats, at_risk: Floats,
    kind: str,
) -> Floats:  # fmt: skip
    """Return the standard error at each time: derivatives by the weight of a row, summed by patient."""
    u = np.unique(time)
    d_free = np.zeros(time.size)  # derivative of the share free of every event, just before u
    d_value = np.zeros(time.size)
    variance = np.zeros(u.size)
    leaves = event == 1 if kind == "survival" else event > 0
    for k, s in enumerate(u):
        here, exposed = time == s, time >= s
        d_all = (here & leaves) - exposed * all_hazard[k]
        if kind == "incidence":
            d_cause = (here & (event == 1)) - exposed * hazard[k]
            d_value = d_value + d_free * hazard[k] + before[k] * d_cause / at_risk[k]
        d_free = d_free * (1 - all_hazard[k]) - before[k] * d_all / at_risk[k]
        sums = np.bincount(patient, d_free if kind == "survival" else d_value)
        variance[k] = sums @ sums
    return np.sqrt(variance)


def log_log_limits(value: Floats, se: Floats, level: float, kind: str) -> tuple[Floats, Floats]:
    """Return limits on the log(-log) scale of the share without the event; NaN at its borders."""
    share = value if kind == "survival" else 1 - value
    inside = (share > 1e-12) & (share < 1 - 1e-12) & (se > 0)
    s = np.where(inside, share, 0.5)
    half = z_quantile(level) * se / (s * np.abs(np.log(s)))
    low, high = s ** np.exp(half), s ** np.exp(-half)
    if kind == "incidence":
        low, high = 1 - high, 1 - low
    return np.where(inside, low, math.nan), np.where(inside, high, math.nan)


def _groups(group: Any, n: int) -> list[tuple[str, Bools]]:
    """Return the name and the rows of each group."""
    if group is None:
        return [("all", np.ones(n, bool))]
    column = pd.Series(group).reset_index(drop=True)
    if len(column) != n:
        raise AnalysisError("group and time differ in length", found=f"{len(column)} and {n}")
    if column.isna().any():
        raise AnalysisError("group has missing values", found=f"{int(column.isna().sum())} rows")
    ordered = isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered
    names = [c for c in column.cat.categories if (column == c).any()] if ordered else column.unique().tolist()
    return [(str(name), (column == name).to_numpy()) for name in names]
