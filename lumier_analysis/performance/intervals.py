"""Intervals of a share (AUC, sensitivity), on the scale asked for and safe at its borders."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy  # its parts are loaded at their first use

from lumier_analysis.performance.arrays import Bools, Ints


class Interval(NamedTuple):
    """Two-sided limits with the p-value of value = 1/2 (None where the interval has no test)."""

    low: float
    high: float
    p_value: float | None = None


NO_INTERVAL = Interval(math.nan, math.nan)


def z_quantile(level: float, df: float = math.inf) -> float:
    """Return the quantile of a two-sided interval, 1.96 for level 0.95; that of Student's t where `df` is finite."""
    return float(scipy.stats.norm.ppf(0.5 + level / 2) if math.isinf(df) else scipy.stats.t.ppf(0.5 + level / 2, df))


def two_sided_p(z: float, df: float = math.inf) -> float:
    """Return the two-sided p-value of `z`, normal or of Student's t with `df` degrees of freedom."""
    return float(2 * (scipy.stats.norm.sf(abs(z)) if math.isinf(df) else scipy.stats.t.sf(abs(z), df)))


def wald_interval(value: float, se: float, level: float) -> Interval:
    """Return value +- z se; it may leave [0, 1]. The p-value tests value = 1/2."""
    half = z_quantile(level) * se
    return Interval(value - half, value + half, two_sided_p((value - 0.5) / se))


def logit_interval(value: float, se: float, level: float, df: float = math.inf) -> Interval:
    """Return the interval on the logit scale (delta method), for 0 < value < 1 and se > 0.

    The p-value is that of logit(value) = 0 with the same standard error, so that p < 1 - level exactly when the
    interval excludes 1/2. With finite `df` quantile and p-value are Student's.
    """
    centre, spread = float(scipy.special.logit(value)), se / (value * (1 - value))
    half = z_quantile(level, df) * spread
    low, high = scipy.special.expit([centre - half, centre + half])
    return Interval(float(low), float(high), two_sided_p(centre / spread, df))


def disjoint_pairs(event: Bools, patient: Ints, n_patients: int) -> int:
    """Return how many event/non-event pairs can be formed with every patient in at most one of them."""
    has_event = np.bincount(patient[event], minlength=n_patients) > 0
    has_other = np.bincount(patient[~event], minlength=n_patients) > 0
    return int(min(has_event.sum(), has_other.sum(), n_patients // 2))


def smaller_class_df(event: Bools, patient: Ints) -> int:
    """Return the degrees of freedom of a clustered standard error: patients of the smaller class - 1."""
    return min(np.unique(patient[event]).size, np.unique(patient[~event]).size) - 1


def separated_interval(value: float, pairs: int, level: float) -> Interval:
    """Return an exact interval for an AUC estimated as 0 or 1, where every estimated variance is 0.

    Pairs of distinct patients are independent; were the AUC theta, all `pairs` of them would be concordant with
    probability theta^pairs. The limit is the Clopper-Pearson one, ``(alpha/2)^(1/pairs)``, and the p-value of
    theta = 1/2 is ``2 * 0.5^pairs``: below alpha exactly when the interval excludes 1/2. It uses a part of the
    pairs only and is therefore conservative.
    """
    if pairs < 1:
        return NO_INTERVAL
    limit = ((1 - level) / 2) ** (1 / pairs)
    p = min(1.0, 2 * 0.5**pairs)
    return Interval(limit, 1.0, p) if value > 0.5 else Interval(0.0, 1 - limit, p)


def wilson_interval(successes: float, trials: float, level: float) -> Interval:
    """Return Wilson's score interval (Wilson 1927) of successes / trials, for trials > 0."""
    z2 = z_quantile(level) ** 2
    share = successes / trials
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2) / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))
