"""Variance of an AUC, or of a difference of two AUCs, from placement values."""

from __future__ import annotations

import math

import numpy as np

from lumier_analysis.performance.arrays import Bools, Floats, Ints, sum_by
from lumier_analysis.performance.placements import PairCounts


def clustered_variance(v_events: Floats, v_others: Floats, event: Bools, patient: Ints, n_patients: int) -> float:
    """Return the variance of the mean placement when rows of one patient are correlated.

    Obuchowski (1997, Biometrics 53:567), eq. 3-5: with I10 (I01) patients who have an event (a non-event) row, I
    patients in all, and patient sums of centred placements a_i and b_i,
    ``var = I10/(I10-1) sum a_i^2 / M^2 + I01/(I01-1) sum b_i^2 / N^2 + 2 I/(I-1) sum a_i b_i / (M N)``.
    With one row a patient this is DeLong's variance to the last digit.

    Parameters
    ----------
    v_events, v_others : ndarray, shapes (M,) and (N,)
        Placement values, or differences of two scores' placement values.
    event : ndarray of bool, shape (n,)
    patient : ndarray of int, shape (n,)
    n_patients : int

    Returns
    -------
    float
        Never negative; NaN where fewer than two patients have an event row or a non-event row.
    """
    m, n = v_events.size, v_others.size
    i10, i01 = np.unique(patient[event]).size, np.unique(patient[~event]).size
    if i10 < 2 or i01 < 2:
        return math.nan
    a = sum_by(patient[event], v_events - v_events.mean(), n_patients)
    b = sum_by(patient[~event], v_others - v_others.mean(), n_patients)
    between = float(a @ b) * n_patients / (n_patients - 1)
    return float(a @ a) * i10 / (i10 - 1) / m**2 + float(b @ b) * i01 / (i01 - 1) / n**2 + 2 * between / (m * n)


def delong_variance(v_events: Floats, v_others: Floats) -> float:
    """Return DeLong's (1988) variance of the mean placement, rows independent; NaN below two rows in a class."""
    if min(v_events.size, v_others.size) < 2:
        return math.nan
    return float(np.var(v_events, ddof=1) / v_events.size + np.var(v_others, ddof=1) / v_others.size)


def jackknife_variance(counts: PairCounts) -> float:
    """Return the delete-one-patient jackknife variance of concordant pairs / pairs.

    ``(K - 1)/K * sum (theta_(-i) - mean theta_(-i))^2`` (Efron 1982). NaN where a deletion leaves no pair, or where
    there is one patient only.
    """
    k = counts.pairs_lost.size
    left = counts.pairs - counts.pairs_lost
    if k < 2 or (left <= 0).any():
        return math.nan
    theta = (counts.concordant - counts.concordant_lost) / left
    return float((k - 1) / k * np.sum((theta - theta.mean()) ** 2))
