"""Do predicted risks agree with what happened: mean, weak and flexible calibration, and overall accuracy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, Rows, check_level, check_rows, sum_by
from lumier_analysis.performance.intervals import two_sided_p, z_quantile
from lumier_analysis.performance.loess import loess
from lumier_analysis.performance.logistic import fit_logistic


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of predicted risks.

    Attributes
    ----------
    intercept : Estimate
        Calibration in the large: logistic intercept with the slope fixed at 1; 0 is ideal, > 0 risks too low.
    slope : Estimate
        Logistic slope on the logit of the risk; 1 is ideal, < 1 risks too extreme.
    observed_expected : Estimate
        Events / sum of risks; log interval.
    brier : Estimate
        Mean squared error of the risks; lower is better.
    ipa : Estimate
        1 - Brier / Brier of the event rate (Kattan and Gerds 2018); higher is better, 0 is no information.
    ici, e50, e90 : Estimate
        Mean, median and 90th percentile of |risk - loess curve| (Austin and Steyerberg 2019); no interval.
    curve : DataFrame
        probability (rising, distinct), observed: the loess curve for drawing.
    """

    intercept: Estimate
    slope: Estimate
    observed_expected: Estimate
    brier: Estimate
    ipa: Estimate
    ici: Estimate
    e50: Estimate
    e90: Estimate
    curve: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """Return the measures as rows: value, ci_low, ci_high, note."""
        names = ("intercept", "slope", "observed_expected", "brier", "ipa", "ici", "e50", "e90")
        rows = {n: getattr(self, n) for n in names}
        return pd.DataFrame(
            {n: {"value": e.value, "ci_low": e.ci_low, "ci_high": e.ci_high, "note": e.note} for n, e in rows.items()}
        ).T

    def _repr_html_(self) -> str:
        return str(self.table().to_html())


def calibration(
    outcome: Any, probability: Any, *, cluster: Any = None, level: float = 0.95, span: float = 0.75, degree: int = 2
) -> Calibration:
    """Return how well predicted risks agree with outcomes.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    probability : array-like of float, shape (n,)
        Predicted risk of the event, in [0, 1].
    cluster : array-like, shape (n,), optional
        Patient of each row: standard errors by patient sums (sandwich times K/(K-1)). Without it rows are
        independent and those of intercept and slope are the model's.
    level : float
        Confidence level.
    span, degree : float, int
        Of the loess curve.

    Returns
    -------
    Calibration
        A measure that cannot be estimated (no event, risks of exactly 0 or 1, constant risk, separated classes) is
        NaN with a note.

    Raises
    ------
    AnalysisError
        As `auc`, and for risks outside [0, 1].
    """
    check_level(level)
    rows = check_rows(outcome, {"probability": probability}, cluster)
    p = rows.scores[0]
    if p.min() < 0 or p.max() > 1:
        raise AnalysisError(
            "probability must lie between 0 and 1",
            found=f"{p.min():g} to {p.max():g}",
            fix="pass the risk of the locked signature, not its score",
        )
    make = _Maker(rows, level)
    intercept, slope = _logistic_measures(rows, p, make)
    curve = loess(p, rows.event.astype(np.float64), p, span=span, degree=degree)
    gap = np.abs(p - curve)
    flexible = f"loess, span {span:g}, degree {degree}"
    order = np.unique(p, return_index=True)[1]
    return Calibration(
        intercept=intercept,
        slope=slope,
        observed_expected=_observed_expected(rows, p, make),
        **_accuracy(rows, p, make),
        ici=make.estimate(float(gap.mean()), math.nan, f"ICI, {flexible}"),
        e50=make.estimate(float(np.quantile(gap, 0.5)), math.nan, f"E50, {flexible}"),
        e90=make.estimate(float(np.quantile(gap, 0.9)), math.nan, f"E90, {flexible}"),
        curve=pd.DataFrame({"probability": p[order], "observed": curve[order]}),
    )


