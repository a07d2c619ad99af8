from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import auc, roc_points
from lumier_analysis.performance.roc_band import roc_band


def drawn(n=300, per=3, ties=False, seed=1):
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n // per), per)
    y = rng.random(n) < 0.2
    score = rng.normal(size=n) + y + rng.normal(size=n // per)[patient]
    return y, np.round(score) if ties else score, patient


@pytest.mark.parametrize("ties", [False, True])
def test_the_curve_is_the_empirical_one_and_has_its_area(ties):
    y, score, patient = drawn(ties=ties)
    band = roc_band(y, score, patient, 100, points=2001)
    points = roc_points(y, score)
    x, h = 1 - points["specificity"], points["sensitivity"]
    for place in (0.0, 0.1, 0.37, 0.9, 1.0):
        want = np.interp(place + 1e-9, x, h)
        assert np.interp(place, band["false_positive"], band["sensitivity"]) == pytest.approx(want, abs=1e-6)
    area = np.trapezoid(band["sensitivity"], band["false_positive"])
    assert area == pytest.approx(auc(y, score).value, abs=1e-3)


def test_without_ties_the_middle_of_many_resamples_is_the_curve():
    y, score, patient = drawn(n=600, per=1)
    band = roc_band(y, score, patient, 4000)
    inner = band[band["false_positive"].between(0.02, 0.98)]
    assert (inner["median"] - inner["sensitivity"]).abs().max() < 0.03
    assert (inner["median"] - inner["sensitivity"]).abs().mean() < 0.01
    assert (band["ci_low"] <= band["median"]).all() and (band["median"] <= band["ci_high"]).all()


@pytest.mark.parametrize("column", ["sensitivity", "median", "ci_low", "ci_high"])
def test_curve_and_limits_rise_from_0_to_1(column):
    band = roc_band(*drawn(ties=True), n_boot=400)
    assert band[column].between(0, 1).all() and (band[column].diff().dropna() >= -1e-12).all()
    assert band[column].iloc[-1] == pytest.approx(1)


def test_replicates_are_those_of_copied_rows():
    y, score, patient = drawn(n=60)
    from lumier_analysis.performance.bootstrap import multiplicities

    times = multiplicities(np.random.default_rng(7), 20, 150)
    copied = []
    for t in times:
        take = np.repeat(np.arange(60), t[patient])
        points = roc_points(y[take], score[take])
        copied.append(np.interp(np.linspace(0, 1, 11) + 1e-10, 1 - points["specificity"], points["sensitivity"]))
    band = roc_band(y, score, patient, 150, 7, points=11)
    np.testing.assert_allclose(band["median"], np.median(copied, axis=0), atol=1e-6)
    assert (band["ci_low"] < np.quantile(copied, 0.025, axis=0) + 1e-6).all()
    assert (band["ci_high"] > np.quantile(copied, 0.975, axis=0) - 1e-6).all()


def test_the_band_does_not_collapse_where_every_event_is_found():
    y = np.r_[np.ones(12), np.zeros(60)]
    band = roc_band(y, np.r_[np.full(12, 5.0), np.arange(60) / 12])
    inner = band.iloc[:-1]
    assert inner["sensitivity"].eq(1).all() and inner["ci_low"].max() == pytest.approx(1 / (1 + 1.96**2 / 12), abs=1e-3)
    assert band.iloc[-1][["ci_low", "ci_high"]].tolist() == [1, 1]


def test_limits_hold_the_truth_near_its_ends():
    """Binormal, 150 patients, about 12 events; the Monte-Carlo error of 120 samples at 0.95 is 0.02."""
    at = np.linspace(0, 1, 11)
    true = norm.sf(norm.isf(at), 1)
    held = np.zeros(11)
    for seed in range(120):
        rng = np.random.default_rng(seed)
        y = rng.random(150) < 0.08
        band = roc_band(y, rng.normal(size=150) + y, n_boot=200, seed=seed, points=11)
        held += (band["ci_low"] <= true + 1e-12) & (true <= band["ci_high"] + 1e-12)
    assert (held / 120 > 0.95 - 3 * 0.02).all()


def test_the_width_is_that_of_a_binomial_where_the_threshold_is_fixed():
    """With countless non-events the threshold at a given specificity hardly moves: sensitivity is a proportion."""
    rng = np.random.default_rng(3)
    y = np.r_[np.ones(80), np.zeros(20_000)]
    score = rng.normal(size=y.size) + y
    band = roc_band(y, score, n_boot=600, points=11)
    at = band.iloc[2]
    se = np.sqrt(at["sensitivity"] * (1 - at["sensitivity"]) / 80)
    assert (at["ci_high"] - at["ci_low"]) / (2 * 1.96) == pytest.approx(se, rel=0.12)


def test_patients_with_many_alike_rows_widen_the_band():
    y, score, patient = drawn(n=100, per=1)
    rows = np.repeat(np.arange(100), 4)
    wide = roc_band(y[rows], score[rows], patient[rows], 500)
    narrow = roc_band(y[rows], score[rows], None, 500)
    width = [(b["ci_high"] - b["ci_low"]).iloc[10:60].mean() for b in (wide, narrow)]
    assert width[0] > 1.6 * width[1]
    pd.testing.assert_frame_equal(wide, roc_band(y, score, patient, 500), check_exact=False, atol=1e-6)


def test_speed():
    y, score, patient = drawn(n=501)
    start = time.perf_counter()
    roc_band(y, score, patient, 2000)
    assert time.perf_counter() - start < 1.0


def test_what_cannot_be_had_is_said():
    band = roc_band([0, 0, 0, 1], [1, 2, 3, 4])
    assert band["ci_low"].isna().all() and "too few patients: no band" in band.attrs["note"]
    assert band["sensitivity"].eq(1).all()
    band = roc_band([0, 1, 0, 1, 0, 1], [1, 2, 3, 4, 5, 6], n_boot=300)
    assert "resamples had no event" in band.attrs["note"] and band["ci_low"].notna().all()
    with pytest.raises(AnalysisError, match="events and non-events"):
        roc_band([0, 0], [1, 2])
    with pytest.raises(AnalysisError, match="missing"):
        roc_band([0, 1], [1, np.nan])
    with pytest.raises(UsageError, match="100 resamples"):
        roc_band([0, 1], [1, 2], n_boot=10)
