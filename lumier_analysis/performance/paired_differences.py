"""Paired differences of two predictions on the same rows: AUC over imputations, and net benefit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.added_value import as_imputations
from lumier_analysis.performance.arrays import Floats, check_level, check_rows, sum_by
from lumier_analysis.performance.compare import compare_auc
from lumier_analysis.performance.intervals import z_quantile
from lumier_analysis.performance.net_benefit import net_benefit
from lumier_analysis.performance.pooling import pool_rubin


def pooled_difference(
    outcome: Any, score: Any, comparators: Any, *, cluster: Any = None, level: float = 0.95
) -> Estimate:
    """Return the difference in AUC between a score and an imputed comparator.

    Each imputation gives a paired clustered difference (`compare_auc`); they are pooled by Rubin's rules with complete
    df = patients - 1. The p-value tests no difference.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    score : array-like of float, shape (n,)
        Higher = higher risk.
    comparators : sequence of array-like, m of shape (n,)
        The comparator in each imputation, higher = higher risk.
    cluster : array-like, shape (n,), optional
        Patient of each row.
    level : float

    Returns
    -------
    Estimate
        AUC of the score minus AUC of the comparator. NaN with a note where an imputation has no difference, or none
        has a standard error.

    Raises
    ------
    AnalysisError
        As `auc`; fewer than two imputations.
    """
    columns, imputed = as_imputations(comparators)
    if not imputed:
        raise AnalysisError("pooling needs two imputations or more", found="one column", fix="compare_auc for one")
    each = [compare_auc(outcome, score, other, cluster=cluster, level=level).difference for other in columns]
    counts: dict[str, Any] = {"n_patients": each[0].n_patients, "n_rows": each[0].n_rows, "n_events": each[0].n_events}
    kind = "Obuchowski clustered" if cluster is not None else "DeLong"
    method = f"difference of AUCs, {kind}, pooled over {len(each)} imputations (Rubin, Barnard-Rubin df)"
    # A comparator that orders the rows as the score does differs by 0, with variance 0; it may be pooled with others.
    bad = [e for e in each if not (math.isfinite(e.value) and e.se >= 0)]
    if bad or not any(e.se > 0 for e in each):
        note = each[0].note if not bad else f"{len(bad)} of {len(each)} imputations cannot be pooled: {bad[0].note}"
        value = math.nan if bad else float(np.mean([e.value for e in each]))
        return Estimate(value, level=level, method=method, note=note, **counts)
    e = pool_rubin(
        [e.value for e in each], [e.se**2 for e in each], complete_df=_complete_df(each[0].n_patients), level=level,
        null=0.0,
    )  # fmt: skip
    return Estimate(e.value, e.se, e.ci_low, e.ci_high, level, method, p_value=e.p_value, df=e.df, fmi=e.fmi, **counts)


def net_benefit_difference(
    outcome: Any,
    probability_a: Any,
    probability_b: Any,
    thresholds: Any,
    *,
    cluster: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the difference in net benefit between two models at each threshold.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    probability_a, probability_b : array-like of float in [0, 1], shape (n,), or sequence of m such arrays
        Predicted risks on the same rows; a list where covariates were imputed (of both: as many).
    thresholds : float or array-like of float in (0, 1)
    cluster : array-like, shape (n,), optional
        Patient of each row; the variance is linearised by patient as in `net_benefit`.
    level : float
        Of Wald intervals, at each threshold by itself; over imputations Rubin's, complete df = patients - 1.

    Returns
    -------
    DataFrame
        A row a threshold, in the order given: threshold, difference (a - b), se, ci_low, ci_high, note. se and limits
        are NaN only beside a note.

    Raises
    ------
    AnalysisError
        As `net_benefit`; different numbers of imputations.
    """
    check_level(level)
    (first, many_a), (second, many_b) = as_imputations(probability_a), as_imputations(probability_b)
    if many_a and many_b and len(first) != len(second):
        raise AnalysisError("a and b have different numbers of imputations", found=f"{len(first)} and {len(second)}")
    m = max(len(first), len(second))
    pairs = zip(first if many_a else first * m, second if many_b else second * m, strict=True)
    each = [_difference(outcome, a, b, thresholds, cluster) for a, b in pairs]
    t, k = each[0][0], each[0][3]
    values, errors = np.stack([e[1] for e in each]), np.stack([e[2] for e in each])
    lines = []
    for j in range(t.size):
        value, se = values[:, j], errors[:, j]
        if k < 2:
            lines.append((t[j], value.mean(), *[math.nan] * 3, "a single patient: no interval"))
        elif not se.any():
            note = "both models treat alike, or contributions do not vary: no interval where the difference cannot vary"
            lines.append((t[j], value.mean(), *[math.nan] * 3, note))
        elif m == 1:
            half = z_quantile(level) * se[0]
            lines.append((t[j], value[0], se[0], value[0] - half, value[0] + half, ""))
        else:
            e = pool_rubin(value, se**2, complete_df=_complete_df(k), level=level)
            lines.append((t[j], e.value, e.se, e.ci_low, e.ci_high, ""))
    table = pd.DataFrame(lines, columns=["threshold", "difference", "se", "ci_low", "ci_high", "note"])
    how = "linearised by patient" if cluster is not None else "independent rows"
    table.attrs["method"] = f"difference in net benefit, {how}" + (f"; Rubin over {m} imputations" if m > 1 else "")
    return table


def _difference(outcome: Any, a: Any, b: Any, thresholds: Any, cluster: Any) -> tuple[Floats, Floats, Floats, int]:
    """Return thresholds, differences, standard errors (0 where contributions do not vary), and patients."""
    rows = check_rows(outcome, {"probability_a": a, "probability_b": b}, cluster)
    tables = [net_benefit(outcome, p, thresholds, cluster=cluster) for p in (a, b)]  # and the checks of risks
    t = tables[0]["threshold"].to_numpy()
    treated = [p[:, None] >= t for p in rows.scores]
    gain = np.where(rows.event[:, None], 1.0, -t / (1 - t))
    each = gain * (treated[0].astype(np.float64) - treated[1])
    value, k = (tables[0]["model"] - tables[1]["model"]).to_numpy(), rows.n_patients
    centred = (each - each.mean(axis=0)) / rows.event.size
    sums = np.stack([sum_by(rows.patient, column, k) for column in centred.T])
    se = np.sqrt((sums**2).sum(axis=1) * k / (k - 1)) if k > 1 else np.full(t.size, math.nan)
    return t, value, np.where(se > 1e-12, se, 0.0), k


def _complete_df(n_patients: int | None) -> float:
    """Return the degrees of freedom had nothing been missing; 1 at least, where no difference can be tested anyway."""
    return float(max(1, (n_patients or 0) - 1))
