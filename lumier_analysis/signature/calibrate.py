"""From score to risk: a logistic map with two parameters, learned on the test cohort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, check_level, check_rows
from lumier_analysis.performance.intervals import two_sided_p, z_quantile
from lumier_analysis.performance.logistic import fit_logistic


@dataclass(frozen=True, slots=True)
class CalibrationMap:
    """risk = 1 / (1 + exp(-(intercept + slope * score))).

    Attributes
    ----------
    intercept : Estimate
        Log odds at score 0.
    slope : Estimate
        Log odds per unit of the score; its p-value tests 0.
    """

    intercept: Estimate
    slope: Estimate

    def risk(self, score: Any) -> Floats:
        """Return the risk of the event within the window, in (0, 1)."""
        predictor = self.intercept.value + self.slope.value * np.asarray(score, dtype=np.float64)
        return np.asarray(scipy.special.expit(predictor))


def fit_calibration(outcome: Any, score: Any, *, cluster: Any = None, level: float = 0.95) -> CalibrationMap:
    """Fit the map from a score to the risk of the event.

    For a score that was learned on the same rows pass its out-of-fold predictions: risks would be too extreme
    otherwise.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    score : array-like of float, shape (n,)
        Higher = higher risk; a negative slope is kept and noted, never turned round.
    cluster : array-like, shape (n,), optional
        Patient of each row: sandwich standard errors.
    level : float

    Returns
    -------
    CalibrationMap
        Where the score separates events from non-events the likelihood has no maximum; Firth's (1993) penalty is
        used instead and the note says so.

    Raises
    ------
    AnalysisError
        As `auc`; no event, no non-event, or a constant score.
    """
    check_level(level)
    rows = check_rows(outcome, {"score": score}, cluster)
    values, m = rows.scores[0], int(rows.event.sum())
    if m in (0, rows.event.size):
        raise AnalysisError("a risk cannot be learned from one class", found=f"{m} events of {rows.event.size} rows")
    if np.ptp(values) == 0:
        raise AnalysisError("a risk cannot be learned from a constant score", found=f"score {values[0]:g} throughout")
    # A standardised column keeps Newton's steps well scaled whatever the unit of the score.
    mean, sd = float(values.mean()), float(values.std())
    x = np.column_stack([np.ones(values.size), (values - mean) / sd])
    patient = rows.patient if rows.clustered else None
    fit, notes = fit_logistic(x, rows.event, patient=patient), []
    if not fit.converged:
        fit = fit_logistic(x, rows.event, patient=patient, firth=True)
        notes.append("the score separates events and non-events: Firth's penalty used")
    back = np.array([[1.0, -mean / sd], [0.0, 1 / sd]])
    coef, covariance = back @ fit.coef, back @ fit.covariance @ back.T
    if coef[1] < 0:
        notes.append("negative slope: a higher score went with lower risk")

    def estimate(j: int, name: str) -> Estimate:
        se = math.sqrt(covariance[j, j])
        half = z_quantile(level) * se
        return Estimate(
            value=float(coef[j]),
            se=se,
            ci_low=float(coef[j]) - half,
            ci_high=float(coef[j]) + half,
            level=level,
            method=f"logistic {name}, {'sandwich by patient' if rows.clustered else 'independent rows'}; Wald interval",
            n_patients=rows.n_patients,
            n_rows=rows.event.size,
            n_events=m,
            p_value=two_sided_p(coef[j] / se) if se > 0 else None,
            note="; ".join(notes),
        )

    return CalibrationMap(estimate(0, "intercept"), estimate(1, "slope"))
