"""Two scores on the same rows: the paired difference of their AUCs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import check_level, check_rows
from lumier_analysis.performance.intervals import two_sided_p, z_quantile
from lumier_analysis.performance.placements import placements
from lumier_analysis.performance.variance import clustered_variance


@dataclass(frozen=True, slots=True)
class AucComparison:
    """Paired difference of two AUCs.

    Attributes
    ----------
    difference : Estimate
        AUC of a minus AUC of b, Wald interval.
    auc_a, auc_b : float
        The two AUCs on the same rows.
    z : float
        Difference / standard error; 0 where the scores order the rows alike.
    p_value : float
        Two-sided; NaN where no standard error can be had.
    """

    difference: Estimate
    auc_a: float
    auc_b: float
    z: float
    p_value: float

    def _repr_html_(self) -> str:
        return f"{self.difference._repr_html_()}<p>z = {self.z:.2f}, p = {self.p_value:.3g}</p>"


def compare_auc(outcome: Any, score_a: Any, score_b: Any, *, cluster: Any = None, level: float = 0.95) -> AucComparison:
    """Compare the AUCs of two scores measured on the same rows.

    DeLong's (1988) test on the differences of placement values, or Obuchowski's (1997) where `cluster` is given.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    score_a, score_b : array-like of float, shape (n,)
        Higher = higher risk in both. The same rows: leave out those where either is missing, and count them.
    cluster : array-like, shape (n,), optional
        Patient of each row.
    level : float
        Confidence level.

    Returns
    -------
    AucComparison

    Raises
    ------
    AnalysisError
        As `auc`.
    """
    check_level(level)
    rows = check_rows(outcome, {"score_a": score_a, "score_b": score_b}, cluster)
    name = "Obuchowski clustered" if rows.clustered else "DeLong"

    def result(
        value: float, se: float, z: float, p: float, a: float = math.nan, b: float = math.nan, note: str = ""
    ) -> AucComparison:
        half = z_quantile(level) * se
        difference = Estimate(
            value=value,
            se=se,
            ci_low=value - half,
            ci_high=value + half,
            level=level,
            method=f"difference of AUCs, {name}; Wald interval",
            n_patients=rows.n_patients,
            n_rows=rows.event.size,
            n_events=int(rows.event.sum()),
            p_value=None if math.isnan(p) else p,
            note=note,
        )
        return AucComparison(difference, a, b, z, p)

    nan = math.nan
    if rows.event.all() or not rows.event.any():
        what = "every row is an event" if rows.event.all() else "no event"
        return result(nan, nan, nan, nan, note=f"{what}: the difference cannot be estimated")
    a, b = (placements(rows.event, s) for s in rows.scores)
    value = a.auc - b.auc
    d_events, d_others = a.events - b.events, a.others - b.others
    if not d_events.any() and not d_others.any():
        return result(0.0, 0.0, 0.0, 1.0, a.auc, b.auc, "the two scores order events and non-events alike")
    variance = clustered_variance(d_events, d_others, rows.event, rows.patient, rows.n_patients)
    if not variance > 1e-24:  # also where it is NaN
        return result(value, nan, nan, nan, a.auc, b.auc, "no standard error can be estimated")
    se = math.sqrt(variance)
    return result(value, se, value / se, two_sided_p(value / se), a.auc, b.auc)