class _Maker:
    """Estimates that share rows and level."""

    def __init__(self, rows: Rows, level: float) -> None:
        self.rows, self.level, self.z = rows, level, z_quantile(level)
        self.how = "clustered by patient" if rows.clustered else "independent rows"

    def estimate(
        self, value: float, se: float, method: str, *, note: str = "", log: bool = False, null: float | None = None
    ) -> Estimate:
        """Wald limits, on the log scale where asked for; the p-value of value = null where a null is given."""
        if log and value > 0 and not math.isnan(se):
            spread = math.exp(self.z * se / value)
            low, high = value / spread, value * spread
        else:
            low, high = value - self.z * se, value + self.z * se
        tested = null is not None and se > 0
        if math.isnan(se) and not note and self.rows.n_patients < 2:
            note = "a single patient: no interval"
        return Estimate(
            value=value,
            se=se,
            ci_low=low,
            ci_high=high,
            level=self.level,
            method=method,
            n_patients=self.rows.n_patients,
            n_rows=self.rows.event.size,
            n_events=int(self.rows.event.sum()),
            p_value=two_sided_p((value - null) / se) if tested and null is not None else None,
            note=note,
        )

    def linearised_se(self, influence: Floats) -> float:
        """Return the SE of a statistic whose error is the sum of `influence` over rows, by patient."""
        k = self.rows.n_patients
        sums = sum_by(self.rows.patient, influence, k)
        return math.sqrt(float(sums @ sums) * k / (k - 1)) if k > 1 else math.nan


def _logistic_measures(rows: Rows, p: Floats, make: _Maker) -> tuple[Estimate, Estimate]:
    """Return calibration intercept (slope 1) and calibration slope."""
    names = (
        f"calibration in the large, logistic with offset, {make.how}; Wald interval",
        f"calibration slope, logistic, {make.how}; Wald interval",
    )
    m, extreme = int(rows.event.sum()), int(((p <= 0) | (p >= 1)).sum())
    reason = ""
    if m in (0, rows.event.size):
        reason = "no event" if m == 0 else "every row is an event"
    elif extreme:
        reason = f"{extreme} predicted risks are exactly 0 or 1"
    if reason:
        note = f"{reason}: cannot be estimated"
        return make.estimate(math.nan, math.nan, names[0], note=note), make.estimate(
            math.nan, math.nan, names[1], note=note
        )
    lp, one = scipy.special.logit(p), np.ones((p.size, 1))
    patient = rows.patient if rows.clustered else None
    large = fit_logistic(one, rows.event, offset=lp, patient=patient)
    intercept = make.estimate(float(large.coef[0]), math.sqrt(large.covariance[0, 0]), names[0], null=0.0)
    if np.ptp(lp) == 0:
        return intercept, make.estimate(
            math.nan, math.nan, names[1], note="constant predicted risk: cannot be estimated"
        )
    both = fit_logistic(np.column_stack([one, lp]), rows.event, patient=patient)
    note = "" if both.converged else "events and non-events are separated: cannot be estimated"
    return intercept, make.estimate(
        float(both.coef[1]), math.sqrt(both.covariance[1, 1]), names[1], note=note, null=1.0
    )


def _observed_expected(rows: Rows, p: Floats, make: _Maker) -> Estimate:
    """Return events / sum of risks; error of the ratio by its linearisation."""
    method = f"observed / expected, linearised, {make.how}; log interval"
    expected, observed = float(p.sum()), float(rows.event.sum())
    if expected == 0:
        return make.estimate(math.nan, math.nan, method, note="every predicted risk is 0: cannot be estimated")
    ratio = observed / expected
    if observed == 0:
        return make.estimate(ratio, math.nan, method, note="no event: no interval")
    return make.estimate(ratio, make.linearised_se((rows.event - ratio * p) / expected), method, log=True)


def _accuracy(rows: Rows, p: Floats, make: _Maker) -> dict[str, Estimate]:
    """Return the Brier score and the index of prediction accuracy."""
    y = rows.event.astype(np.float64)
    squares = (y - p) ** 2
    brier, rate = float(squares.mean()), float(y.mean())
    d_brier = (squares - brier) / y.size
    null = rate * (1 - rate)
    out = {
        "brier": make.estimate(
            brier, make.linearised_se(d_brier), f"Brier score, linearised, {make.how}; Wald interval"
        )
    }
    method = f"index of prediction accuracy, linearised, {make.how}; Wald interval"
    if null == 0:
        note = f"{'no event' if rate == 0 else 'every row is an event'}: cannot be estimated"
        return out | {"ipa": make.estimate(math.nan, math.nan, method, note=note)}
    influence = -d_brier / null + brier * (1 - 2 * rate) / null**2 * (y - rate) / y.size
    return out | {"ipa": make.estimate(1 - brier / null, make.linearised_se(influence), method)}
