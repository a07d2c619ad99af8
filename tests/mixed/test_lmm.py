"""Against R (tests/reference/lmm.R) and statsmodels, and data that do not fit a mixed model."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.lmm import LinearMixedModel, lmm
from tests.mixed.lmm_problems import REFERENCE, reference_data

R = pd.read_csv(REFERENCE / "lmm.csv", keep_default_na=False)
SLOPE: dict[str, Any] = {"groups": "patient", "random": "1 + month"}
FULL = "y ~ month * arm + prednisone"
NESTED = {"random": {"patient": "1 + month", "centre": "1"}}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dropout": ("dropout", FULL, SLOPE),
    "dropout_ml": ("dropout", FULL, SLOPE | {"reml": False}),
    "intercept": ("dropout", "y ~ month * arm", {"groups": "patient"}),
    "slope_only": ("dropout", "y ~ month * arm", {"groups": "patient", "random": "0 + month"}),
    "uncorrelated": ("dropout", FULL, SLOPE | {"correlated": False}),
    "three": ("dropout", "y ~ month * arm", {"groups": "patient", "random": "1 + month + prednisone"}),
    "flat": ("flat", "y ~ month * arm", SLOPE),
    "flat_uncorrelated": ("flat", "y ~ month * arm", SLOPE | {"correlated": False}),
    "flat_three": ("flat", "y ~ month * arm", {"groups": "patient", "random": "1 + month + prednisone"}),
    "zero": ("zero", "y ~ month * arm", SLOPE),
    "nested": ("nested", "y ~ month * arm", NESTED),
    "nested_ml": ("nested", "y ~ month * arm", NESTED | {"reml": False}),
    "nested_zero": ("flat", "y ~ month * arm", {"random": {"patient": "1", "centre": "1"}}),
    "crossed": ("crossed", "y ~ month + arm", {"random": {"patient": "1", "plate": "1"}}),
}
# lme4's optimiser stops within about 1e-6 of the optimum; degrees of freedom are lmerTest's by numerical derivatives.
ESTIMATES, DEGREES = 2e-6, 1e-5


def in_r(model: str, quantity: str) -> pd.Series:
    rows = R[(R["model"] == model) & (R["quantity"] == quantity)]
    assert not rows.empty
    return rows.set_index("item")["value"].astype(float)


def fitted(model: str, **more: Any) -> LinearMixedModel:
    data, formula, arguments = MODELS[model]
    return lmm(formula, reference_data(data), **(arguments | more))


@pytest.mark.parametrize("model", MODELS)
def test_likelihood_and_variances_are_lme4s(model: str) -> None:
    m = fitted(model)
    assert m.converged
    assert m.log_likelihood == pytest.approx(in_r(model, "log_likelihood").iloc[0], abs=1e-8)
    assert m.aic == pytest.approx(in_r(model, "aic").iloc[0], abs=1e-7)
    assert m.bic == pytest.approx(in_r(model, "bic").iloc[0], abs=1e-7)
    assert m.residual_variance == pytest.approx(in_r(model, "residual_variance").iloc[0], rel=1e-5)
    assert m.singular == bool(in_r(model, "singular").iloc[0])
    np.testing.assert_allclose(m.theta, in_r(model, "theta"), atol=2e-5)
    np.testing.assert_allclose(m.fitted.iloc[[0, 39]], in_r(model, "fitted"), rtol=1e-5)
    effects = m.random_effects if isinstance(m.random_effects, dict) else {"patient": m.random_effects}
    for item, value in in_r(model, "mode").items():
        factor, label, column = str(item).split(" ")
        factor = "patient" if factor.startswith("patient") else factor
        column = column.replace("(Intercept)", "Intercept")
        assert effects[factor].loc[label, column] == pytest.approx(value, rel=1e-4, abs=2e-5)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("model", MODELS)
def test_inference_is_lmertests_and_pbkrtests(model: str, df: str) -> None:
    if df == "kenward-roger" and not MODELS[model][2].get("reml", True):
        with pytest.raises(UsageError, match="defined for REML"):
            fitted(model, df=df)
        return
    m = fitted(model, df=df)
    c, short = m.coefficients, df[0]
    names = [
        name.replace("(Intercept)", "Intercept").replace("arm", "arm[T.") for name in in_r(model, short + "_se").index
    ]
    assert list(c.index) == [name + "]" * ("arm" in name) for name in names]
    difference = (c["estimate"].to_numpy() - in_r(model, short + "_estimate").to_numpy()) / c["se"]
    assert np.abs(difference).max() < ESTIMATES
    np.testing.assert_allclose(c["se"], in_r(model, short + "_se"), rtol=ESTIMATES)
    np.testing.assert_allclose(c["df"], in_r(model, short + "_df"), rtol=DEGREES)
    np.testing.assert_allclose(c["t"], in_r(model, short + "_t"), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(c["p_value"], in_r(model, short + "_p"), rtol=1e-3)
    f, expected = m.f_test(np.eye(len(c))[["arm" in name for name in c.index]]), in_r(model, short + "_f")
    assert f.df_num == expected["df_num"]
    assert f.statistic == pytest.approx(expected["statistic"], rel=1e-5)
    assert f.df_den == pytest.approx(expected["df_den"], rel=DEGREES)
    assert f.p_value == pytest.approx(expected["p_value"], rel=1e-4)


def test_versions_are_on_record() -> None:
    assert set(R.loc[R["model"] == "versions", "item"]) == {"R", "lme4", "lmerTest", "pbkrtest"}


def against_statsmodels(seeds: range) -> int:
    """Compare on simulated data sets; return in how many statsmodels reached the same maximum.

    It often calls itself converged at or near a variance of zero with a likelihood lower by up to 0.6: there the
    estimates differ, ours having the higher likelihood; they are compared where the maxima are the same to 1e-7.
    """
    from statsmodels.formula.api import mixedlm

    converged = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(25, 60))
        people = np.repeat(np.arange(n), rng.integers(2, 7, n))
        month = rng.uniform(0, 12, people.size)
        level, slope = rng.standard_normal(n), rng.choice([0.0, 0.1]) * rng.standard_normal(n)
        data = pd.DataFrame({"patient": people, "month": month, "arm": rng.choice(["a", "b"], n)[people]})
        data["y"] = level[people] + (0.1 + slope[people]) * month + rng.standard_normal(people.size)
        reml = bool(seed % 2)
        ours = lmm("y ~ month * arm", data, groups="patient", random="1 + month", reml=reml)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # statsmodels warns at and near a variance of zero
            try:
                theirs = mixedlm("y ~ month * arm", data, groups="patient", re_formula="~month").fit(
                    reml=reml, method=["bfgs", "lbfgs"], gtol=1e-9
                )
            except np.linalg.LinAlgError:
                continue
        assert ours.converged
        assert ours.log_likelihood >= theirs.llf - 1e-6
        if theirs.converged and theirs.llf > ours.log_likelihood - 1e-7:
            converged += 1
            np.testing.assert_allclose(ours.beta, theirs.fe_params[list(ours.terms)], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(ours.residual_variance, theirs.scale, rtol=1e-3)
    return converged


def test_statsmodels_finds_no_higher_likelihood() -> None:
    assert against_statsmodels(range(12)) >= 4


@pytest.mark.proof
def test_statsmodels_finds_no_higher_likelihood_on_fifty_data_sets() -> None:
    assert against_statsmodels(range(12, 62)) >= 20


def visits() -> pd.DataFrame:
    return reference_data("dropout")


def test_rows_with_missing_values_are_left_out_and_counted() -> None:
    data = visits()
    data.loc[data.index[[3, 50]], "y"] = np.nan
    data.loc[data.index[7], "month"] = np.nan
    m = lmm("y ~ arm", data, **SLOPE)
    assert m.n_dropped == 3
    assert m.n_rows == len(data) - 3
    assert list(m.residuals.index) == [i for k, i in enumerate(data.index) if k not in (3, 7, 50)]


def test_labels_of_groups_may_be_anything() -> None:
    data = visits()
    plain = lmm(FULL, data, **SLOPE)
    for labels in (
        data["patient"].astype("category"),
        data["patient"].str[1:].astype(int),
        data["patient"].str[1:].astype(float),
    ):
        again = lmm(FULL, data.assign(patient=labels), **SLOPE)
        np.testing.assert_allclose(again.beta, plain.beta, rtol=1e-12)


def test_level_and_normal_approximation() -> None:
    m = lmm(FULL, visits(), df="normal", level=0.9, **SLOPE)
    c = m.coefficients
    assert np.isinf(c["df"]).all()
    np.testing.assert_allclose(c["ci_high"] - c["estimate"], 1.6448536269514722 * c["se"])
    assert np.isinf(m.f_test([[0, 1, 0, 0, 0, 0, 0]]).df_den)


def test_what_is_shown() -> None:
    m = fitted("nested")
    assert isinstance(m.random_covariance, dict)
    assert list(m.random_covariance) == ["patient", "centre"]
    assert list(m.random_covariance["patient"].columns) == ["Intercept", "month"]
    assert m.n_groups == 90
    assert "REML, Satterthwaite" in m._repr_html_()
    np.testing.assert_allclose(m.residuals + m.fitted, m.design.y)
    np.testing.assert_allclose(m.residuals_marginal + m.fitted_marginal, m.design.y)
    assert "singular fit" in fitted("zero").note
    assert "crossed" in fitted("crossed").note


def test_a_slope_of_something_constant_within_patients_is_told() -> None:
    data = visits()
    age = pd.Series(np.random.default_rng(1).uniform(20, 60, 60), index=data["patient"].unique())
    data["age"] = data["patient"].map(age)
    m = lmm("y ~ month + age", data, groups="patient", random="1 + age", correlated=False)
    assert "age does not vary within any patient" in m.note
    with pytest.raises(AnalysisError, match="cannot be told apart"):
        lmm("y ~ month", data.assign(old=(data["age"] > 40) * 1.0), groups="patient", random="1 + old")


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (lambda d: d.groupby("patient").head(1), {"formula": "y ~ arm", "random": "1"}, "one row a patient"),
        (lambda d: d.assign(month2=2 * d["month"]), {"formula": "y ~ month + month2"}, "collinear"),
        (lambda d: d.assign(y=d["patient"].str[1:].astype(float)), {"random": "1"}, "residual variance is zero"),
        (lambda d: d.assign(y=3.0), {}, "constant"),
        (lambda d: d[d["patient"] == "P001"], {"formula": "y ~ 1"}, "two levels of patient"),
        (lambda d: d.drop(columns="patient"), {}, "lacks columns"),
        (lambda d: d, {"random": "0"}, "no column"),
        (lambda d: d, {"random": "1 + month + I(2 * month)"}, "collinear"),
        (lambda d: d, {"groups": None}, 'groups="patient_id"'),
        (lambda d: d, {"groups": ["centre", "patient"]}, "name of the column"),
        (lambda d: d, {"random": "1 + month | patient"}, "right-hand side"),
        (lambda d: d, {"random": "y ~ 1"}, "right-hand side"),
        (lambda d: d, {"random": 1}, "right-hand side"),
        (lambda d: d.to_dict("list"), {}, "a formula and a table"),
        (lambda d: d[d["month"] < 5].groupby("patient").head(2), {}, "as many effects as rows"),
        (lambda d: d.assign(y=d["y"].where(d["month"] > 0, np.inf)), {}, "infinite"),
        # No patient is in two arms, so no covariance of arms is known: one of them, or any combination is named.
        (lambda d: d, {"random": "0 + C(arm)"}, "does not hang on (the|some combination of) covariance of patient"),
        (
            lambda d: d,
            {"random": {"centre": "1"}, "groups": None, "formula": "y ~ C(centre)"},
            "the variance of centre",
        ),
        (lambda d: d, {"random": {"patient": "1"}}, "without groups"),
        (lambda d: d, {"random": {}, "groups": None}, "name their columns"),
        (lambda d: d, {"formula": "month"}, "no response"),
        (lambda d: d, {"df": "between-within"}, "unknown degrees of freedom"),
        (lambda d: d, {"level": 95}, "confidence level"),
    ],
)
def test_what_cannot_be_fitted_is_said(change: Any, arguments: dict[str, Any], said: str) -> None:
    call = {"formula": "y ~ month", "data": change(visits()), "groups": "patient", "random": "1 + month"} | arguments
    with pytest.raises((AnalysisError, UsageError), match=said):
        lmm(**call)


def test_patients_of_one_row_and_two_patients() -> None:
    data = visits()
    counts = data.groupby("patient").size()
    assert (counts == 1).any()
    two = data[data["patient"].isin(counts.index[counts == 6][:2])]
    assert lmm("y ~ month", two, groups="patient").converged
