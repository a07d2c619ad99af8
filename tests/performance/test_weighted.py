from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.calibration import calibration
from lumier_analysis.performance.classification import classification
from lumier_analysis.performance.incomplete import observation_weights
from lumier_analysis.performance.weighted import (
    weighted_calibration,
    weighted_net_benefit,
    weighted_predictive_values,
)

#: Rounding of two ways to the same sum.
TIGHT = 1e-9


@pytest.fixture
def rows():
    rng = np.random.default_rng(12)
    lp = -1.5 + rng.standard_normal(300)
    return (rng.random(300) < expit(lp)).astype(float), expit(0.3 + 0.8 * lp), np.arange(300) // 3


def test_weights_of_one_change_nothing(rows):
    y, p, patient = rows
    found, want = weighted_calibration(y, p, np.ones(300), cluster=patient), calibration(y, p, cluster=patient)
    for name, estimate in found.items():
        plain = getattr(want, name)
        assert estimate.value == pytest.approx(plain.value, abs=TIGHT), name
        assert estimate.ci_high == pytest.approx(plain.ci_high, abs=TIGHT), name
    values = weighted_predictive_values(y, p, 0.3, np.ones(300), cluster=patient)
    table = classification(y, p, 0.3, cluster=patient)
    for name in ("ppv", "npv"):
        assert values[name].value == pytest.approx(table.at[name, "value"], abs=TIGHT)
        # Patients with a row on that side against all patients in the small-sample factor.
        assert values[name].ci_low == pytest.approx(table.at[name, "ci_low"], abs=2e-3)


def test_whole_weights_are_copies(rows):
    y, p, patient = rows
    w = np.tile([1, 2, 3], 100)
    copied = [np.repeat(a, w) for a in (y, p, patient)]
    found = weighted_calibration(y, p, w, cluster=patient)
    want = calibration(copied[0], copied[1], cluster=copied[2])
    for name in ("intercept", "slope", "brier", "ipa"):
        assert found[name].value == pytest.approx(getattr(want, name).value, abs=TIGHT)
        assert found[name].se == pytest.approx(getattr(want, name).se, abs=TIGHT)


def test_net_benefit_by_hand():
    table = weighted_net_benefit([1, 0, 1, 0], [0.5, 0.4, 0.1, 0.1], [0.2], [1, 2, 1, 0])
    assert table.at[0, "model"] == pytest.approx((1 - 2 * 0.25) / 4)
    assert table.at[0, "treat_all"] == pytest.approx((2 - 2 * 0.25) / 4)
    assert table.at[0, "difference"] == pytest.approx(table.at[0, "model"] - table.at[0, "treat_all"])
    assert table.at[0, "model_ci_low"] < table.at[0, "model"] < table.at[0, "model_ci_high"]


def test_a_lost_outcome_is_never_looked_at(rows):
    y, p, patient = rows
    w = np.where(np.arange(300) % 7 == 0, 0.0, 1.0)
    hidden = np.where(w == 0, np.nan, y)
    assert weighted_calibration(hidden, p, w, cluster=patient) == weighted_calibration(y, p, w, cluster=patient)


def test_loss_in_the_window_leaves_observed_over_expected_right():
    rng = np.random.default_rng(21)
    n = 60_000
    rate = 0.002 * np.exp(0.8 * rng.standard_normal(n))
    flare, loss = rng.exponential(1 / rate), rng.exponential(250, n)
    y = np.where(flare <= np.minimum(loss, 91), 1.0, np.where(loss < 91, np.nan, 0.0))
    w = observation_weights(y, np.minimum(np.minimum(flare, loss), 91))
    p = 1 - np.exp(-91 * rate)
    right = weighted_calibration(y, p, w)
    assert abs(right["observed_expected"].value - 1) < 4 * right["observed_expected"].se
    assert abs(right["slope"].value - 1) < 4 * right["slope"].se
    seen = ~np.isnan(y)
    naive = y[seen].sum() / p[seen].sum()
    assert naive - 1 > 4 * right["observed_expected"].se  # exclusion inflates


def test_what_cannot_be_estimated_says_so(rows):
    _, p, _ = rows
    for y, why in ((np.zeros(300), "no event"), (np.ones(300), "every row is an event")):
        assert all(why in e.note and np.isnan(e.value) for e in weighted_calibration(y, p, np.ones(300)).values())
    y = np.tile([1, 0, 0], 100)
    assert "constant" in weighted_calibration(y, np.full(300, 0.3), np.ones(300))["slope"].note
    assert "exactly 0 or 1" in weighted_calibration(y, np.r_[1.0, p[1:]], np.ones(300))["intercept"].note
    assert "no such row" in weighted_predictive_values(y, p, 2.0, np.ones(300))["ppv"].note


def test_separated_classes_have_no_slope():
    found = weighted_calibration([0] * 5 + [1] * 5, np.linspace(0.1, 0.9, 10), np.ones(10))
    assert np.isnan(found["slope"].value) and "separated" in found["slope"].note


@pytest.mark.parametrize("weight", [[1, -1], [1, np.nan], [1]])
def test_bad_weights(weight):
    with pytest.raises(AnalysisError, match="weight must be"):
        weighted_calibration([0, 1], [0.1, 0.2], weight)


def test_bad_thresholds_and_risks():
    with pytest.raises(AnalysisError, match="thresholds must lie"):
        weighted_net_benefit([0, 1], [0.1, 0.2], [1.0], [1, 1])
    with pytest.raises(AnalysisError, match="probability must lie"):
        weighted_calibration([0, 1], [0.1, 1.2], [1, 1])


def test_patients_are_those_with_a_row_that_was_seen(rows):
    y, p, patient = rows
    weight = np.ones(300)
    weight[:6] = 0  # the first two patients
    found = weighted_calibration(y, p, weight, cluster=patient)["observed_expected"]
    assert (found.n_patients, found.n_rows) == (98, 294)
