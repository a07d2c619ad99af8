from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.reporting.standardised import standardised_difference


def test_numbers_against_the_formula():
    a, b = pd.Series([1.0, 2, 3, 4]), pd.Series([2.0, 4, 6, np.nan])
    # means 2.5 and 4, variances 5/3 and 4
    assert standardised_difference(a, b, categorical=False) == pytest.approx(
        1.5 / math.sqrt((5 / 3 + 4) / 2), rel=1e-12
    )


def test_two_levels_are_the_difference_of_two_proportions():
    a, b = pd.Series(["f"] * 8 + ["m"] * 2), pd.Series(["f"] * 5 + ["m"] * 5)
    expected = 0.3 / math.sqrt((0.2 * 0.8 + 0.5 * 0.5) / 2)  # Austin 2009, eq. 2
    assert standardised_difference(a, b, categorical=True) == pytest.approx(expected, rel=1e-12)


def test_three_levels_do_not_depend_on_the_level_left_out():
    a, b = pd.Series(list("xxyyyz")), pd.Series(list("xyyzzz"))
    renamed = {"x": "z", "y": "x", "z": "y"}
    one = standardised_difference(a, b, categorical=True)
    assert one == pytest.approx(standardised_difference(a.map(renamed), b.map(renamed), categorical=True), rel=1e-9)
    assert one > 0


def test_no_difference_and_no_answer():
    same = pd.Series(["yes", "no"])
    assert standardised_difference(same, same, categorical=True) == 0.0
    assert math.isnan(standardised_difference(pd.Series([1.0, 1]), pd.Series([1.0, 1]), categorical=False))
    assert math.isnan(standardised_difference(pd.Series([1.0]), pd.Series([1.0, 2]), categorical=False))
    assert math.isnan(standardised_difference(pd.Series([], dtype=str), same, categorical=True))
    assert math.isnan(standardised_difference(pd.Series(["yes"] * 3), pd.Series(["no"] * 3), categorical=True))
