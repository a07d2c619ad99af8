import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.mmrm import mmrm
from lumier_analysis.mixed.predictions import predict

FORMULA = "score ~ arm * month + sex + age"


@pytest.fixture(scope="module")
def slope(fitted_data):
    return lmm(FORMULA, fitted_data, groups="id", random="1 + month")


def _dense(model, frame, x, z):
    """Prediction and its error variance from the whole covariance matrix of the data."""
    g, s2 = model.random_covariance.to_numpy(), model.residual_variance
    ids = model.design.used["id"].to_numpy()
    zd = np.column_stack([np.ones(len(ids)), model.design.used["month"]])
    same = ids[:, None] == ids
    v = s2 * np.eye(len(ids)) + same * (zd @ g @ zd.T)
    cov = (z @ g @ zd.T) * (frame["id"].to_numpy()[:, None] == ids)
    vi, xd = np.linalg.inv(v), model.design.x
    phi = np.linalg.inv(xd.T @ vi @ xd)
    beta = phi @ xd.T @ vi @ model.design.y
    estimate = x @ beta + cov @ vi @ (model.design.y - xd @ beta)
    d = x - cov @ vi @ xd
    variance = np.einsum("na,ab,nb->n", z, g, z) - np.einsum("na,ab,nb->n", cov, vi, cov)
    return estimate, variance + np.einsum("na,ab,nb->n", d, phi, d)


def test_both_kinds_as_lme4(slope, r_says):
    new = pd.DataFrame({"id": ["p01", "p02"], "arm": ["a", "c"], "sex": "f", "age": 50, "month": [6, 12]})
    want = r_says("predictions").loc[["p01", "p02"]]
    np.testing.assert_allclose(predict(slope, new)["estimate"], want["population"], rtol=1e-5)
    np.testing.assert_allclose(predict(slope, new, random=True)["estimate"], want["patient"], rtol=1e-4)


def test_the_rows_of_the_fit_have_its_fitted_values(slope):
    np.testing.assert_allclose(predict(slope, random=True)["estimate"], slope.fitted)
    np.testing.assert_allclose(predict(slope)["estimate"], slope.fitted_marginal)


def test_a_patients_error_is_that_of_the_whole_covariance(slope, fitted_data):
    frame = fitted_data.iloc[:25].assign(month=lambda d: d["month"] + 1)
    got = predict(slope, frame, random=True, interval="confidence")
    x = np.asarray(slope.design.spec.get_model_matrix(frame), dtype=float)
    estimate, variance = _dense(slope, frame, x, np.column_stack([np.ones(25), frame["month"]]))
    np.testing.assert_allclose(got["estimate"], estimate, rtol=1e-8)
    np.testing.assert_allclose(got["se"] ** 2, variance, rtol=1e-8)
    again = predict(slope, frame, random=True, interval="prediction")
    np.testing.assert_allclose(again["se"] ** 2, variance + slope.residual_variance, rtol=1e-8)


def test_intervals_of_the_mean_are_those_of_contrasts(slope, fitted_data):
    got = predict(slope, fitted_data.iloc[:4], interval="confidence")
    want = slope.contrast(slope.design.x[:4])
    np.testing.assert_allclose(got, want[["estimate", "se", "df", "ci_low", "ci_high"]], rtol=1e-8)
    wide = predict(slope, fitted_data.iloc[:4], interval="confidence", level=0.99)
    np.testing.assert_allclose(
        wide["ci_high"] - wide["estimate"], student.ppf(0.995, want["df"].to_numpy()) * want["se"].to_numpy()
    )


def test_an_observation_of_a_new_patient_has_all_the_variances(slope, fitted_data):
    new = fitted_data.iloc[:3].assign(id="nobody")
    g, z = slope.random_covariance.to_numpy(), np.column_stack([np.ones(3), new["month"]])
    se = predict(slope, new, interval="confidence")["se"]
    want = se**2 + np.einsum("na,ab,nb->n", z, g, z) + slope.residual_variance
    np.testing.assert_allclose(predict(slope, new, interval="prediction")["se"] ** 2, want)


