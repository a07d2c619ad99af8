"""Differences of AUCs: two scores on the same rows, several of them, or one score in two cohorts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, check_level, check_rows
from lumier_analysis.performance.intervals import smaller_class_df, two_sided_p, z_quantile
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


def compare_auc(
    outcome: Any,
    score_a: Any,
    score_b: Any,
    *,
    cluster: Any = None,
    level: float = 0.95,
    reference: Literal["normal", "t"] = "normal",
) -> AucComparison:
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
    reference : {"normal", "t"}
        Distribution of z. "t": with (patients of the smaller class - 1) degrees of freedom, for events that recur in
        few patients (docs/auc_coverage.md).

    Returns
    -------
    AucComparison

    Raises
    ------
    AnalysisError
        As `auc`.
    UsageError
        An unknown `reference`.
    """
    if reference not in ("normal", "t"):
        raise UsageError("unknown reference distribution", found=repr(reference), fix='reference="normal" or "t"')
    check_level(level)
    rows = check_rows(outcome, {"score_a": score_a, "score_b": score_b}, cluster)
    name = "Obuchowski clustered" if rows.clustered else "DeLong"
    df = math.inf
    if reference == "t":
        # Without a second patient in a class there is no standard error to refer to it.
        df, name = float(max(1, smaller_class_df(rows.event, rows.patient))), f"{name}, Student's t"

    def result(
        value: float, se: float, z: float, p: float, a: float = math.nan, b: float = math.nan, note: str = ""
    ) -> AucComparison:
        half = z_quantile(level, df) * se
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
            df=None if math.isinf(df) else df,
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
    return result(value, se, value / se, two_sided_p(value / se, df), a.auc, b.auc)


def compare_several(
    outcome: Any, score: Any, comparators: Mapping[str, Any], *, cluster: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Compare one score with several pre-specified ones, each by `compare_auc`, with Holm's correction.

    Parameters
    ----------
    outcome, score, cluster, level
        As in `compare_auc`.
    comparators : mapping of name -> array-like of float, shape (n,)
        On the same rows; higher = higher risk (turn a protective marker round before: C3 -> -C3).

    Returns
    -------
    DataFrame
        Index comparator; auc, auc_comparator, difference (score - comparator), ci_low, ci_high (not corrected), z,
        p_value, p_holm (Holm 1979, over the comparisons that have a p-value), note.

    Raises
    ------
    AnalysisError
        As `auc`; also without a comparator.
    """
    if not comparators:
        raise AnalysisError("there is no comparator to compare with", fix="name at least one in the plan")
    lines = {}
    for name, other in comparators.items():
        check_rows(outcome, {"score": score, name: other}, cluster)  # so that an error names the comparator
        c = compare_auc(outcome, score, other, cluster=cluster, level=level)
        d = c.difference
        lines[name] = (c.auc_a, c.auc_b, d.value, d.ci_low, d.ci_high, c.z, c.p_value, d.note)
    columns = ["auc", "auc_comparator", "difference", "ci_low", "ci_high", "z", "p_value", "note"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis("comparator")
    table.insert(7, "p_holm", holm(table["p_value"].to_numpy(dtype=np.float64)))
    return table


def holm(p_values: Any) -> Floats:
    """Return Holm's (1979, Scand J Stat 6:65) adjusted p-values; NaN stays NaN and does not count as a test."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.size, np.nan)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(order.size, 0, -1)))
    return adjusted


def compare_independent(a: Estimate, b: Estimate, *, level: float = 0.95) -> AucComparison:
    """Compare two AUCs of independent cohorts (no patient in both): difference a - b, z, Wald interval.

    Parameters
    ----------
    a, b : Estimate
        Results of `auc`, each with its own clustering; variances add up.
    level : float

    Returns
    -------
    AucComparison
        NaN with a note where one of the two has no value or no standard error.
    """
    check_level(level)
    value, se = a.value - b.value, math.hypot(a.se, b.se)
    z = value / se if se > 0 else math.nan
    p = two_sided_p(z)
    half = z_quantile(level) * se
    reasons = [f"{n}: {e.note or 'no standard error'}" for n, e in (("a", a), ("b", b)) if not e.se > 0]
    counts = {
        name: None if x is None or y is None else x + y
        for name, x, y in (
            ("n_patients", a.n_patients, b.n_patients),
            ("n_rows", a.n_rows, b.n_rows),
            ("n_events", a.n_events, b.n_events),
        )
    }
    difference = Estimate(
        value=value,
        se=se,
        ci_low=value - half,
        ci_high=value + half,
        level=level,
        method="difference of AUCs of independent cohorts; Wald interval",
        p_value=None if math.isnan(p) else p,
        note="; ".join(reasons),
        **counts,
    )
    return AucComparison(difference, a.value, b.value, z, p)
