import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.type_three import type_three


def test_it_agrees_with_car(fitted_data, r_says, least_squares):
    table = type_three(least_squares("score ~ arm * visit + sex + age", fitted_data))
    want = r_says("ols type three")
    assert table.index.tolist() == ["arm", "visit", "sex", "age", "arm:visit"]
    for column in ("df_num", "f", "p_value"):
        np.testing.assert_allclose(table[column], want.loc[table.index, column], rtol=1e-8)
    np.testing.assert_allclose(table["df_den"], len(fitted_data) - 14, rtol=1e-8)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize(
    ("name", "formula", "random"),
    [("fit", "score ~ arm * visit + sex + age", "1"), ("slope", "score ~ arm * month + sex + age", "1 + month")],
)
def test_it_agrees_with_lmertest(fitted_data, r_says, df, name, formula, random):
    table = type_three(lmm(formula, fitted_data, groups="id", random=random, df=df))
    want = r_says(f"{name} type three {df}").loc[table.index]
    np.testing.assert_allclose(table, want[table.columns], rtol=2e-4)


@pytest.mark.parametrize(
    ("formula", "places"),
    [
        ("C(arm, contr.sum) * C(visit, contr.helmert) + age", [0, 1, 2, 3]),
        ('C(arm, contr.treatment("c")) * C(visit) + age', [0, 1, 2, 3]),
        ("C(arm) * C(month) + age", [0, 1, 2, 3]),
        ("visit * arm + age", [1, 0, 2, 3]),
    ],
)
def test_it_does_not_depend_on_the_coding(fitted_data, least_squares, formula, places):
    plain = type_three(least_squares("score ~ arm * visit + age", fitted_data))
    coded = type_three(least_squares("score ~ " + formula, fitted_data))
    np.testing.assert_allclose(coded.iloc[places], plain, rtol=1e-7)


def test_without_intercept_the_interaction_keeps_its_test(fitted_data, least_squares):
    plain = type_three(least_squares("score ~ arm * visit + age", fitted_data))
    coded = type_three(least_squares("score ~ 0 + arm * visit + age", fitted_data))
    np.testing.assert_allclose(coded.loc["arm:visit"], plain.loc["arm:visit"], rtol=1e-7)


def test_a_main_effect_beside_a_covariate_is_taken_at_its_zero(fitted_data, least_squares):
    at_zero = type_three(least_squares("score ~ arm * month", fitted_data))
    later = type_three(least_squares("score ~ arm * month", fitted_data.assign(month=fitted_data["month"] - 6)))
    np.testing.assert_allclose(at_zero.loc[["month", "arm:month"]], later.loc[["month", "arm:month"]], rtol=1e-7)
    assert abs(at_zero.loc["arm", "f"] - later.loc["arm", "f"]) > 0.01


def test_in_a_balanced_design_it_is_the_classical_table(least_squares):
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"a": np.repeat(["p", "q", "r"], 20), "b": np.tile(["x", "y"], 30), "y": rng.normal(size=60)})
    table = type_three(least_squares("y ~ a * b", data))
    cells = data.groupby(["a", "b"])["y"].transform("mean")
    error = ((data["y"] - cells) ** 2).sum() / 54
    means = data.groupby("a")["y"].transform("mean") - data["y"].mean()
    assert table.loc["a", "f"] == pytest.approx((means**2).sum() / 2 / error)


def test_models_without_such_a_table_are_refused(fitted_data, least_squares):
    with pytest.raises(AnalysisError, match="intercept alone"):
        type_three(least_squares("score ~ 1", fitted_data))


def test_names_in_backticks(fitted_data, least_squares):
    plain = type_three(least_squares("score ~ arm * age + C(visit)", fitted_data))
    data = fitted_data.rename(columns={"arm": "the arm", "age": "her age", "visit": "a visit"})
    quoted = type_three(least_squares("score ~ `the arm` * `her age` + C(`a visit`)", data))
    np.testing.assert_allclose(quoted, plain)
    assert quoted.index[0] == "the arm"
