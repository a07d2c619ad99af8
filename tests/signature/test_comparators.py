from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc
from lumier_analysis.signature import marker_aucs, marker_table


@pytest.fixture
def markers(cohort):
    c3 = -cohort.features["a1"]
    c3.iloc[:7] = np.nan
    return pd.DataFrame({"a1": cohort.features["a1"], "c3": c3, "never": np.nan})


def test_direction_is_the_plans_and_missing_rows_are_counted(cohort, markers):
    e = marker_aucs(markers, cohort.event, cohort.patients, lower_is_risk=["c3"])
    assert list(e) == ["a1", "c3", "never"]
    assert e["a1"] == auc(cohort.event, cohort.features["a1"].to_numpy(), cluster=cohort.patients)
    expected = auc(cohort.event[7:], cohort.features["a1"].to_numpy()[7:], cluster=cohort.patients[7:])
    assert e["c3"].value == expected.value and e["c3"].n_rows == 233
    assert "low values count as risk" in e["c3"].note and "7 of 240 rows" in e["c3"].note
    assert math.isnan(e["never"].value) and e["never"].note
    turned = marker_aucs(markers, cohort.event, cohort.patients)
    assert turned["c3"].value == pytest.approx(1 - e["c3"].value)


def test_table(cohort, markers):
    t = marker_table(marker_aucs(markers, cohort.event, cohort.patients))
    assert t.index.name == "marker" and t.loc["a1", "n_patients"] == 80


def test_unknown_direction_and_unequal_lengths_are_refused(cohort, markers):
    with pytest.raises(AnalysisError, match="c9"):
        marker_aucs(markers, cohort.event, cohort.patients, lower_is_risk=["c9"])
    with pytest.raises(AnalysisError, match="length"):
        marker_aucs(markers, cohort.event[1:], cohort.patients[1:])
