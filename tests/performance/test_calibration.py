from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import calibration


@pytest.fixture
def risk(visits):
    return expit(-1.5 + visits.score)


def test_perfect_predictions_of_a_large_sample():
    rng = np.random.default_rng(0)
    p = expit(rng.normal(-1, 1, 4000))
    c = calibration(rng.random(4000) < p, p)
    for name, ideal in (("intercept", 0), ("slope", 1), ("observed_expected", 1)):
        e = getattr(c, name)
        assert e.ci_low < ideal < e.ci_high, name
    assert c.ici.value < 0.03
    assert c.curve["probability"].is_monotonic_increasing


def test_accuracy_measures_by_hand():
    c = calibration([1, 0, 0, 1], [0.8, 0.2, 0.4, 0.4])
    brier = (0.2**2 + 0.2**2 + 0.4**2 + 0.6**2) / 4
    assert c.brier.value == pytest.approx(brier)
    assert c.ipa.value == pytest.approx(1 - brier / 0.25)
    assert c.observed_expected.value == pytest.approx(2 / 1.8)


def test_too_extreme_predictions_have_a_slope_below_one(visits, risk):
    steeper = expit(2 * np.log(risk / (1 - risk)))
    assert calibration(visits.event, steeper).slope.value == pytest.approx(
        calibration(visits.event, risk).slope.value / 2, rel=1e-6
    )


@pytest.mark.parametrize("name", ["intercept", "slope", "observed_expected", "brier", "ipa"])
def test_repeating_rows_inside_patients_adds_no_information(visits, risk, name):
    once = calibration(visits.event, risk, cluster=visits.patient)
    twice = calibration(np.tile(visits.event, 2), np.tile(risk, 2), cluster=np.tile(visits.patient, 2))
    assert getattr(twice, name).se == pytest.approx(getattr(once, name).se, rel=1e-6)


def test_linearised_errors_agree_with_the_jackknife(visits, risk):
    ids, names = np.unique(visits.patient), ("observed_expected", "brier", "ipa")
    whole = calibration(visits.event, risk, cluster=visits.patient)
    without = [calibration(visits.event[visits.patient != i], risk[visits.patient != i]) for i in ids]
    for name in names:
        v = np.array([getattr(c, name).value for c in without])
        jackknife = math.sqrt((ids.size - 1) / ids.size * np.sum((v - v.mean()) ** 2))
        assert getattr(whole, name).se == pytest.approx(jackknife, rel=0.05), name


def test_what_cannot_be_estimated_says_so():
    c = calibration([0, 0, 0], [0.1, 0.2, 0.3])
    for e in (c.intercept, c.slope, c.ipa):
        assert math.isnan(e.value) and "no event" in e.note
    assert c.observed_expected.value == 0
    c = calibration([0, 1, 0], [0.0, 0.5, 0.2])
    assert math.isnan(c.slope.value) and "exactly 0 or 1" in c.slope.note
    c = calibration([0, 1, 0], [0.2, 0.2, 0.2])
    assert math.isfinite(c.intercept.value) and "constant" in c.slope.note
    c = calibration([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])
    assert math.isnan(c.slope.value) and "separated" in c.slope.note
    c = calibration([0, 1], [0.0, 0.0])
    assert math.isnan(c.observed_expected.value) and c.observed_expected.note


def test_a_score_is_no_probability(visits):
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        calibration(visits.event, visits.score)
