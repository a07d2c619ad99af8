"""Sensitivity, specificity, predictive values and likelihood ratios at a fixed threshold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import Bools, Rows, check_level, check_rows, sum_by
from lumier_analysis.performance.intervals import logit_interval, wilson_interval, z_quantile

_NAN = math.nan


def classification(
    outcome: Any, score: Any, threshold: float, *, cluster: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Return how a threshold classifies; positive: score >= threshold.

    Predictive values hold for the event rate of these rows.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    score : array-like of float, shape (n,)
        Higher = higher risk.
    threshold : float
        Fixed before: it is never chosen here.
    cluster : array-like, shape (n,), optional
        Patient of each row. Shares are then ratio estimators with a linearised variance by patient (K/(K-1)) and
        logit limits; without it Wilson limits. Likelihood ratios: log limits.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Index sensitivity, specificity, ppv, npv, lr_positive, lr_negative; columns value, ci_low, ci_high,
        numerator, denominator (rows; NaN for the ratios), method, note. A share with denominator 0 is NaN with a
        note; a share of 0 or 1 under clustering has Wilson limits with patients instead of rows as trials.

    Raises
    ------
    AnalysisError
        As `auc`, and for a threshold that is not finite.
    """
    check_level(level)
    if not math.isfinite(threshold):
        raise AnalysisError("threshold must be a finite number", found=repr(threshold))
    rows = check_rows(outcome, {"score": score}, cluster)
    event, positive = rows.event, rows.scores[0] >= threshold
    lines = {
        "sensitivity": _share(positive, event, rows, level),
        "specificity": _share(~positive, ~event, rows, level),
        "ppv": _share(event, positive, rows, level),
        "npv": _share(~event, ~positive, rows, level),
        "lr_positive": _likelihood_ratio(positive, rows, level),
        "lr_negative": _likelihood_ratio(~positive, rows, level),
    }
    columns = ["value", "ci_low", "ci_high", "numerator", "denominator", "method", "note"]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns)


def _share(hit: Bools, among: Bools, rows: Rows, level: float) -> tuple[float, float, float, float, float, str, str]:
    """Return the share of `hit` among the rows `among`, with its limits."""
    top, bottom = float((hit & among).sum()), float(among.sum())
    method = "ratio estimator by patient; logit interval" if rows.clustered else "proportion; Wilson interval"
    if bottom == 0:
        return _NAN, _NAN, _NAN, top, bottom, method, "no such row: cannot be estimated"
    value = top / bottom
    if not rows.clustered:
        limits = wilson_interval(top, bottom, level)
        return value, limits.low, limits.high, top, bottom, method, ""
    patients = int(np.unique(rows.patient[among]).size)
    if value in (0.0, 1.0):
        limits = wilson_interval(value * patients, patients, level)
        note = f"share of {value:g}: Wilson limits with {patients} patients as trials"
        return value, limits.low, limits.high, top, bottom, method, note
    residual = sum_by(rows.patient, (hit & among) - value * among, rows.n_patients)
    if patients < 2 or not residual.any():
        return value, _NAN, _NAN, top, bottom, method, "too few patients: no interval"
    se = math.sqrt(float(residual @ residual) * patients / (patients - 1)) / bottom
    limits = logit_interval(value, se, level)
    return value, limits.low, limits.high, top, bottom, method, ""


def _likelihood_ratio(hit: Bools, rows: Rows, level: float) -> tuple[float, float, float, float, float, str, str]:
    """Return the share of `hit` among events over that among non-events; log limits.

    Unclustered the variance of the log is that of Simel, Samsa and Matchar (1991); clustered it is the linearised
    one by patient. With an empty cell the limits come from counts plus 1/2, without the cluster, and the note says so.
    """
    event, other = rows.event, ~rows.event
    m, n = float(event.sum()), float(other.sum())
    a, c = float((hit & event).sum()), float((hit & other).sum())
    method = f"ratio of proportions, {'linearised by patient' if rows.clustered else 'Simel'}; log interval"
    if m == 0 or n == 0 or (a == 0 and c == 0):
        note = "no event" if m == 0 else "no non-event" if n == 0 else "no row on this side of the threshold"
        return _NAN, _NAN, _NAN, _NAN, _NAN, method, f"{note}: cannot be estimated"
    z = z_quantile(level)
    if a == 0 or c == 0:
        centre = ((a + 0.5) / (m + 1)) / ((c + 0.5) / (n + 1))
        spread = math.exp(z * math.sqrt(1 / (a + 0.5) - 1 / (m + 1) + 1 / (c + 0.5) - 1 / (n + 1)))
        note = "an empty cell: limits from counts plus 1/2, rows taken as independent"
        if a == 0:
            return 0.0, 0.0, centre * spread, _NAN, _NAN, method, note
        return math.inf, centre / spread, math.inf, _NAN, _NAN, method, note
    value = (a / m) / (c / n)
    note = ""
    if rows.clustered:
        k = rows.n_patients
        influence = (hit & event) / a - event / m - (hit & other) / c + other / n
        sums = sum_by(rows.patient, influence, k)
        variance = float(sums @ sums) * k / (k - 1) if k > 1 else _NAN
    else:
        variance = 1 / a - 1 / m + 1 / c - 1 / n
    if not variance > 1e-24:
        return value, _NAN, _NAN, _NAN, _NAN, method, "no standard error can be estimated: no interval"
    spread = math.exp(z * math.sqrt(variance))
    return value, value / spread, value * spread, _NAN, _NAN, method, note
