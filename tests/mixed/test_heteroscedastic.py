from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed import lmm
from lumier_analysis.mixed.heteroscedastic import heteroscedastic_lmm

REFERENCE = Path(__file__).parents[1] / "reference"
FORMULA = "score ~ month + arm"


@pytest.fixture(scope="module")
def data():
    table = pd.read_csv(REFERENCE / "cluster_robust_data.csv")
    return table.assign(arm_name=np.where(table["arm"] == 1, "b", "a"))


@pytest.fixture(scope="module")
def want():
    return pd.read_csv(REFERENCE / "heteroscedastic.csv")


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_against_nlme(data, want, method):
    ref = want[want["method"] == method].set_index("name")["value"].astype(float)
    found = heteroscedastic_lmm(FORMULA, data, groups="patient", by="arm_name", reml=method == "REML", df="normal")
    # nlme's optimiser stops a little before its optimum: ours may lie above it, never below.
    assert -1e-8 < found.log_likelihood - ref["log_likelihood"] < 1e-5
    assert found.equal_variances.value == pytest.approx(2 * (ref["log_likelihood"] - ref["equal"]), abs=1e-4)
    sd = found.residual_sd
    assert sd.index.tolist() == ["a", "b"] and sd["n_rows"].tolist() == data.groupby("arm_name").size().tolist()
    # nlme takes the group of the first row, b, as reference.
    assert sd.loc["b", "ratio"] == pytest.approx(1 / ref["ratio"], rel=1e-4)
    assert sd.loc["b", "sd"] == pytest.approx(ref["sd"], rel=1e-4)
    assert found.random_covariance.iloc[0, 0] == pytest.approx(ref["intercept_variance"], rel=1e-3)
    np.testing.assert_allclose(found.beta, ref[["b0", "b1", "b2"]], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.coefficients["se"], ref[["se0", "se1", "se2"]], rtol=1e-3)
    # nlme's intervals are on the log scale from its own numerical Hessian.
    limits = sd.loc["b", ["ci_low", "ci_high"]].astype(float)
    np.testing.assert_allclose(limits, 1 / ref[["ratio_high", "ratio_low"]].to_numpy(), rtol=2e-2)


def test_equal_variances_give_back_the_plain_model(data):
    """The rows of both halves are alike, so the ratio is near 1; at a ratio of 1 everything is lmm's."""
    rng = np.random.default_rng(0)
    half = data.assign(side=rng.permutation(np.arange(len(data)) % 2).astype(str))
    plain = lmm(FORMULA, half, groups="patient")
    found = heteroscedastic_lmm(FORMULA, half, groups="patient", by="side")
    assert found.log_likelihood >= plain.log_likelihood - 1e-9
    assert found.equal_variances.value == pytest.approx(2 * (found.log_likelihood - plain.log_likelihood), abs=1e-6)
    np.testing.assert_allclose(found.beta, plain.beta, atol=0.1)
    # With two ratios more or less fixed the degrees of freedom are nearly those of the plain model.
    np.testing.assert_allclose(found.coefficients["df"], plain.coefficients["df"], rtol=0.2)


def test_units_do_not_matter(data):
    one = heteroscedastic_lmm(FORMULA, data, groups="patient", by="arm_name")
    big = heteroscedastic_lmm(FORMULA, data.assign(score=1e6 * data["score"]), groups="patient", by="arm_name")
    np.testing.assert_allclose(big.beta, 1e6 * one.beta, rtol=1e-4)
    np.testing.assert_allclose(big.coefficients["df"], one.coefficients["df"], rtol=1e-2)
    assert big.residual_sd.loc["b", "ratio"] == pytest.approx(one.residual_sd.loc["b", "ratio"], rel=1e-5)


def test_the_variances_that_were_planted_are_found():
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(150), 6)
    plate = np.tile(["p1", "p2", "p3"], 300)
    noise = rng.standard_normal(900) * np.select([plate == "p1", plate == "p2"], [0.4, 0.8], 1.2)
    data = pd.DataFrame({"patient": patient, "plate": plate, "score": rng.standard_normal(150)[patient] + noise})
    found = heteroscedastic_lmm("score ~ 1", data, groups="patient", by="plate")
    np.testing.assert_allclose(found.residual_sd["sd"], [0.4, 0.8, 1.2], rtol=0.12)
    assert found.residual_sd.loc["p2", "ci_low"] < 2 < found.residual_sd.loc["p2", "ci_high"]
    assert found.equal_variances.p_value < 1e-20


def test_refusals(data):
    with pytest.raises(AnalysisError, match=r"two levels or more.*one"):
        heteroscedastic_lmm(FORMULA, data.assign(arm_name="one"), groups="patient", by="arm_name")
    with pytest.raises(UsageError, match="satterthwaite, normal"):
        heteroscedastic_lmm(FORMULA, data, groups="patient", by="arm_name", df="kenward-roger")
