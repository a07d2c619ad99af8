from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import classification

SHARES = ["sensitivity", "specificity", "ppv", "npv"]


def test_by_hand():
    # positive (score >= 2): events 2 of 3, non-events 1 of 4
    t = classification([1, 1, 1, 0, 0, 0, 0], [3, 2, 1, 2, 1, 0, 0], 2)
    expected = {"sensitivity": 2 / 3, "specificity": 3 / 4, "ppv": 2 / 3, "npv": 3 / 4}
    expected |= {"lr_positive": (2 / 3) / (1 / 4), "lr_negative": (1 / 3) / (3 / 4)}
    assert t["value"].to_dict() == pytest.approx(expected)
    spread = math.exp(1.959964 * math.sqrt(1 / 2 - 1 / 3 + 1 / 1 - 1 / 4))
    assert t.loc["lr_positive", "ci_high"] == pytest.approx(8 / 3 * spread, rel=1e-6)
    assert (t["ci_low"] < t["value"]).all() and (t["value"] < t["ci_high"]).all()


def test_repeating_rows_inside_patients_adds_no_information(visits):
    once = classification(visits.event, visits.score, 0.5, cluster=visits.patient)
    twice = classification(np.tile(visits.event, 2), np.tile(visits.score, 2), 0.5, cluster=np.tile(visits.patient, 2))
    columns = ["value", "ci_low", "ci_high"]
    np.testing.assert_allclose(twice[columns].to_numpy(float), once[columns].to_numpy(float), rtol=1e-10)


def test_one_row_a_patient_is_nearly_wilson(visits):
    alone = classification(visits.event, visits.score, 0.5)
    clustered = classification(visits.event, visits.score, 0.5, cluster=np.arange(visits.event.size))
    # Another interval for the same share: alike to 0.03 with some tens of rows.
    gap = (alone.loc[SHARES, ["ci_low", "ci_high"]] - clustered.loc[SHARES, ["ci_low", "ci_high"]]).abs()
    assert gap.to_numpy(float).max() < 0.03


def test_clustered_likelihood_ratio_agrees_with_the_jackknife(visits):
    ids = np.unique(visits.patient)
    t = classification(visits.event, visits.score, 0.5, cluster=visits.patient)
    logs = np.array(
        [
            math.log(classification(visits.event[k], visits.score[k], 0.5).loc["lr_positive", "value"])
            for k in (visits.patient != i for i in ids)
        ]
    )
    se = math.sqrt((ids.size - 1) / ids.size * np.sum((logs - logs.mean()) ** 2))
    got = math.log(t.loc["lr_positive", "ci_high"] / t.loc["lr_positive", "value"]) / 1.959964
    assert got == pytest.approx(se, rel=0.07)


def test_shares_of_one_have_limits_from_patients():
    event, score = np.array([1, 1, 1, 1, 0, 0]), np.array([5.0, 5, 5, 5, 1, 5])
    rows = classification(event, score, 3)
    clustered = classification(event, score, 3, cluster=["a", "a", "b", "b", "c", "d"])
    # 2 of 2 patients, not 4 of 4 rows: z^2/(n + z^2) off 1
    assert clustered.loc["sensitivity", "ci_low"] == pytest.approx(2 / (2 + 1.959964**2), rel=1e-5)
    assert clustered.loc["sensitivity", "ci_low"] < rows.loc["sensitivity", "ci_low"] < 1
    assert "2 patients" in clustered.loc["sensitivity", "note"]


def test_empty_denominators_are_stated():
    t = classification([0, 0, 1], [1.0, 2.0, 3.0], 9)
    assert math.isnan(t.loc["ppv", "value"]) and t.loc["ppv", "note"]
    assert t.loc["sensitivity", "value"] == 0 and t.loc["sensitivity", "ci_high"] > 0
    assert math.isnan(t.loc["lr_positive", "value"]) and t.loc["lr_positive", "note"]
    t = classification([0, 0], [1.0, 2.0], 1.5)
    assert math.isnan(t.loc["sensitivity", "value"]) and "no event" in t.loc["lr_negative", "note"]


def test_empty_cells_of_the_likelihood_ratio():
    t = classification([1, 1, 0, 0], [3.0, 1.0, 0.0, 0.0], 2)
    assert math.isinf(t.loc["lr_positive", "value"]) and math.isfinite(t.loc["lr_positive", "ci_low"])
    t = classification([1, 1, 0, 0], [3.0, 3.0, 0.0, 3.0], 2)
    assert t.loc["lr_negative", "value"] == 0 and math.isfinite(t.loc["lr_negative", "ci_high"])


def test_threshold_must_be_a_number(visits):
    with pytest.raises(AnalysisError, match="finite"):
        classification(visits.event, visits.score, math.nan)
