"""Net benefit of treating by predicted risk (decision curve analysis), with intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import check_level, check_rows
from lumier_analysis.performance.intervals import z_quantile


def net_benefit(
    outcome: Any, probability: Any, thresholds: Any, *, cluster: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Return the net benefit of the model and of treating all at each threshold.

    ``(TP - FP t / (1 - t)) / n`` with treated rows those of probability >= t. Treating none has net benefit 0, so
    `model` and its interval are also the difference model - none.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    probability : array-like of float in [0, 1], shape (n,)
    thresholds : float or array-like of float in (0, 1)
        Risk at which treating and not treating are judged equal.
    cluster : array-like, shape (n,), optional
        Patient of each row; the variance is then linearised by patient, K/(K-1).
    level : float
        Of Wald intervals, at each threshold by itself.

    Returns
    -------
    DataFrame
        A row a threshold, in the order given: threshold, model, treat_all, difference (model - treat_all), and of
        each <name>_se, <name>_ci_low, <name>_ci_high; note. A limit is NaN only beside a note.

    Raises
    ------
    AnalysisError
        Missing or infinite values, a probability outside [0, 1], a threshold outside (0, 1), no row.

    Notes
    -----
    Vickers and Elkin (2006, Med Decis Making 26:565). Net benefit is a mean over rows, its influences are the rows'
    own contributions.
    """
    check_level(level)
    rows = check_rows(outcome, {"probability": probability}, cluster)
    p = rows.scores[0]
    if p.min() < 0 or p.max() > 1:
        raise AnalysisError(
            "probability must lie between 0 and 1",
            found=f"{p.min():g} to {p.max():g}",
            fix="pass predicted risks, not scores",
        )
    t = _check_thresholds(thresholds)
    odds = t / (1 - t)
    gain = np.where(rows.event[:, None], 1.0, -odds)  # rows x thresholds
    treated = p[:, None] >= t
    n, k = p.size, rows.n_patients
    table: dict[str, Any] = {"threshold": t}
    missing = np.zeros((3, t.size), bool)
    each_by = {"model": gain * treated, "treat_all": gain, "difference": gain * (treated - 1.0)}
    for i, (name, each) in enumerate(each_by.items()):
        value = each.mean(axis=0)
        sums = np.zeros((k, t.size))
        np.add.at(sums, rows.patient, (each - value) / n)
        se = np.sqrt((sums**2).sum(axis=0) * k / (k - 1)) if k > 1 else np.full(t.size, math.nan)
        # Equal contributions leave rounding error, not spread.
        missing[i] = ~(se > 1e-12)
        se = np.where(missing[i], math.nan, se)
        half = z_quantile(level) * se
        table |= {name: value, f"{name}_se": se, f"{name}_ci_low": value - half, f"{name}_ci_high": value + half}
    table["note"] = [_note(missing[:, j], treated[:, j], rows.event, k) for j in range(t.size)]
    return pd.DataFrame(table)


def _check_thresholds(thresholds: Any) -> np.ndarray:
    try:
        t = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise AnalysisError("thresholds are not numbers", found=str(error)) from None
    if t.ndim != 1 or t.size == 0 or not ((t > 0) & (t < 1)).all():
        raise AnalysisError(
            "thresholds must lie between 0 and 1", found=str(t.tolist()[:5]), fix="thresholds=[0.05, 0.1]"
        )
    return t


def _note(missing: np.ndarray, treated: np.ndarray, event: np.ndarray, n_patients: int) -> str:
    """Return why limits are missing at a threshold."""
    if not missing.any():
        return ""
    if n_patients < 2:
        return "a single patient: no interval"
    reasons = [
        (not event.any(), "no event"),
        (event.all(), "every row is an event"),
        (not treated.any(), "nobody reaches the threshold: the model treats none"),
        (treated.all(), "everybody reaches the threshold: the model treats all"),
    ]
    why = [text for holds, text in reasons if holds] or ["contributions do not vary"]
    return "; ".join(why) + ": no interval where net benefit cannot vary"
