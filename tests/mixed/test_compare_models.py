import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.compare_models import boundary_p_value, compare_models
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.mmrm import mmrm
from lumier_analysis.mixed.random_terms import test_random as drop_each


def _fit(data, formula="score ~ arm * month + sex + age", random="1 + month", **options):
    return lmm(formula, data, groups="id", random=random, **options)


def test_fixed_effects_as_anova_of_lme4(fitted_data, r_says):
    large, small = (_fit(fitted_data, f"score ~ arm {c} month + sex + age", reml=False) for c in "*+")
    test, want = compare_models(small, large), r_says("fixed comparison").loc["arm:month"]
    assert (test.statistic, test.df, test.p_value) == pytest.approx((want["statistic"], 2, want["p_value"]), rel=1e-5)
    assert compare_models(large, small) == test and "chi2(2)" in str(test)


def test_a_slope_is_tested_against_a_mixture(fitted_data):
    test = compare_models(_fit(fitted_data), _fit(fitted_data, random="1"))
    assert test.reml and test.df == 2 and test.reference == "0.5 chi2(1) + 0.5 chi2(2)"
    assert test.p_value == pytest.approx(0.5 * chi2.sf(test.statistic, 1) + 0.5 * chi2.sf(test.statistic, 2))


def test_references():
    assert boundary_p_value(2.7055, 1, 1)[0] == pytest.approx(0.05, abs=1e-5)
    assert boundary_p_value(0.0, 1, 1)[0] == pytest.approx(1.0)
    # Table of Stram and Lee: 5.14 is the 5 % point of chi-squares of 1 and 2.
    assert boundary_p_value(5.1383, 2, 1)[0] == pytest.approx(0.05, abs=1e-5)
    assert boundary_p_value(5.1383, 2, 1)[0] < chi2.sf(5.1383, 2)
    p, words = boundary_p_value(5.1383, 2, 2)
    assert words.startswith("at most") and p == pytest.approx(0.05, abs=1e-5)


def test_a_correlation_alone_is_no_boundary(fitted_data):
    test = compare_models(_fit(fitted_data), _fit(fitted_data, correlated=False))
    assert (test.df, test.reference) == (1, "chi2(1)")


def test_two_variances_at_once_are_bounded(fitted_data):
    large = lmm("score ~ month", fitted_data, random={"centre": "1", "id": "1 + month"})
    test = compare_models(large, lmm("score ~ month", fitted_data, groups="id"))
    assert test.df == 3 and "upper bound" in test.note


def test_covariances_of_visits(fitted_data):
    fits = [
        mmrm("score ~ visit * arm", fitted_data, subject="id", visit="visit", covariance=c)
        for c in ("compound symmetry", "unstructured", "ar1")
    ]
    test = compare_models(*fits[:2])
    assert (test.df, test.reference) == (8, "chi2(8)") and test.statistic > 0
    with pytest.raises(AnalysisError, match="not nested"):
        compare_models(fits[0], fits[2])


def test_the_size_of_the_test_of_a_variance_is_that_of_its_reference():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"id": np.repeat(np.arange(40), 3), "x": rng.standard_normal(120)})
    p = []
    for _ in range(200):
        data["y"] = rng.standard_normal(120)
        p.append(drop_each(lmm("y ~ x", data, groups="id", df="normal"))["p_value"].iloc[0])
    # 10 % of 200: within three standard errors; chi2(1) would give half of it.
    assert 0.036 < np.mean(np.array(p) < 0.10) < 0.164


def test_what_cannot_be_compared_is_refused(fitted_data):
    full = _fit(fitted_data)
    for call, error, said in [
        (lambda: compare_models(full, _fit(fitted_data, "score ~ arm + month + sex + age")), UsageError, "restricted"),
        (lambda: compare_models(full, _fit(fitted_data, reml=False)), UsageError, "one model is by REML"),
        (lambda: compare_models(full, _fit(fitted_data.iloc[:-3])), AnalysisError, "different rows"),
        (lambda: compare_models(full, full), AnalysisError, "the same"),
        (
            lambda: compare_models(full, mmrm("score ~ visit", fitted_data, subject="id", visit="visit")),
            UsageError,
            "two",
        ),
        (lambda: compare_models(full, _fit(fitted_data, random="0 + month + age")), AnalysisError, "not nested"),
        (
            lambda: compare_models(_fit(fitted_data, reml=False), _fit(fitted_data, "score ~ visit", reml=False)),
            AnalysisError,
            "fixed effects are not nested",
        ),
    ]:
        with pytest.raises(error, match=said):
            call()
