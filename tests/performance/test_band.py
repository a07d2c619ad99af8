from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import calibration, calibration_band
from lumier_analysis.performance.band import spline_basis
from lumier_analysis.performance.logistic import fit_logistic


@pytest.fixture
def risks(visits):
    return expit(-1.5 + 0.6 * visits.score)


@pytest.mark.parametrize("curve", ["loess", "spline"])
def test_band_holds_the_curve_and_depends_on_the_seed_alone(visits, risks, curve):
    def of(seed):
        return calibration_band(visits.event, risks, cluster=visits.patient, curve=curve, n_boot=100, seed=seed)

    table = of(1)
    assert (table["ci_low"] <= table["observed"]).mean() > 0.95 and (table["observed"] <= table["ci_high"]).all()
    assert table[["observed", "ci_low", "ci_high"]].stack().between(0, 1).all()
    assert "patient bootstrap" in table.attrs["method"]
    assert table.equals(of(1)) and not table.equals(of(2))


def test_loess_is_the_curve_of_calibration(visits, risks):
    band = calibration_band(visits.event, risks, n_boot=100)
    curve = calibration(visits.event, risks).curve
    between = np.interp(band["probability"], curve["probability"], curve["observed"])
    assert np.abs(band["observed"] - np.clip(between, 0, 1)).max() < 0.01


def test_spline_is_the_logistic_fit(visits, risks):
    band = calibration_band(visits.event, risks, curve="spline", n_boot=100)
    lp = logit(risks)
    knots = np.quantile(lp, [0.05, 0.35, 0.65, 0.95])
    fit = fit_logistic(spline_basis(lp, knots), visits.event)
    np.testing.assert_allclose(band["observed"], expit(spline_basis(logit(band["probability"]), knots) @ fit.coef))


def test_spline_basis_is_smooth_and_straight_outside():
    knots = np.array([-1.0, 0.0, 0.5, 2.0])
    outside = np.r_[np.linspace(-5, -1, 9), np.linspace(2, 6, 9)]
    basis = spline_basis(outside, knots)
    assert np.abs(np.diff(basis[:9], 2, axis=0)).max() < 1e-12 and np.abs(np.diff(basis[9:], 2, axis=0)).max() < 1e-10
    fine = np.linspace(-2, 3, 5001)
    second = np.diff(spline_basis(fine, knots), 2, axis=0) / 1e-6
    assert np.abs(np.diff(second, axis=0)).max() < 0.02  # second derivative without jumps


def test_patients_are_resampled_whole():
    # Each patient four times: the band by patient is about twice as wide as that by row.
    rng = np.random.default_rng(4)
    p = np.repeat(rng.uniform(0.1, 0.6, 80), 4)
    event = np.repeat(rng.random(80), 4) < p
    wide, narrow = (
        calibration_band(event, p, cluster=c, n_boot=200, degree=1) for c in (np.repeat(range(80), 4), None)
    )
    ratio = (wide["ci_high"] - wide["ci_low"]).mean() / (narrow["ci_high"] - narrow["ci_low"]).mean()
    assert 1.6 < ratio < 2.4


def test_right_risks_lie_in_the_band():
    rng = np.random.default_rng(5)
    p = rng.uniform(0.02, 0.5, 1500)
    band = calibration_band(rng.random(1500) < p, p, n_boot=200, curve="spline")
    inside = band["probability"].between(band["ci_low"], band["ci_high"])
    assert inside.mean() > 0.85


def test_few_flares_are_a_stated_result():
    # 20 patients, 3 of them with a flare: some resamples have none.
    p = np.linspace(0.02, 0.3, 20)
    band = calibration_band(np.isin(np.arange(20), [4, 11, 18]), p, cluster=np.arange(20), n_boot=200)
    assert "resamples of patients gave no curve" in band.attrs["note"] and band["ci_low"].notna().all()


def test_single_patient_has_a_curve_without_band():
    band = calibration_band([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], cluster=["a"] * 4, n_boot=100, degree=1, span=1.0)
    assert band["observed"].notna().all() and band["ci_low"].isna().all() and "no band" in band.attrs["note"]


def test_separated_classes_are_a_stated_result():
    p = np.linspace(0.1, 0.9, 40)
    band = calibration_band(p > 0.5, p, curve="spline", n_boot=100)
    assert band["observed"].isna().all() and "separated" in band.attrs["note"]


@pytest.mark.parametrize(
    ("event", "p", "curve", "words"),
    [
        ([0, 0], [0.1, 0.2], "loess", "events and non-events"),
        ([1, 1], [0.1, 0.2], "loess", "events and non-events"),
        ([0, 1], [0.2, 0.2], "loess", "do not differ"),
        ([0, 1], [0.2, 1.2], "loess", "between 0 and 1"),
        ([0, 1], [0.2, np.nan], "loess", "missing"),
        ([0, 1], [0.2, 1.0], "spline", "exactly 0 or 1"),
        ([0, 1] * 10, [0.2, 0.3] * 10, "spline", "too few distinct"),
        ([], [], "loess", "no row"),
    ],
)
def test_bad_input_is_refused_in_words(event, p, curve, words):
    with pytest.raises(AnalysisError, match=words):
        calibration_band(event, p, curve=curve)


@pytest.mark.parametrize("bad", [{"curve": "x"}, {"points": 1}, {"n_boot": 10}, {"level": 2}])
def test_unknown_settings_are_refused(visits, risks, bad):
    with pytest.raises(UsageError):
        calibration_band(visits.event, risks, **bad)
