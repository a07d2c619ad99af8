from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.performance.intervals import disjoint_pairs, separated_interval, wilson_interval


def test_wilson_known_value():
    # Newcombe 1998, table I: 81/263 -> 0.2553 to 0.3662
    assert wilson_interval(81, 263, 0.95)[:2] == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("pairs", [1, 4, 5, 6, 30])
def test_exact_interval_and_p_value_decide_alike(pairs):
    interval = separated_interval(1.0, pairs, 0.95)
    assert (interval.low > 0.5) == (interval.p_value < 0.05)


def test_disjoint_pairs_use_a_patient_once():
    event = np.array([True, False, True, False, False])
    assert disjoint_pairs(event, np.array([0, 0, 1, 1, 2]), 3) == 1
    assert disjoint_pairs(event, np.arange(5), 5) == 2
