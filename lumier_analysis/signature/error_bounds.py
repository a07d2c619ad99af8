"""Bounds on the expected number of wrongly selected genes in stability selection.

Meinshausen and Bühlmann (2010, J R Stat Soc B 72:417, theorem 1); Shah and Samworth (2013, J R Stat Soc B 75:55) for
complementary pairs: theorem 2 (unimodal) and equation 8 (r-concave). "Wrongly" means here: a gene whose probability to
be selected in one half of the patients is no more than that of a gene picked at random, q / p.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import UsageError

# Beyond this offset (a + i)^(1/r) is flat over the whole grid to rounding.
_FLAT = 1e5
_STEEP = 1e-4


@dataclass(frozen=True, slots=True)
class ErrorBounds:
    """Upper bounds on the expected number of wrongly selected genes; NaN where a bound does not apply.

    Attributes
    ----------
    meinshausen_buhlmann : float
        Assumes exchangeable noise genes, selected no better than at random.
    unimodal, r_concave : float
        No such assumption; a shape of the distribution of selection frequencies instead.
    """

    meinshausen_buhlmann: float
    unimodal: float
    r_concave: float


def error_bounds(q: float, p: int, threshold: float, n_pairs: int) -> ErrorBounds:
    """Return the bounds for genes selected in at least `threshold` of the 2 x `n_pairs` halves.

    Parameters
    ----------
    q : float
        Genes selected in one half, on average.
    p : int
        Genes offered.
    threshold : float
        In (0.5, 1].
    n_pairs : int
        Complementary pairs B.

    Raises
    ------
    UsageError
        A threshold or number outside its range.
    """
    if not 0.5 < threshold <= 1:
        raise UsageError("the selection threshold must lie in (0.5, 1]", found=repr(threshold), fix="0.75")
    if not 0 < q <= p or n_pairs < 1:
        raise UsageError("q must lie in (0, p], and there must be a pair", found=f"q {q:g}, p {p}, {n_pairs} pairs")
    theta = q / p
    return ErrorBounds(
        q**2 / ((2 * threshold - 1) * p),
        _unimodal_constant(threshold, n_pairs, theta) * theta**2 * p,
        r_concave_share(theta, threshold, n_pairs) * p,
    )


def _unimodal_constant(threshold: float, b: int, theta: float) -> float:
    """Return C(tau, B) of theorem 2; NaN outside the range for which it is proved."""
    least = min(0.5 + theta**2, 0.5 + 1 / (2 * b) + 0.75 * theta**2)
    if threshold <= least or theta > 1 / math.sqrt(3):
        return math.nan
    if threshold <= 0.75:
        return 1 / (2 * (2 * threshold - 1 - 1 / (2 * b)))
    return 4 * (1 - threshold + 1 / (2 * b)) / (1 + 1 / b)


def r_concave_share(theta: float, threshold: float, n_pairs: int) -> float:
    """Return min{D(theta², 2 tau - 1, B, -1/2), D(theta, tau, 2B, -1/4)} (equation 8), at most 1."""
    simultaneous = r_concave_tail(theta**2, 2 * threshold - 1, n_pairs, -0.5)
    single = r_concave_tail(theta, threshold, 2 * n_pairs, -0.25)
    return min(simultaneous, single)


def r_concave_tail(mean: float, t: float, b: int, r: float) -> float:
    """Return D(mean, t, B, r): the largest P(X >= t) over r-concave X on {0, 1/B, ..., 1} with E X <= mean.

    The maximum is taken by f(i) proportional to (a + i)^(1/r) on 0 .. k with what mass is left at k + 1 (appendix A.4);
    for every k the mean fixes the range of a, and the best a is searched.

    Parameters
    ----------
    mean : float
        In (0, 1).
    t : float
        In (0, 1]; rounded up to the next multiple of 1/B.
    b : int
    r : float
        Below 0; the closer to 0, the lighter the tails.
    """
    centre, step = mean * b, math.ceil(t * b - 1e-9)
    first = math.ceil(2 * centre - 1e-12) + 1
    if step < first or first >= b:
        return 1.0
    weights = np.arange(b + 1, dtype=np.float64)

    def mean_gap(a: float, k: int) -> float:
        w = (a + weights[: k + 1]) ** (1 / r)
        return float(weights[: k + 1] @ w / w.sum()) - centre

    def tail(log_a: float, k: int) -> float:
        i = weights[: k + 1]
        w = (math.exp(log_a) + i) ** (1 / r)
        last = max(0.0, (centre * w.sum() - i @ w) / (k + 1 - centre))
        return 1 - float(w[:step].sum() / (w.sum() + last))

    # a falls with k: a longer support needs a steeper start for the same mean.
    offsets = {k: _offset(mean_gap, k) for k in range(max(first, step - 1), b + 1)}
    best = 0.0
    for k in range(max(first, step - 1), b):
        low, high = math.log(offsets[k + 1]), math.log(offsets[k])
        found = scipy.optimize.minimize_scalar(
            lambda x, k=k: -tail(x, k), bounds=(low, high), method="bounded", options={"xatol": 1e-9}
        )
        best = max(best, -float(found.fun), tail(low, k), tail(high, k))
    return min(1.0, best)


def _offset(mean_gap, k: int) -> float:
    """Return the a at which (a + i)^(1/r) on 0 .. k has the wanted mean."""
    if mean_gap(_FLAT, k) <= 0:
        return _FLAT
    if mean_gap(_STEEP, k) >= 0:
        return _STEEP
    return float(scipy.optimize.brentq(mean_gap, _STEEP, _FLAT, args=(k,), xtol=1e-14))
