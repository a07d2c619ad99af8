from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.signature.error_bounds import error_bounds, r_concave_share, r_concave_tail

# From the R code that accompanies the paper (r_concave_tail.R on the authors' pages), run in R 4.2.2 with the
# optimiser's tolerance at 1e-10: mean, B, r, then (t B, tail probability).
PUBLISHED = [
    (0.05, 100, -0.25, {30: 1.93287907e-02, 60: 2.93701464e-03, 75: 1.21538967e-03, 90: 3.65929820e-04}),
    (0.0025, 50, -0.5, {15: 1.50761367e-03, 30: 4.35133829e-04, 40: 1.70495576e-04, 50: 1.23799517e-05}),
    (10 / 96, 100, -0.25, {30: 8.23859104e-02, 50: 2.71475314e-02, 75: 7.19614964e-03, 100: 1.73235773e-04}),
    ((10 / 96) ** 2, 50, -0.5, {15: 7.23384536e-03, 25: 3.12918088e-03, 45: 4.00682703e-04}),
    (0.01, 25, -0.5, {8: 7.21362188e-03, 15: 2.32572091e-03, 25: 1.26209098e-04}),
]


@pytest.mark.parametrize(("mean", "b", "r", "tails"), PUBLISHED)
def test_r_concave_tail_agrees_with_the_authors_code(mean, b, r, tails):
    for step, value in tails.items():
        assert r_concave_tail(mean, step / b, b, r) == pytest.approx(value, rel=2e-5)


def test_the_tail_is_a_maximum():
    """No r-concave distribution with that mean has more: convex f^r, drawn at random."""
    rng, b, r = np.random.default_rng(0), 20, -0.5
    i = np.arange(b + 1)
    seen = 0
    for _ in range(800):
        # f^r convex and rising, so that f falls: sums of hinges and a line.
        knots = rng.integers(0, b, size=3)
        g = rng.exponential(1) + rng.exponential(1) * i + sum(rng.exponential(2) * np.maximum(0, i - k) for k in knots)
        f = g ** (1 / r)
        f = np.where(i <= rng.integers(4, b + 1), f, 0.0)
        f /= f.sum()
        mean = float(i @ f) / b
        t = int(rng.integers(math.ceil(2 * mean * b) + 1, b + 1)) / b if 2 * mean * b + 2 < b else None
        if t is not None:
            seen += 1
            assert f[i >= t * b - 1e-9].sum() <= r_concave_tail(mean, t, b, r) + 1e-9
    assert seen > 200


def test_bounds_are_ordered_and_fall_with_the_threshold():
    rows = [error_bounds(10, 96, t, 50) for t in (0.6, 0.7, 0.75, 0.8, 0.9, 1.0)]
    for a, b in itertools.pairwise(rows):
        assert b.meinshausen_buhlmann < a.meinshausen_buhlmann
        assert b.unimodal < a.unimodal and b.r_concave < a.r_concave
    for bounds in rows[1:]:
        assert bounds.r_concave < bounds.unimodal < bounds.meinshausen_buhlmann


def test_published_constants():
    """Meinshausen-Bühlmann: 1 / (2 tau - 1). Unimodal, B = 50: 1 / (2 (0.5 - 0.01)) at 0.75."""
    q, p = 5, 100
    assert error_bounds(q, p, 0.9, 50).meinshausen_buhlmann == pytest.approx(0.25 / 0.8)
    assert error_bounds(q, p, 0.75, 50).unimodal == pytest.approx(0.25 / 0.98)
    assert error_bounds(q, p, 0.9, 50).unimodal == pytest.approx(0.25 * 4 * 0.11 / 1.02)
    # Both branches of theorem 2 agree where they meet.
    below, above = (error_bounds(q, p, t, 50).unimodal for t in (0.75, 0.75 + 1e-9))
    assert below == pytest.approx(above, rel=2e-3)


def test_outside_its_range_a_bound_is_not_given():
    assert math.isnan(error_bounds(70, 100, 0.75, 50).unimodal)
    assert math.isnan(error_bounds(10, 96, 0.505, 50).unimodal)
    assert r_concave_share(0.6, 0.7, 50) == 1.0
    for q, p, threshold, pairs in ((10, 96, 0.5, 50), (10, 96, 1.1, 50), (0, 96, 0.7, 50), (97, 96, 0.7, 50)):
        with pytest.raises(UsageError):
            error_bounds(q, p, threshold, pairs)
