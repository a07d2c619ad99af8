import math

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.mixed import estimated_means, f_estimates, lmm, robust_coefficients, row_estimates, type_three


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"patient": np.repeat(np.arange(20), 4), "arm": np.repeat(list("abcb") * 5, 4)})
    data["score"] = rng.standard_normal(20)[data["patient"]] + rng.standard_normal(80)
    return lmm("score ~ C(arm)", data, groups="patient")


def test_a_coefficient_keeps_what_the_model_says_of_it(model):
    found = row_estimates(model, model.coefficients)["C(arm)[T.b]"]
    row = model.coefficients.loc["C(arm)[T.b]"]
    assert (found.value, found.se, found.ci_low, found.ci_high) == tuple(row[["estimate", "se", "ci_low", "ci_high"]])
    assert (found.p_value, found.df) == (row["p_value"], row["df"])
    assert (found.n_patients, found.n_rows, found.method) == (20, 80, model.method)


def test_means_have_no_p_value_and_robust_rows_their_own_name(model):
    mean = row_estimates(model, estimated_means(model, "arm").table, "marginal mean")["a"]
    assert mean.p_value is None and mean.method.startswith("marginal mean; linear mixed model")
    robust = row_estimates(model, robust_coefficients(model), "CR2")["Intercept"]
    assert robust.method.startswith("CR2") and robust.se != row_estimates(model, model.coefficients)["Intercept"].se


def test_normal_limits_carry_no_degrees_of_freedom(model):
    table = model.coefficients.assign(df=math.inf)
    assert row_estimates(model, table)["Intercept"].df is None


def test_f_tests_name_their_degrees_of_freedom(model):
    table = type_three(model)
    found = f_estimates(model, table)["C(arm)"]
    assert found.value == table.loc["C(arm)", "f"] and found.p_value == table.loc["C(arm)", "p_value"]
    assert found.method.startswith("F test on 2 and 1") and math.isnan(found.ci_low)
