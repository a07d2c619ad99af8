import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.agreement import icc as one_way
from lumier_analysis.mixed.explained import model_icc, r_squared
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.mmrm import mmrm


@pytest.mark.parametrize(
    ("name", "formula", "random"),
    [("fit", "score ~ arm * visit + sex + age", "1"), ("slope", "score ~ arm * month + sex + age", "1 + month")],
)
def test_r2_by_its_formula_in_r(fitted_data, r_says, name, formula, random):
    found, want = r_squared(lmm(formula, fitted_data, groups="id", random=random)), r_says("r2").loc[name]
    assert (found.marginal, found.conditional) == pytest.approx((want["marginal"], want["conditional"]), rel=1e-5)


def test_r2_of_repeated_measures_has_no_conditional_part(fitted_data):
    found = r_squared(mmrm("score ~ visit + age", fitted_data, subject="id", visit="visit"))
    assert 0 < found.marginal < 1 and np.isnan(found.conditional)


def test_the_icc_is_the_correlation_within_patients(fitted_data):
    model = lmm("score ~ visit", fitted_data, groups="id")
    icc = model_icc(model)
    g = float(model.random_covariance.iloc[0, 0])
    assert icc.value == pytest.approx(g / (g + model.residual_variance)) and icc.n_patients == 48
    for limit in (icc.ci_low, icc.ci_high):
        deviance = model.fit.problem.deviance([np.sqrt(limit / (1 - limit))])
        assert deviance == pytest.approx(-2 * model.log_likelihood + chi2.ppf(0.95, 1), abs=1e-6)
    symmetric = mmrm("score ~ visit", fitted_data, subject="id", visit="visit", covariance="compound symmetry")
    assert icc.value == pytest.approx(symmetric.visit_correlation.iloc[0, 1], rel=1e-4)


def test_the_profile_interval_is_near_that_of_the_f_distribution():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"id": np.repeat(np.arange(60), 4)})
    data["y"] = np.repeat(rng.standard_normal(60), 4) + rng.standard_normal(240)
    exact, profile = one_way(data["y"], data["id"]), model_icc(lmm("y ~ 1", data, groups="id"))
    assert profile.value == pytest.approx(exact.value, abs=1e-6)
    assert (profile.ci_low, profile.ci_high) == pytest.approx((exact.ci_low, exact.ci_high), abs=0.02)
    # The standard error agrees with Fisher's of equal group sizes
    r, m, k = exact.value, 4, 60
    assert profile.se == pytest.approx((1 - r) * (1 + (m - 1) * r) * np.sqrt(2 / (m * (m - 1) * k)), rel=0.05)


def test_a_variance_of_zero_has_an_interval_from_zero():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"id": np.repeat(np.arange(20), 3), "y": rng.standard_normal(60)})
    data["y"] -= data.groupby("id")["y"].transform("mean")
    icc = model_icc(lmm("y ~ 1", data, groups="id"))
    assert (icc.value, icc.ci_low) == (0, 0) and 0 < icc.ci_high < 0.5 and np.isnan(icc.se)


def test_several_factors(fitted_data):
    rng = np.random.default_rng(2)
    data = fitted_data.assign(centre=lambda d: d["centre"].astype(str))
    shift = dict(zip(sorted(set(data["centre"])), rng.standard_normal(6), strict=True))
    data["score"] += data["centre"].map(shift) * 1.5
    model = lmm("score ~ visit", data, random={"centre": "1", "id": "1"})
    icc = model_icc(model, "centre")
    assert 0 < icc.ci_low < icc.value < icc.ci_high < 1
    # The expected information is near the observed one: curvature of the deviance in theta, by differences.
    deviance, theta, h = model.fit.problem.deviance, model.fit.theta, 1e-4
    steps = h * np.eye(2)
    corners = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
    curvature = [[sum(sign * deviance(theta + i * a + j * b) for i, j, sign in corners) for b in steps] for a in steps]
    covariance = 2 * np.linalg.inv(np.array(curvature) / (4 * h**2))
    share = lambda t: t[0] ** 2 / (1 + (t**2).sum())  # noqa: E731
    gradient = np.array([(share(theta + s) - share(theta - s)) / (2 * h) for s in steps])
    assert icc.se == pytest.approx(np.sqrt(gradient @ covariance @ gradient), rel=0.15)
    for factor, said in ((None, "several"), ("arm", "no such")):
        with pytest.raises(UsageError, match=said):
            model_icc(model, factor)


def test_with_slopes_there_is_no_one_icc(fitted_data, least_squares):
    with pytest.raises(UsageError, match="slopes"):
        model_icc(lmm("score ~ month", fitted_data, groups="id", random="1 + month"))
    for function in (model_icc, r_squared):
        with pytest.raises(UsageError):
            function(least_squares("score ~ month", fitted_data))
