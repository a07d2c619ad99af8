from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature import change_from_first, first_values


@pytest.fixture
def rows():
    values = pd.DataFrame({"g": [5.0, 1.0, 7.0, 2.0, 4.0]}, index=list("vwxyz"))
    return values, ["A", "B", "A", "A", "B"], [91, 0, 0, 182, 95]


def test_first_values_are_those_of_the_patients_earliest_row(rows):
    first = first_values(*rows)
    assert first["g"].to_dict() == {"v": 7.0, "w": 1.0, "x": 7.0, "y": 7.0, "z": 1.0}


def test_change_is_missing_at_the_first_row(rows):
    change = change_from_first(*rows)
    assert change["g_change"].dropna().to_dict() == {"v": -2.0, "y": -5.0, "z": 3.0}


def test_rows_without_order_are_refused(rows):
    values, patients, _ = rows
    with pytest.raises(AnalysisError, match="two rows on one day"):
        first_values(values, patients, [0, 0, 0, 182, 95])
    with pytest.raises(AnalysisError, match="1 without"):
        first_values(values, patients, [91, 0, None, 182, 95])
