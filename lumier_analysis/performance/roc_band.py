"""A pointwise band of the ROC curve by resampling patients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance.arrays import Floats, check_level, check_rows
from lumier_analysis.performance.auc import DEFAULT_SEED
from lumier_analysis.performance.bootstrap import multiplicities
from lumier_analysis.performance.intervals import wilson_interval

# Weights held at once.
_CHUNK = 1_000_000
# Fewer usable resamples than this give no band: an end of it would rest on a handful.
_LEAST = 100
# Sums of weights over their total miss a point of the grid by rounding alone.
_ROUNDING = 1e-9


def roc_band(
    outcome: Any,
    score: Any,
    cluster: Any = None,
    n_boot: int = 2000,
    seed: int = DEFAULT_SEED,
    *,
    points: int = 101,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the sensitivity over a grid of 1 - specificity with pointwise limits.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    score : array-like of float, shape (n,)
        Higher = higher risk; positive: score >= threshold.
    cluster : array-like, shape (n,), optional
        Patient of each row: whole patients are resampled. Without it rows are.
    n_boot, seed : int
    points : int
        Equally spaced places of 1 - specificity from 0 to 1.
    level : float
        At each place by itself, not of the whole curve at once.

    Returns
    -------
    DataFrame
        false_positive (1 - specificity), sensitivity, median (of the resamples), ci_low, ci_high;
        ``attrs["method"]`` says how, ``attrs["note"]`` what could not be had.

    Raises
    ------
    AnalysisError
        As `auc`, and without an event or without a non-event.
    UsageError
        Fewer than 2 points or 100 resamples.

    Notes
    -----
    Sensitivity at a place is the highest that any threshold reaches there; tied scores are joined by a straight line.
    Percentile limits collapse where the curve comes close to 0 or 1: with 12 events they held the truth in 47 % of
    300 samples at a sensitivity of 0.97. They are therefore never narrower than Wilson's interval of the sensitivity
    at a fixed threshold, with patients with an event for trials; at 1 - specificity of 1 it is 1 without doubt.
    """
    check_level(level)
    if points < 2 or n_boot < _LEAST:
        found, fix = f"points={points}, n_boot={n_boot}", "points=101, n_boot=2000"
        raise UsageError(f"a band needs 2 points and {_LEAST} resamples or more", found=found, fix=fix)
    rows = check_rows(outcome, {"score": score}, cluster)
    m = int(rows.event.sum())
    if m in (0, rows.event.size):
        raise AnalysisError("a ROC curve needs events and non-events", found=f"{m} events of {rows.event.size} rows")
    order = np.argsort(-rows.scores[0], kind="stable")
    falling, event, patient = rows.scores[0][order], rows.event[order], rows.patient[order]
    last = np.r_[np.flatnonzero(np.diff(falling)), falling.size - 1]
    at = np.linspace(0, 1, points)
    rng = np.random.default_rng(seed)
    kept: list[Floats] = []
    per = max(1, _CHUNK // falling.size)
    for start in range(0, n_boot, per):
        times = multiplicities(rng, rows.n_patients, min(per, n_boot - start))
        weight = times.astype(np.float64)[:, patient]
        kept += _sensitivities(weight, event, last, at)
    observed = _sensitivities(np.ones((1, falling.size)), event, last, at)[0]
    low = high = middle = np.full(points, math.nan)
    notes = []
    if len(kept) < n_boot:
        notes.append(f"{n_boot - len(kept)} of {n_boot} resamples had no event or no non-event")
    # The sides of the curve each need two patients, else one place of it never moves.
    fewest = min(np.unique(patient[event]).size, np.unique(patient[~event]).size)
    if fewest < 2 or len(kept) < _LEAST:
        notes.append("too few patients: no band")
    else:
        low, middle, high = np.quantile(kept, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
        m_patients = np.unique(patient[event]).size
        wilson = np.array([wilson_interval(share * m_patients, m_patients, level) for share in observed[:-1]])
        low[:-1] = np.minimum(low[:-1], wilson[:, 0])
        high[:-1] = np.maximum(high[:-1], wilson[:, 1])
    table = pd.DataFrame(
        {"false_positive": at, "sensitivity": observed, "median": middle, "ci_low": low, "ci_high": high}
    )
    who = "patient" if rows.clustered else "row"
    table.attrs = {
        "method": f"{who} bootstrap, percentiles, no narrower than Wilson's; pointwise {100 * level:g} % band",
        "note": "; ".join(notes),
    }
    return table


def _sensitivities(weight: Floats, event: Any, last: Any, at: Floats) -> list[Floats]:
    """Return the sensitivity at the places `at` of each weighted curve; weights run along falling scores."""
    hits = np.cumsum(weight * event, axis=1)[:, last]
    alarms = np.cumsum(weight * ~event, axis=1)[:, last]
    first = np.zeros((len(weight), 1))
    hits, alarms = np.hstack([first, hits]), np.hstack([first, alarms])
    curves = []
    for up, along in zip(hits, alarms, strict=True):
        if up[-1] > 0 and along[-1] > 0:
            # Of places with the same abscissa interpolation takes the last, which is the highest.
            curves.append(np.interp(at * along[-1] + _ROUNDING, along, up) / up[-1])
    return curves
