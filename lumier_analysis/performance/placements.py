"""Placement values of the AUC, in O(n log n), and what each patient contributes to its pairs.

A pair is one event row and one non-event row; it counts 1 when the event has the higher score, 1/2 when tied.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy  # its parts are loaded at their first use

from lumier_analysis.performance.arrays import Bools, Floats, Ints, sum_by


class Placements(NamedTuple):
    """AUC and its structural components (DeLong, DeLong and Clarke-Pearson 1988, eq. 5; Sun and Xu 2014).

    Attributes
    ----------
    auc : float
        Share of concordant pairs, ties 1/2.
    events : ndarray, shape (M,)
        V10: for each event the share of non-events it beats, in row order.
    others : ndarray, shape (N,)
        V01: for each non-event the share of events that beat it, in row order.
    """

    auc: float
    events: Floats
    others: Floats


def placements(event: Bools, score: Floats) -> Placements:
    """Return the placement values of `score` (higher = higher risk); needs an event and a non-event.

    Midranks do the counting: rank among all minus rank within the own class is the number of rows of the other
    class below, ties 1/2.
    """
    m, n = int(event.sum()), int((~event).sum())
    overall = scipy.stats.rankdata(score)
    below_events = overall[event] - scipy.stats.rankdata(score[event])
    below_others = overall[~event] - scipy.stats.rankdata(score[~event])
    return Placements(float(below_events.sum() / (m * n)), below_events / n, 1.0 - below_others / m)


def sorted_placements(event: Bools, score: Floats) -> Placements:
    """Return the placement values of `placements`, in rising order of score: enough where rows are independent.

    Two sorts of plain numbers and a search from the smaller class are several times faster than ranks.
    """
    a, b = np.sort(score[event]), np.sort(score[~event])
    if a.size <= b.size:
        below_a, below_b = _numbers_below(a, b)
    else:
        below_b, below_a = _numbers_below(b, a)
    return Placements(float(below_a.sum() / (a.size * b.size)), below_a / b.size, 1.0 - below_b / a.size)


def _numbers_below(few: Floats, many: Floats) -> tuple[Floats, Floats]:
    """Return for each of `few` how many of `many` lie below it, ties 1/2, and the other way round; both sorted."""
    first, last = np.searchsorted(many, few, side="left"), np.searchsorted(many, few, side="right")
    # few[i] < many[j] exactly when last[i] <= j, and few[i] <= many[j] exactly when first[i] <= j.
    steps = np.bincount(first, minlength=many.size + 1) + np.bincount(last, minlength=many.size + 1)
    return (first + last) / 2, np.cumsum(steps[:-1]) / 2


class PairCounts(NamedTuple):
    """Pairs of a set of rows, and those that go when one patient goes.

    Attributes
    ----------
    concordant, pairs : float
        Concordant pairs (ties 1/2) and all pairs.
    concordant_lost, pairs_lost : ndarray, shape (n_patients,)
        Pairs in which the patient has the event row, the non-event row, or both.
    """

    concordant: float
    pairs: float
    concordant_lost: Floats
    pairs_lost: Floats


def pair_counts(event: Bools, score: Floats, patient: Ints, n_patients: int) -> PairCounts:
    """Count pairs, and per patient the pairs that a deletion removes; all zero without an event or a non-event."""
    m_i = sum_by(patient, event, n_patients)
    n_i = sum_by(patient, ~event, n_patients)
    m, n = float(m_i.sum()), float(n_i.sum())
    nothing = np.zeros(n_patients)
    if m == 0 or n == 0:
        return PairCounts(0.0, 0.0, nothing, nothing.copy())
    v = placements(event, score)
    lost = sum_by(patient[event], v.events, n_patients) * n + sum_by(patient[~event], v.others, n_patients) * m
    # A pair inside one patient was taken off twice.
    order = np.argsort(patient, kind="stable")
    starts = np.searchsorted(patient[order], np.arange(n_patients + 1))
    for i in np.flatnonzero((m_i > 0) & (n_i > 0)):
        rows = order[starts[i] : starts[i + 1]]
        lost[i] -= placements(event[rows], score[rows]).auc * m_i[i] * n_i[i]
    return PairCounts(v.auc * m * n, m * n, lost, m_i * n + n_i * m - m_i * n_i)
