"""AUC from pairs inside strata only: cross-validation folds, landmarks, centres."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Rows, check_level, check_rows
from lumier_analysis.performance.intervals import NO_INTERVAL, logit_interval, separated_interval
from lumier_analysis.performance.placements import PairCounts, pair_counts
from lumier_analysis.performance.variance import jackknife_variance


def stratified_auc(outcome: Any, score: Any, stratum: Any, *, cluster: Any = None, level: float = 0.95) -> Estimate:
    """Return concordant pairs / pairs, both summed over strata; a pair never crosses a stratum.

    Scores of different cross-validation folds come from different models; pairing them biases the AUC downwards
    (Airola et al. 2011, Comput Stat Data Anal 55:1828). The standard error is the delete-one-patient jackknife over
    these pairs; models and folds are taken as given.

    Parameters
    ----------
    outcome, score, cluster : array-like, shape (n,)
        As in `auc`; higher score = higher risk.
    stratum : array-like, shape (n,)
        Stratum of each row. A patient may have rows in several.
    level : float
        Confidence level of the interval, on the logit scale.

    Returns
    -------
    Estimate
        NaN with a note where no stratum holds a pair; NaN limits with a note where the standard error cannot be had.

    Raises
    ------
    AnalysisError
        As `auc`, and for a missing stratum.
    """
    check_level(level)
    rows = check_rows(outcome, {"score": score}, cluster)
    codes, labels = pd.factorize(pd.Series(np.asarray(stratum, dtype=object)))
    if codes.size != rows.event.size or (codes < 0).any():
        raise AnalysisError("stratum must name a stratum for every row", found=f"{int((codes >= 0).sum())} named")
    k = rows.n_patients
    total = PairCounts(0.0, 0.0, np.zeros(k), np.zeros(k))
    used = 0
    for s in range(len(labels)):
        inside = codes == s
        part = pair_counts(rows.event[inside], rows.scores[0][inside], rows.patient[inside], k)
        used += part.pairs > 0
        total = PairCounts(
            total.concordant + part.concordant,
            total.pairs + part.pairs,
            total.concordant_lost + part.concordant_lost,
            total.pairs_lost + part.pairs_lost,
        )

    note = "" if used == len(labels) else f"{len(labels) - used} of {len(labels)} strata hold no pair"
    if total.pairs == 0:
        note = "no stratum holds an event and a non-event: the AUC cannot be estimated"
    return estimate_from_pairs(rows, total, "AUC from pairs within strata", level, note)


def estimate_from_pairs(
    rows: Rows, counts: PairCounts, what: str, level: float, note: str = "", *, disjoint: int = 0
) -> Estimate:
    """Return concordant pairs / pairs with the delete-one-patient jackknife and a logit interval.

    Parameters
    ----------
    rows : Rows
    counts : PairCounts
        Without a pair the value is NaN, and `note` must say why.
    what : str
        Which pairs, in words.
    level : float
    note : str
    disjoint : int
        Pairs that share no patient: with a value of 0 or 1 they give the exact interval; 0 = none is given.
    """
    value, se, limits = math.nan, math.nan, NO_INTERVAL
    if counts.pairs > 0:
        value = counts.concordant / counts.pairs
        variance = jackknife_variance(counts)
        if variance > 1e-24 and 0 < value < 1:
            se = math.sqrt(variance)
            limits = logit_interval(value, se, level)
        elif disjoint and value in (0.0, 1.0):
            limits = separated_interval(value, disjoint, level)
            how = f"AUC of {value:g}: no estimable standard error; exact interval from {disjoint} disjoint pairs"
            note = "; ".join(filter(None, [note, how]))
        else:
            note = "; ".join(filter(None, [note, "no standard error can be estimated"]))
    return Estimate(
        value=value,
        se=se,
        ci_low=limits.low,
        ci_high=limits.high,
        level=level,
        method=f"{what}, delete-one-patient jackknife; logit interval",
        n_patients=rows.n_patients,
        n_rows=rows.event.size,
        n_events=int(rows.event.sum()),
        p_value=limits.p_value,
        note=note,
    )
