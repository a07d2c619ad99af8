"""Area under the ROC curve, with inference that respects the patient."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np

from lumier_analysis.errors import UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Rows, check_level, check_rows
from lumier_analysis.performance.bootstrap import bootstrap_aucs
from lumier_analysis.performance.intervals import (
    NO_INTERVAL,
    Interval,
    disjoint_pairs,
    logit_interval,
    separated_interval,
    smaller_class_df,
    wald_interval,
)
from lumier_analysis.performance.placements import pair_counts, placements, sorted_placements
from lumier_analysis.performance.variance import clustered_variance, delong_variance, jackknife_variance

Method = Literal["auto", "delong", "obuchowski", "jackknife", "bootstrap"]
IntervalKind = Literal["logit", "logit t", "wald", "percentile"]

DEFAULT_SEED = 20160911
_NAMES = {
    "delong": "DeLong",
    "obuchowski": "Obuchowski clustered",
    "jackknife": "delete-one-patient jackknife",
    "bootstrap": "patient bootstrap",
}
# Below this a standard error is the rounding of a variance of 0, not a precision.
_ZERO = 1e-12


def auc(
    outcome: Any,
    score: Any,
    *,
    cluster: Any = None,
    method: Method = "auto",
    interval: IntervalKind = "logit",
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = DEFAULT_SEED,
) -> Estimate:
    """Return the AUC of a score: the chance that an event row scores above a non-event row, ties 1/2.

    The direction is fixed, higher score = higher risk: an AUC below 0.5 stays below 0.5.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
        1 = event within the window of the landmark.
    score : array-like of float, shape (n,)
        Higher = higher risk. Any unit: only the order counts.
    cluster : array-like, shape (n,), optional
        Patient of each row. Without it rows are taken as independent.
    method : {"auto", "delong", "obuchowski", "jackknife", "bootstrap"}
        Standard error. "auto" is DeLong's (1988), or Obuchowski's (1997) where `cluster` is given; "bootstrap" where
        the interval is "percentile".
    interval : {"logit", "logit t", "wald", "percentile"}
        "logit": delta method on the logit scale, p-value from the same z, so that p < 0.05 exactly when the 95 %
        interval excludes 0.5. "logit t": the same with Student's t, its degrees of freedom (`df`) the patients with an
        event (or those without, if fewer) - 1: for events that recur in few patients, where "logit" is too short
        (docs/auc_coverage.md). "wald": AUC +- z SE. "percentile": of the bootstrap, without a p-value.
    level : float
        Confidence level.
    n_boot, seed : int
        Bootstrap replicates and their seed.

    Returns
    -------
    Estimate
        Without an event, or without a non-event, the value is NaN and `note` says so. A constant score has the value
        0.5 and no interval. With an AUC of 0 or 1 every estimated variance is 0: the standard error is NaN and the
        interval the exact, conservative one of `separated_interval`.

    Raises
    ------
    AnalysisError
        Missing or infinite values, outcomes other than 0 and 1, unequal lengths.
    UsageError
        An unknown method or interval, or a percentile interval without the bootstrap.
    """
    check_level(level)
    chosen = _choose(method, interval, cluster is not None, n_boot)
    rows = check_rows(outcome, {"score": score}, cluster)
    label = f"AUC, {_NAMES[chosen]}; {interval} interval"
    return _estimate(rows, chosen, interval, level, n_boot, seed, label)


def _choose(method: str, interval: str, clustered: bool, n_boot: int) -> str:
    """Return the estimator of the standard error, or refuse the combination."""
    if method not in get_args(Method):
        raise UsageError("unknown method of auc", found=repr(method), fix=f"one of {', '.join(get_args(Method))}")
    if interval not in get_args(IntervalKind):
        raise UsageError("unknown interval", found=repr(interval), fix=f"one of {', '.join(get_args(IntervalKind))}")
    if n_boot < 2:
        raise UsageError("n_boot must be 2 or more", found=repr(n_boot), fix="n_boot=2000")
    if method == "auto":
        return "bootstrap" if interval == "percentile" else "obuchowski" if clustered else "delong"
    if interval == "percentile" and method != "bootstrap":
        raise UsageError(
            "a percentile interval comes from the bootstrap", found=f"method={method!r}", fix='method="bootstrap"'
        )
    return method


def _estimate(rows: Rows, method: str, kind: str, level: float, n_boot: int, seed: int, label: str) -> Estimate:
    """Return the estimate for checked rows."""
    event, score, patient, k = rows.event, rows.scores[0], rows.patient, rows.n_patients

    df = float(smaller_class_df(event, patient)) if kind == "logit t" else math.inf

    def result(value: float, se: float = math.nan, limits: Interval = NO_INTERVAL, note: str = "") -> Estimate:
        return Estimate(
            value=value,
            se=se,
            ci_low=limits.low,
            ci_high=limits.high,
            level=level,
            method=label,
            n_patients=k,
            n_rows=event.size,
            n_events=int(event.sum()),
            p_value=limits.p_value,
            df=None if math.isinf(df) else df,
            note=note,
        )

    if not event.any():
        return result(math.nan, note="no event: the AUC cannot be estimated")
    if event.all():
        return result(math.nan, note="every row is an event: the AUC cannot be estimated")
    if np.ptp(score) == 0:
        return result(0.5, note="constant score: every pair is tied, there is no interval")

    v = sorted_placements(event, score) if method == "delong" else placements(event, score)
    if v.auc in (0.0, 1.0):
        pairs = disjoint_pairs(event, patient, k)
        note = f"AUC of {v.auc:g}: no estimable standard error; exact interval from {pairs} disjoint pairs of patients"
        return result(v.auc, limits=separated_interval(v.auc, pairs, level), note=note)

    note, replicates = "", np.empty(0)
    if method == "bootstrap":
        replicates, void = bootstrap_aucs(event, score, patient, k, n_boot=n_boot, seed=seed)
        variance = float(np.var(replicates, ddof=1)) if replicates.size > 1 else math.nan
        note = f"{void} of {n_boot} bootstrap replicates had no event or no non-event" if void else ""
    elif method == "jackknife":
        variance = jackknife_variance(pair_counts(event, score, patient, k))
    elif method == "delong":
        variance = delong_variance(v.events, v.others)
    else:
        variance = clustered_variance(v.events, v.others, event, patient, k)
    se = math.sqrt(variance) if variance >= 0 else math.nan
    if math.isnan(se):
        return result(v.auc, note="too few patients with an event or without: no standard error, no interval")
    if se < _ZERO:
        return result(v.auc, note="the estimated standard error is 0: no interval")
    if kind == "percentile":
        tail = (1 - level) / 2
        low, high = (float(q) for q in np.quantile(replicates, [tail, 1 - tail]))
        return result(v.auc, se, Interval(low, high), note)
    if kind != "wald" and df < 1:
        return result(v.auc, se, note="an event, or none, in one patient only: no interval")
    limits = wald_interval(v.auc, se, level) if kind == "wald" else logit_interval(v.auc, se, level, df)
    return result(v.auc, se, limits, note)
