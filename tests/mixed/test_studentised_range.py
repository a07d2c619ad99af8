import math

import numpy as np
import pytest
from scipy.stats import studentized_range
from scipy.stats import t as student

from lumier_analysis.mixed.studentised_range import quantile, upper_tail


@pytest.mark.parametrize("k", [3, 7, 25])
@pytest.mark.parametrize("df", [1.5, 4.0, 17.3, 120.0, math.inf])
def test_it_agrees_with_scipy(k, df):
    for q in (0.5, 2.0, 4.0, 9.0):
        assert upper_tail(q, k, df) == pytest.approx(studentized_range.sf(q, k, df), abs=1e-9)


def test_quantiles_are_those_of_r():
    # qtukey(0.95, k, df) of R 4.2.2
    for (k, df), want in {
        (3, 10): 3.87677675,
        (5, 20): 4.23185668,
        (7, 100.5): 4.2552337,
        (4, math.inf): 3.63315958,
    }.items():
        assert quantile(0.95, k, df) == pytest.approx(want, abs=1e-6)


def test_two_means_are_the_t_test():
    for df in (1.0, 3.7, 40.0, 5e5):
        for t in (0.3, 2.0, 6.0):
            assert upper_tail(t * math.sqrt(2), 2, df) == pytest.approx(2 * student.sf(t, df), abs=1e-9)


def test_quantile_and_tail_are_inverse():
    for df in (2.0, 11.5, 300.0):
        assert upper_tail(quantile(0.9, 6, df), 6, df) == pytest.approx(0.1, abs=1e-9)
    assert math.isnan(quantile(0.95, 3, math.nan)) and math.isnan(upper_tail(1.0, 3, math.nan))


def test_it_falls_with_q_and_rises_with_the_number_of_means():
    tails = [upper_tail(q, 4, 9.0) for q in np.linspace(0, 12, 40)]
    assert tails[0] == pytest.approx(1.0) and (np.diff(tails) < 0).all()
    assert upper_tail(3.0, 3, 9.0) < upper_tail(3.0, 4, 9.0) < upper_tail(3.0, 5, 9.0)
