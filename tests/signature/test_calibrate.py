from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import calibration
from lumier_analysis.signature import fit_calibration


def test_risks_are_calibrated_on_their_own_rows(cohort):
    score = cohort.features["a1"].to_numpy()
    fitted = fit_calibration(cohort.event, score, cluster=cohort.patients)
    c = calibration(cohort.event, fitted.risk(score))
    assert c.slope.value == pytest.approx(1, abs=1e-6)
    assert c.intercept.value == pytest.approx(0, abs=1e-6)
    assert fitted.slope.ci_low < fitted.slope.value < fitted.slope.ci_high and fitted.slope.note == ""


def test_unit_of_the_score_goes_into_the_slope(cohort):
    score = cohort.features["a1"].to_numpy()
    a, b = fit_calibration(cohort.event, score), fit_calibration(cohort.event, 1000 * score)
    assert b.slope.value == pytest.approx(a.slope.value / 1000)
    assert b.slope.se == pytest.approx(a.slope.se / 1000)
    assert b.intercept.value == pytest.approx(a.intercept.value)


def test_separation_and_wrong_direction_are_noted():
    score = np.arange(10.0)
    fitted = fit_calibration(score >= 6, score)
    assert "Firth" in fitted.slope.note and 0 < fitted.slope.value < 10
    assert "negative slope" in fit_calibration([1, 1, 0, 1, 0, 0], [1.0, 2, 3, 4, 5, 6]).slope.note


@pytest.mark.parametrize(
    ("outcome", "score", "words"), [([0, 0], [1.0, 2.0], "one class"), ([0, 1], [1.0, 1.0], "constant")]
)
def test_what_cannot_be_learned_is_refused(outcome, score, words):
    with pytest.raises(AnalysisError, match=words):
        fit_calibration(outcome, score)
