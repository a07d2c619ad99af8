"""AUC inside patients and between them: does the score rise before a flare, or does it tell patients apart?"""

from __future__ import annotations

from typing import Any

import numpy as np

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Bools, Floats, Rows, check_level, check_rows, sum_by
from lumier_analysis.performance.intervals import disjoint_pairs
from lumier_analysis.performance.placements import PairCounts, pair_counts
from lumier_analysis.performance.stratified import estimate_from_pairs


def within_patient_auc(outcome: Any, score: Any, time: Any, *, cluster: Any, level: float = 0.95) -> Estimate:
    """Return how often a patient's event landmark scores above her own earlier event-free ones, ties 1/2.

    Pairs are pooled over patients with both; what is constant in a patient (sex, genes, level of the score) cancels.

    Parameters
    ----------
    outcome, score : array-like, shape (n,)
        As in `auc`; higher score = higher risk.
    time : array-like of float, shape (n,)
        Time of the landmark in any unit: only pairs whose non-event landmark is earlier count.
    cluster : array-like, shape (n,)
        Patient of each row.
    level : float

    Returns
    -------
    Estimate
        Delete-one-patient jackknife, logit interval; `note` counts the patients that hold a pair. NaN with a note where
        none does. With a value of 0 or 1 the interval is the exact one from one pair a patient.

    Raises
    ------
    AnalysisError
        As `auc`; also for two rows of one patient at one time.
    """
    check_level(level)
    rows = check_rows(outcome, {"score": score, "time": time}, cluster)
    return _inside(rows, rows.event, "within-patient AUC, event landmark against her own earlier ones", level)


def last_versus_earlier_auc(outcome: Any, score: Any, time: Any, *, cluster: Any, level: float = 0.95) -> Estimate:
    """Return the negative control of `within_patient_auc`: patients free of events, last landmark against earlier ones.

    Nothing happens after their last landmark; a value away from 0.5 is drift of the score with time (season, batches,
    treatment), which a within-patient AUC of the same size would then show too. Parameters, result and errors are
    those of `within_patient_auc`; `n_events` is 0 as no event takes part.
    """
    check_level(level)
    rows = check_rows(outcome, {"score": score, "time": time}, cluster)
    free = sum_by(rows.patient, rows.event, rows.n_patients)[rows.patient] == 0
    latest = np.full(rows.n_patients, -np.inf)
    np.maximum.at(latest, rows.patient, rows.scores[1])
    kept_patient = np.unique(rows.patient[free], return_inverse=True)[1]
    what = "last against earlier landmarks of event-free patients (negative control)"
    if not free.any():
        empty = Rows(rows.event[free], tuple(s[free] for s in rows.scores), kept_patient, 0, True)
        return estimate_from_pairs(empty, _nothing(0), what, level, "every patient has an event: no negative control")
    last = (rows.scores[1] == latest[rows.patient])[free]
    part = Rows(rows.event[free], tuple(s[free] for s in rows.scores), kept_patient, int(kept_patient.max()) + 1, True)
    return _inside(part, last, what, level)


def between_patient_auc(outcome: Any, score: Any, *, cluster: Any, level: float = 0.95) -> Estimate:
    """Return the AUC of the pairs of rows that belong to two different patients.

    Parameters
    ----------
    outcome, score : array-like, shape (n,)
        As in `auc`; higher score = higher risk.
    cluster : array-like, shape (n,)
        Patient of each row. With one row a patient this is `auc`.
    level : float

    Returns
    -------
    Estimate
        Delete-one-patient jackknife, logit interval; NaN with a note where no such pair exists.

    Raises
    ------
    AnalysisError
        As `auc`.
    """
    check_level(level)
    rows = check_rows(outcome, {"score": score}, cluster)
    every = pair_counts(rows.event, rows.scores[0], rows.patient, rows.n_patients)
    own = _own_pairs(rows, rows.event, np.zeros(rows.event.size))
    counts = PairCounts(
        every.concordant - own.concordant,
        every.pairs - own.pairs,
        every.concordant_lost - own.concordant_lost,
        every.pairs_lost - own.pairs_lost,
    )
    note = "" if counts.pairs > 0 else "no pair of different patients: the AUC cannot be estimated"
    disjoint = disjoint_pairs(rows.event, rows.patient, rows.n_patients)
    return estimate_from_pairs(
        rows, counts, "between-patient AUC, pairs of different patients", level, note, disjoint=disjoint
    )


def _nothing(n_patients: int) -> PairCounts:
    return PairCounts(0.0, 0.0, np.zeros(n_patients), np.zeros(n_patients))


def _inside(rows: Rows, case: Bools, what: str, level: float) -> Estimate:
    """Return the AUC of `case` rows against the other, earlier rows without event of the same patient."""
    time = rows.scores[1]
    order = np.lexsort((time, rows.patient))
    same = (np.diff(rows.patient[order]) == 0) & (np.diff(time[order]) == 0)
    if same.any():
        raise AnalysisError(
            "a patient has two rows at the same time",
            found=f"{int(same.sum())} such rows",
            fix="pass one row a patient and landmark",
        )
    counts = _own_pairs(rows, case, time)
    holders = int((counts.pairs_lost > 0).sum())
    note = f"{holders} of {rows.n_patients} patients hold a pair"
    if not holders:
        note = "no patient holds a pair: the AUC cannot be estimated"
    return estimate_from_pairs(rows, counts, what, level, note, disjoint=holders)


def _own_pairs(rows: Rows, case: Bools, time: Floats) -> PairCounts:
    """Count pairs inside patients: a case row and a non-case, event-free row no later than it."""
    score = rows.scores[0]
    won, pairs = np.zeros(rows.n_patients), np.zeros(rows.n_patients)
    order = np.argsort(rows.patient, kind="stable")
    starts = np.searchsorted(rows.patient[order], np.arange(rows.n_patients + 1))
    cases = np.bincount(rows.patient[case], minlength=rows.n_patients)
    for i in np.flatnonzero((cases > 0) & (np.diff(starts) > cases)):
        inside = order[starts[i] : starts[i + 1]]
        a, b = inside[case[inside]][:, None], inside[~case[inside] & ~rows.event[inside]][None, :]
        counted = time[b] <= time[a]
        won[i] = (((score[a] > score[b]) + 0.5 * (score[a] == score[b])) * counted).sum()
        pairs[i] = counted.sum()
    return PairCounts(float(won.sum()), float(pairs.sum()), won, pairs)
