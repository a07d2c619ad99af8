import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.random_terms import least_squares_log_likelihood
from lumier_analysis.mixed.random_terms import test_random as drop_each

FORMULA = "score ~ arm * month + sex + age"


def test_it_drops_what_ranova_drops(fitted_data, r_says):
    table = drop_each(lmm(FORMULA, fitted_data, groups="id", random="1 + month"))
    want = r_says("ranova").loc["monthin(1+month|id)"]
    assert table.index.tolist() == ["month | id"]
    row = table.loc["month | id"]
    np.testing.assert_allclose(
        row[["log_likelihood", "statistic", "df"]].astype(float), want[["log_likelihood", "statistic", "df"]], rtol=1e-6
    )
    assert chi2.sf(row["statistic"], 2) == pytest.approx(want["p_naive"], rel=1e-4)
    assert row["p_value"] < want["p_naive"]


def test_two_factors_as_ranova(fitted_data, r_says):
    table = drop_each(lmm(FORMULA, fitted_data, random={"centre": "1", "id": "1"}))
    want = r_says("ranova both")
    for name in ("centre", "id"):
        row, r = table.loc[f"1 | {name}"], want.loc[f"(1|{name})"]
        np.testing.assert_allclose(row["log_likelihood"], r["log_likelihood"], rtol=1e-8)
        np.testing.assert_allclose(row["statistic"], r["statistic"], atol=1e-5)
        assert row["reference"] == "0.5 chi2(0) + 0.5 chi2(1)"


def test_the_last_random_effect_leaves_least_squares(fitted_data):
    for reml in (True, False):
        model = lmm(FORMULA, fitted_data, groups="id", reml=reml)
        row = drop_each(model).loc["1 | id"]
        assert row["log_likelihood"] == least_squares_log_likelihood(model.design.y, model.design.x, reml)
    assert row["log_likelihood"] == pytest.approx(sm.OLS(model.design.y, model.design.x).fit().llf)


def test_a_factor_slope_is_one_term(fitted_data):
    table = drop_each(lmm("score ~ month", fitted_data, groups="id", random="1 + C(month > 4)", df="normal"))
    assert table.index.tolist() == ["C(month > 4) | id"] and table["df"].iloc[0] == 2


def test_independent_effects_lose_one_parameter(fitted_data):
    row = drop_each(lmm("score ~ month", fitted_data, groups="id", random="1 + month", correlated=False)).iloc[0]
    assert (row["df"], row["reference"]) == (1, "0.5 chi2(0) + 0.5 chi2(1)")


def test_other_models_are_refused(fitted_data, least_squares):
    with pytest.raises(UsageError, match="lmm"):
        drop_each(least_squares("score ~ month", fitted_data))
