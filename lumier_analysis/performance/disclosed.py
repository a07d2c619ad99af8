"""Curves of time to an event in a form that shows no single patient and no small count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.performance.arrays import Floats, check_level
from lumier_analysis.performance.follow_up import check_times
from lumier_analysis.performance.survival import log_log_limits

_COUNTS = ("at_risk", "n_events", "n_competing", "n_censored")


class DisclosedCurves(NamedTuple):
    """What may be shown.

    Attributes
    ----------
    curves : DataFrame
        A row a group and day shown: group, time, survival or incidence, ci_low, ci_high, note. A group may be absent.
    at_risk : DataFrame
        Index group, columns the days; see Notes, NaN where withheld.
    note : str
        What was done, one sentence a line, for the figure.
    """

    curves: pd.DataFrame
    at_risk: pd.DataFrame
    note: str


class _Cells(NamedTuple):
    """Counts of one group: n at the days 0 .. K; events and competing events of K intervals and the rest."""

    n: np.ndarray
    events: np.ndarray
    competing: np.ndarray


def disclosed_curves(curves: pd.DataFrame, times: Any, *, minimum: int = 5, level: float = 0.95) -> DisclosedCurves:
    """Return life-table curves on common days that give away no patient's day and no count below `minimum`.

    Parameters
    ----------
    curves : DataFrame
        From `kaplan_meier` or `aalen_johansen`, a row a patient.
    times : array-like of float
        Days that may be shown (the scheduled visits), above 0; day 0 is added.
    minimum : int
        Smallest count that may be shown; 2 works as 3, since two cells of 1 are known from their sum. At 1 nothing is
        small, and the curve is the plain life table.
    level : float
        Of the limits, whatever that of `curves`.

    Returns
    -------
    DisclosedCurves

    Raises
    ------
    UsageError
        The table is none of `kaplan_meier`, it has several rows a patient, or `minimum` is below 1.

    Notes
    -----
    Everything shown is a function of four kinds of numbers, and of nothing finer:

    1. the size of each group, at least `minimum`, or no group is shown at all: the other one would give it away;
    2. events between days shown, each 0 or at least `minimum`, those after the last day too, since totals are known:
       a day at which that fails is left out of the curve, so that steps wait until enough events have come together;
    3. patients lost by a day shown, as which of 0 to `minimum` - 1, `minimum` to 2 `minimum` - 1, ... holds them: a
       loss of few cannot be told from one of none. Numbers at risk take the middle; on other days they are withheld
       (NaN), since they would bound the few events for which the day was left out. At risk on a day are those free of
       every event to its end and followed to it;
    4. competing events, as 2; a group with 1 to `minimum` - 1 of them has them counted as censored, and says so. The
       incidence is then that without competing events, too high by less than their share of the group.

    A group with 1 to `minimum` - 1 events has no curve, nor has then the group with the next fewest: the total would
    give the first away. Curves end where fewer than 2 `minimum` are at risk. Delaying steps until enough events have
    come is the practice of OpenSAFELY; Guyot and others (2012, BMC Med Res Methodol 12:9) read patients' data off
    plain curves.

    The estimate is the actuarial one (Cutler and Ederer 1958): of those who leave an interval without an event half
    count. Limits are Greenwood's on the log(-log) scale, the widest of those under all numbers at risk that would
    be shown so.
    """
    check_level(level)
    kind = _check(curves, minimum)
    least = 3 if minimum == 2 else int(minimum)
    days = np.unique(np.concatenate([[0.0], check_times(times)]))
    names = list(dict.fromkeys(curves["group"]))
    cells = {name: _cells(curves[curves["group"] == name], days, kind) for name in names}
    at_risk = pd.DataFrame(np.nan, index=pd.Index(names), columns=days)
    columns = ["group", "time", kind, "ci_low", "ci_high", "note"]
    empty = pd.DataFrame({c: pd.Series(dtype="str" if c in ("group", "note") else "float64") for c in columns})
    if any(c.n[0] < least for c in cells.values()):
        what = "a group has" if len(names) > 1 else "there are"
        return DisclosedCurves(empty, at_risk, f"Not shown: {what} fewer than {least} patients.")
    notes = [_rule(least)] if least > 1 else []
    hidden = _hidden({name: int(c.events.sum()) for name, c in cells.items()}, least)
    if hidden:
        notes.append(f"Curves of {len(hidden)} groups withheld: fewer than {least} events in one or more of them."
                     if len(hidden) > 1 else f"One curve withheld: fewer than {least} events.")  # fmt: skip
    parts = [empty]
    for name, c in cells.items():
        if 0 < c.competing.sum() < least:
            notes.append(f"{name}: fewer than {least} competing events, counted as censored.")
            c = c._replace(competing=np.zeros_like(c.competing))
        kept = [0] if name in hidden else shown_days(c.n, [c.events, c.competing], least)
        at_risk.loc[name] = shown_at_risk(c.n, c.events + c.competing, kept, least)
        if name not in hidden:
            table = _life_table(c, at_risk.loc[name].to_numpy(), kept, least, level, kind)
            parts.append(table.assign(group=name, time=days[kept])[columns])
    if len(parts) == 1:
        return DisclosedCurves(empty, at_risk, "\n".join(notes))
    return DisclosedCurves(pd.concat(parts[1:], ignore_index=True), at_risk, "\n".join(notes))


def shown_days(n: Any, cells: Sequence[Any], minimum: int) -> list[int]:
    """Return the positions of the days shown, the first always.

    Parameters
    ----------
    n : array-like of int, shape (k + 1,)
        At risk on each day.
    cells : sequence of array-like of int, each of shape (k + 1,)
        Events between the days, and after the last.
    minimum : int

    Returns
    -------
    list of int
        Of all choices whose intervals hold 0 or at least `minimum` of every kind, and whose days have at least
        2 `minimum` at risk, the one that reaches furthest, then has most days, then the earliest ones.
    """
    at_risk = np.asarray(n)
    sums = [np.concatenate([[0], np.cumsum(np.asarray(c))]) for c in cells]

    def fine(first: int, last: int) -> bool:
        return all(total == 0 or total >= minimum for total in (int(s[last] - s[first]) for s in sums))

    best: dict[int, list[int]] = {0: [0]}
    for k in range(1, at_risk.size):
        if at_risk[k] >= 2 * minimum:
            chains = [[*best[j], k] for j in sorted(best) if fine(j, k)]
            if chains:
                best[k] = max(chains, key=lambda chain: (len(chain), [-day for day in chain]))
    ends = [k for k in best if fine(k, at_risk.size)]
    return best[max(ends)] if ends else [0]


def shown_at_risk(n: Any, leaving: Any, kept: Sequence[int], minimum: int) -> Floats:
    """Return the numbers at risk that may be shown.

    Parameters
    ----------
    n, leaving : array-like of int, shape (k + 1,)
        At risk on each day; events between the days, and after the last.
    kept : sequence of int
        From `shown_days`.
    minimum : int

    Returns
    -------
    ndarray of float, shape (k + 1,)
        The first as it is, those of other days kept within minimum // 2 of the truth, NaN on all others.
    """
    counts = np.asarray(n, dtype=np.float64)
    # On a day left out for its few events the number at risk would bound them; on a day shown they are known, and
    # ranges counted from what is known do not.
    by_day = np.concatenate([[0], np.cumsum(np.asarray(leaving))[:-1]])
    shown = np.full(counts.size, math.nan)
    shown[0] = counts[0]
    for k in kept[1:]:
        known = counts[0] - by_day[k]
        shown[k] = known - np.floor((known - counts[k]) / minimum) * minimum - minimum // 2
    return shown


def _check(curves: pd.DataFrame, minimum: int) -> str:
    kinds = [k for k in ("survival", "incidence") if k in curves.columns]
    absent = [c for c in ("group", "time", *_COUNTS) if c not in curves.columns]
    if absent or len(kinds) != 1 or curves.empty:
        found = f"no {', '.join(absent) or 'rows, or no survival or incidence'}"
        raise UsageError("disclosed_curves needs the table of kaplan_meier or aalen_johansen", found=found)
    if curves.attrs.get("repeated"):
        raise UsageError(
            "Patients with several rows: limits of a life table would be too narrow",
            fix="give kaplan_meier one row a patient, as of first_flare_follow_up",
        )
    if not minimum >= 1:
        raise UsageError("minimum must be 1 or more", found=repr(minimum), fix="minimum=plan.disclosure.threshold")
    return kinds[0]


def _cells(part: pd.DataFrame, days: Floats, kind: str) -> _Cells:
    """Count events between days (a, b] and who is still there at the end of each day."""
    time = part["time"].to_numpy(dtype=np.float64)
    size = int(part["at_risk"].max())
    events, competing, censored = (part[c].to_numpy(dtype=np.int64) for c in _COUNTS[1:])
    place = np.searchsorted(days[1:], time)
    left = [int((events + competing)[time <= s].sum() + censored[time < s].sum()) for s in days]

    def counted(values: Any) -> np.ndarray:
        return np.bincount(place, values, minlength=days.size).astype(np.int64)

    none = np.zeros(days.size, dtype=np.int64)
    return _Cells(size - np.array(left), counted(events), none if kind == "survival" else counted(competing))


def _hidden(totals: dict[Any, int], least: int) -> set[Any]:
    """Return the groups without a curve: those with few events, and others until the total gives none away."""
    hidden = {name for name, total in totals.items() if 0 < total < least}
    others = sorted((name for name in totals if totals[name] >= least), key=lambda name: totals[name])
    while hidden and others and (len(hidden) == 1 or sum(totals[name] for name in hidden) < least):
        hidden.add(others.pop(0))
    return hidden


def _life_table(c: _Cells, shown: Floats, kept: list[int], least: int, level: float, kind: str) -> pd.DataFrame:
    """Return value and limits on the days kept, from events between them and the numbers at risk shown."""
    events, competing = (
        np.array([x[j:k].sum() for j, k in pairwise(kept)], dtype=np.float64) for x in (c.events, c.competing)
    )
    slack = least // 2
    lows, highs, value = [], [], np.empty(0)
    for shift in (0, -slack, slack):
        at = shown[kept] + shift
        at[0] = shown[0]
        value_here, se = _actuarial(np.maximum(at, least), events, competing)
        share = 1 - value_here if kind == "survival" else value_here
        low, high = log_log_limits(share, se, level, kind)
        lows.append(low)
        highs.append(high)
        value = share if shift == 0 else value
    table = pd.DataFrame({kind: value, "ci_low": np.min(lows, axis=0), "ci_high": np.max(highs, axis=0)})
    return table.assign(note=np.where(table["ci_low"].isna(), "no event yet: no interval", ""))


def _actuarial(at: Floats, events: Floats, competing: Floats) -> tuple[Floats, Floats]:
    """Return the incidence of the event at each day and its standard error.

    By the delta method from multinomial counts; without competing events it is Greenwood's.
    """
    leaving = events + competing
    start, end = at[:-1], np.minimum(at[1:], at[:-1] - leaving)
    end = np.maximum(end, 1.0)
    exposed = (np.maximum(start, end + leaving) + end + leaving) / 2
    cause, other = events / exposed, competing / exposed
    free = np.concatenate([[1.0], np.cumprod(1 - cause - other)])
    incidence = np.concatenate([[0.0], np.cumsum(free[:-1] * cause)])
    se = np.zeros(at.size)
    for k in range(1, at.size):
        lost = (incidence[k] - incidence[1 : k + 1]) / (1 - cause - other)[:k]
        by_cause, by_other = free[:k] - lost, -lost
        p, q = cause[:k], other[:k]
        spread = by_cause**2 * p + by_other**2 * q - (by_cause * p + by_other * q) ** 2
        se[k] = math.sqrt(float((spread / exposed[:k]).sum()))
    return incidence, se


def _rule(least: int) -> str:
    return (
        f"Life-table estimates; each step holds at least {least} events. Curves end where\n"
        f"fewer than {2 * least} are at risk. Numbers at risk are true to within {least // 2}."
    )