def test_prediction_intervals_hold_their_level():
    rng = np.random.default_rng(11)
    n, hits = 30, []
    for _ in range(25):
        data = pd.DataFrame({"id": np.repeat(np.arange(2 * n), 3), "x": rng.standard_normal(6 * n)})
        data["y"] = np.repeat(rng.standard_normal(2 * n), 3) + data["x"] + 0.7 * rng.standard_normal(6 * n)
        seen = data[(data["id"] < n) & (data.index % 3 < 2)]
        model = lmm("y ~ x", seen, groups="id")
        for frame, random in ((data[data["id"] >= n], False), (data[(data["id"] < n) & (data.index % 3 == 2)], True)):
            p = predict(model, frame, random=random, interval="prediction")
            hits.append(((p["ci_low"] < frame["y"]) & (frame["y"] < p["ci_high"])).mean())
    # 1500 patients: three standard errors, allowing for the three rows a patient of new ones
    assert np.mean(hits[::2]) == pytest.approx(0.95, abs=0.025) and np.mean(hits[1::2]) == pytest.approx(0.95, abs=0.03)


def test_several_factors_and_a_variance_of_zero(fitted_data):
    model = lmm("score ~ month", fitted_data, random={"centre": "1", "id": "1"})
    got = predict(model, random=True, interval="confidence")
    np.testing.assert_allclose(got["estimate"], model.fitted)
    assert model.singular and (got["se"] > 0).all()


def test_factor_slopes_are_built_anew(fitted_data):
    model = lmm("score ~ month", fitted_data, groups="id", random="0 + C(month > 4)", df="normal")
    np.testing.assert_allclose(predict(model, fitted_data, random=True)["estimate"], model.fitted)


def test_repeated_measures_take_the_variance_of_the_visit(fitted_data):
    model = mmrm("score ~ visit", fitted_data, subject="id", visit="visit")
    frame = pd.DataFrame({"visit": ["M00", "M12"]})
    plain = predict(model, frame, interval="confidence")["se"] ** 2
    got = predict(model, frame, interval="prediction", visit="visit")["se"] ** 2
    np.testing.assert_allclose(got - plain, np.diag(model.visit_covariance)[[0, 3]])
    with pytest.raises(UsageError, match="needs the visit"):
        predict(model, frame, interval="prediction")
    with pytest.raises(UsageError, match="no random effects"):
        predict(model, frame, random=True)


def test_bad_rows_are_refused(slope, fitted_data):
    rows = fitted_data.iloc[:2]
    for call, error, said in [
        (lambda: predict(slope, rows.drop(columns="age")), AnalysisError, "without age"),
        (lambda: predict(slope, rows.assign(age=np.nan)), AnalysisError, "missing values.*age"),
        (lambda: predict(slope, rows.assign(age="old")), AnalysisError, "covariate"),
        (lambda: predict(slope, rows.assign(arm="d")), AnalysisError, "not seen.*d"),
        (lambda: predict(slope, rows.assign(id="nobody"), random=True), AnalysisError, "nobody.*random=False"),
        (lambda: predict(slope, rows.drop(columns="id"), random=True), AnalysisError, "without id"),
        (lambda: predict(slope, rows, interval="both"), UsageError, "interval"),
        (lambda: predict(slope, rows, interval="confidence", level=95), UsageError, "level"),
    ]:
        with pytest.raises(error, match=said):
            call()


def test_a_model_of_another_kind_has_no_prediction_interval(fitted_data, least_squares):
    model = least_squares("score ~ month", fitted_data)
    assert len(predict(model, interval="confidence")) == len(fitted_data)
    with pytest.raises(UsageError, match="lmm and mmrm"):
        predict(model, interval="prediction")
    with pytest.raises(UsageError, match="DataFrame"):
        predict(model, {"month": 3})
