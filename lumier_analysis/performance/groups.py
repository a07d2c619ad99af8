"""Observed against predicted risk in groups, for drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.performance.arrays import check_rows, sum_by
from lumier_analysis.performance.intervals import wilson_interval


def calibration_groups(
    outcome: Any, probability: Any, *, cluster: Any = None, groups: int = 5, minimum: int = 5, level: float = 0.95
) -> pd.DataFrame:
    """Return mean risk and event proportion by groups of rising risk.

    Parameters
    ----------
    outcome : array-like of 0/1, shape (n,)
    probability : array-like of float, shape (n,)
        Predicted risks.
    cluster : array-like, shape (n,), optional
        Patient of each row: the Wilson interval is then taken at the effective sample size, n divided by the design
        effect (the ratio of the clustered to the binomial variance, not below 1).
    groups : int
        At most so many; each holds at least `minimum` events, so that a drawn proportion gives no small count away.
    minimum : int
    level : float

    Returns
    -------
    DataFrame
        predicted, observed, ci_low, ci_high, n, events; one row a group, rising risk.
    """
    rows = check_rows(outcome, {"probability": probability}, cluster)
    risk, event = np.asarray(probability, float), np.asarray(outcome, float)
    patient = rows.patient
    order = np.argsort(risk, kind="stable")
    places = np.flatnonzero(event[order])
    k = max(1, min(groups, len(places) // max(minimum, 1)))
    # Each group gets its share of the events; it ends halfway to the next event, so that no group stops on one.
    last = [chunk[-1] for chunk in np.array_split(places, k)[:-1]]
    cuts = [(places[np.searchsorted(places, end) + 1] + end + 1) // 2 for end in last]
    parts = np.split(order, cuts)
    table = []
    for part in parts:
        n, observed = len(part), float(event[part].mean())
        residual = sum_by(patient[part], event[part] - observed, int(patient.max()) + 1)
        binomial = n * observed * (1 - observed)
        effect = max(1.0, float(residual @ residual) / binomial) if binomial > 0 else 1.0
        interval = wilson_interval(observed * n / effect, n / effect, level)
        table.append((float(risk[part].mean()), observed, interval.low, interval.high, n, int(event[part].sum())))
    return pd.DataFrame(table, columns=["predicted", "observed", "ci_low", "ci_high", "n", "events"])
