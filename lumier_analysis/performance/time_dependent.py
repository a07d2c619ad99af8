"""Time-dependent AUC: does the marker tell who has the event by time t from who is free of it at t?"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.performance.arrays import Bools, Floats, Ints, check_level
from lumier_analysis.performance.follow_up import Counts, check_follow_up, check_times, count_times
from lumier_analysis.performance.intervals import logit_interval, wald_interval

_COLUMNS = ["time", "auc", "se", "ci_low", "ci_high", "n_cases", "n_controls", "note"]


def time_dependent_auc(
    time: Any,
    event: Any,
    marker: Any,
    times: Any,
    *,
    competing: Literal["excluded", "control"] = "excluded",
    interval: Literal["logit", "wald"] = "logit",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the cumulative/dynamic AUC at each of `times`, one row a patient.

    Cases had the event by t, controls are free of it at t. Rows censored before t are made up for by inverse
    probability of censoring weights, 1/G(T-) for cases and 1/G(t) for controls, with G the Kaplan-Meier estimate of
    staying uncensored; events are taken to precede censorings of the same time. Ties of the marker count one half.
    Censoring must not depend on marker or event.

    Parameters
    ----------
    time : array-like of float, shape (n,)
        Follow-up, above 0.
    event : array-like of {0, 1, 2}, shape (n,)
        0 censored, 1 event, 2 competing event, at `time`.
    marker : array-like of float, shape (n,)
        Higher = higher risk; never turned round.
    times : float or array-like of float
        Horizons, in the unit of `time`, in any order.
    competing : {"excluded", "control"}
        Controls are free of every event ("excluded": a competing event by t makes neither case nor control), or also
        those with a competing event by t ("control").
    interval : {"logit", "wald"}
    level : float

    Returns
    -------
    DataFrame
        A row a horizon, in the order given: time, auc, se, ci_low, ci_high, n_cases, n_controls (observed rows),
        note. NaN stands only beside a note.

    Raises
    ------
    AnalysisError
        Missing or infinite values, events other than 0, 1, 2, times of 0 or below, no row.
    UsageError
        An unknown option.

    Notes
    -----
    Blanche, Dartigues and Jacqmin-Gadda (2013, Stat Med 32:5381), estimators for definitions 1 and 2. The standard
    error adds up the squared influences of the rows, n/(n-1) sum D^2 with D the derivative of the AUC by the weight of
    a row, that of G included.
    """
    check_level(level)
    if competing not in ("excluded", "control"):
        raise UsageError("Unknown option for competing", found=repr(competing), fix="excluded or control")
    if interval not in ("logit", "wald"):
        raise UsageError("Unknown interval", found=repr(interval), fix="logit or wald")
    d = check_follow_up(time, event, {"marker": marker})
    counts = count_times(d.time, d.event)
    # Events first: those with an event at u are no longer at risk of being censored at u.
    exposed = counts.at_risk - counts.events - counts.competing
    hazard = np.divide(counts.censored, exposed, out=np.zeros_like(exposed), where=exposed > 0)
    before = np.concatenate([[1.0], np.cumprod(1 - hazard)[:-1]])[counts.place]  # G(T-)
    rank = np.unique(d.columns[0], return_inverse=True)[1]
    lines = []
    for t in check_times(times):
        case = (d.time <= t) & (d.event == 1)
        free = d.time > t
        early = (d.time <= t) & (d.event == 2) & (competing == "control")
        control = free | early
        line: dict[str, Any] = {"time": t, "auc": math.nan, "se": math.nan, "ci_low": math.nan, "ci_high": math.nan}
        line |= {"n_cases": int(case.sum()), "n_controls": int(control.sum()), "note": ""}
        if not free.any():
            line["note"] = f"time outside follow-up: nobody is followed beyond {t:g}, cannot be estimated"
        elif not case.any():
            line["note"] = f"no event by {t:g}: cannot be estimated"
        else:
            g_t = float(np.prod(1 - hazard[counts.time <= t]))
            w = np.where(case | early, 1 / before, 1 / g_t)
            value, influence = _influence(w, case, control, free, rank, counts, hazard, exposed, d.event == 0, t)
            n = d.time.size
            se = math.sqrt(n / (n - 1) * float(influence @ influence))
            line["auc"] = value
            if value in (0.0, 1.0):
                line["note"] = f"AUC of {value:g}: no standard error can be estimated"
            elif se < 1e-12:
                line["note"] = "no spread of the influences (a constant marker): no standard error can be estimated"
            else:
                limits = (logit_interval if interval == "logit" else wald_interval)(value, se, level)
                line |= {"se": se, "ci_low": limits.low, "ci_high": limits.high}
                few = min(line["n_cases"], line["n_controls"])
                if few < 2:
                    line["note"] = "a single case or control: the standard error understates"
        lines.append(line)
    return pd.DataFrame(lines, columns=_COLUMNS)


def _influence(
    w: Floats, case: Bools, control: Bools, free: Bools, rank: Ints, counts: Counts, hazard: Floats, exposed: Floats,
    censored: Bools, t: float,
) -> tuple[float, Floats]:  # fmt: skip
    """Return the AUC and its derivatives by the weight of each row, shape (n,).

    With k_ij = w_i w_j (1[marker i > j] + 1/2[equal] - AUC) summed over controls (cases), row m carries `pull`; the
    weight 1/G(s) of a row moves with G by the infinitesimal jackknife of the Kaplan-Meier estimate.
    """
    wc, wk = w * case, w * control
    n_ranks = int(rank.max()) + 1
    cases_at, controls_at = np.bincount(rank, wc, n_ranks), np.bincount(rank, wk, n_ranks)
    below = np.cumsum(controls_at) - controls_at / 2  # weight of the controls a case beats
    above = cases_at.sum() - np.cumsum(cases_at) + cases_at / 2  # weight of the cases that beat a control
    total = float(wc.sum() * wk.sum())
    perfect = _order(rank, case, control)
    value = perfect if perfect is not None else float(cases_at @ below) / total
    as_case = wc * (below[rank] - value * wk.sum())
    as_control = wk * (above[rank] - value * wc.sum())
    pull = as_case + as_control
    # Weights of `free` rows rest on G(t), all others on G just before their own time.
    own = np.bincount(counts.place, np.where(free, 0.0, pull), counts.time.size)
    later = own.sum() - np.cumsum(own) + np.where(counts.time <= t, float(pull[free].sum()), 0.0)
    inside = (exposed > counts.censored) & (counts.time <= t)
    rate = np.divide(1.0, exposed - counts.censored, out=np.zeros_like(exposed), where=inside)
    share = np.cumsum(later * hazard * rate)  # what staying at risk of being censored, and not being, pulls down
    step = later * hazard * rate
    # A row is exposed at u < T, and at u = T when censored there.
    exposure = np.where(censored, share[counts.place], (share - step)[counts.place])
    moved = np.where(censored, (later * rate)[counts.place], 0.0) - exposure
    return value, (pull + moved) / total


def _order(rank: Ints, case: Bools, control: Bools) -> float | None:
    """Return exactly 1 or 0 where every case lies above, or below, every control; else None."""
    if rank[case].min() > rank[control].max():
        return 1.0
    return 0.0 if rank[case].max() < rank[control].min() else None
