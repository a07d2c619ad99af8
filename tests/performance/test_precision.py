from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import auc, sample_precision
from lumier_analysis.performance.logistic import fit_logistic
from lumier_analysis.performance.precision import auc_se, normal_predictor


def test_sizes_published_for_a_prevalence_of_1_8_percent():
    # Riley et al. 2021: O/E interval of width 1 needs 905 rows, a c-statistic of 0.8 known to 0.1 needs 4252.
    assert sample_precision(905, 905 * 0.018, 0.8).loc["observed_expected", "width"] == pytest.approx(1, abs=1e-3)
    width = [2 * norm.ppf(0.975) * auc_se(0.8, n, 0.018) for n in (4251, 4252)]
    assert width[1] < 0.1 < width[0]


def test_slope_is_the_standard_error_of_the_fitted_slope():
    rng = np.random.default_rng(6)
    lp = rng.normal(-2.5, 0.9, 200_000)
    fit = fit_logistic(np.column_stack([np.ones(lp.size), lp]), rng.random(lp.size) < expit(lp))
    table = sample_precision(lp.size, float(expit(lp).sum()), 0.72, linear_predictor=lp)
    # The fitted information is that at the estimate: within a percent at this size.
    assert table.loc["slope", "se"] == pytest.approx(math.sqrt(fit.covariance[1, 1]), rel=0.02)


def test_normal_predictor_has_the_share_and_the_auc():
    lp, weight = normal_predictor(0.06, 0.7)
    rng = np.random.default_rng(2)
    drawn = rng.choice(lp, 400_000, p=weight)
    event = rng.random(drawn.size) < expit(drawn)
    assert event.mean() == pytest.approx(0.06, abs=0.0015)
    assert auc(event, drawn).value == pytest.approx(0.7, abs=0.007)


def test_expected_width_is_the_width_met():
    rng = np.random.default_rng(8)
    event = np.arange(500) < 30
    widths = []
    for _ in range(200):
        e = auc(event, rng.standard_normal(500) + norm.ppf(0.7) * math.sqrt(2) * event)
        widths.append(e.ci_high - e.ci_low)
    assert np.mean(widths) == pytest.approx(sample_precision(500, 30, 0.7).loc["c_statistic", "width"], rel=0.07)


def test_smallest_auc_is_told_from_one_half_with_the_power():
    table = sample_precision(500, 30, 0.7)
    least = table.loc["smallest_auc", "assumed"]
    rng = np.random.default_rng(9)
    event = np.arange(500) < 30
    shift = norm.ppf(least) * math.sqrt(2)
    shown = [auc(event, rng.standard_normal(500) + shift * event).ci_low > 0.5 for _ in range(500)]
    assert 0.72 < np.mean(shown) < 0.88  # 0.80, Monte-Carlo error 0.018, normal approximation
    assert f"{least:.2f} or more" in table.loc["smallest_auc", "meaning"]


def test_design_effect_divides_the_size():
    a, b = sample_precision(500, 30, 0.7, design_effect=2.0), sample_precision(250, 15, 0.7)
    np.testing.assert_allclose(a["se"], b["se"])


def test_twenty_patients_with_three_flares_show_nothing():
    table = sample_precision(20, 3, 0.7)
    assert table.loc["c_statistic", "ci_low"] < 0.5
    assert "no AUC below 1" in table.loc["smallest_auc", "meaning"]


def test_a_useless_score_has_no_slope():
    table = sample_precision(500, 30, 0.5)
    assert math.isnan(table.loc["slope", "se"]) and "have no slope" in table.loc["slope", "meaning"]


@pytest.mark.parametrize("sizes", [(20, 0), (20, 20), (0, 0), (math.nan, 3)])
def test_no_event_is_refused(sizes):
    with pytest.raises(AnalysisError, match="at least one event"):
        sample_precision(*sizes, 0.7)


@pytest.mark.parametrize("bad", [0.4, 1.0])
def test_impossible_auc_is_refused(bad):
    with pytest.raises(AnalysisError, match="assumed AUC"):
        sample_precision(500, 30, bad)


def test_bad_predictor_is_refused():
    with pytest.raises(AnalysisError, match="linear predictor"):
        sample_precision(500, 30, 0.7, linear_predictor=[np.inf, 0.0])


@pytest.mark.parametrize("bad", [{"power": 0.1}, {"design_effect": 0.5}, {"level": 95}])
def test_unknown_settings_are_refused(bad):
    with pytest.raises(UsageError):
        sample_precision(500, 30, 0.7, **bad)
