import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.design import build_design, group_codes, random_columns


@pytest.fixture
def data():
    return pd.DataFrame(
        {
            "score": [0.1, 1.2, 0.7, 2.2, 1.1, 0.4, 0.9, 1.6],
            "month": [0.0, 3, 6, 0, 3, 6, 0, 3],
            "arm": ["a", "a", "a", "b", "b", "b", "c", "c"],
            "patient": ["p1", "p1", "p1", "p2", "p2", "p2", "p3", "p3"],
        }
    )


def test_columns_and_terms_are_named_as_in_the_formula(data):
    d = build_design("score ~ C(arm) + month", data)
    assert d.columns == ("Intercept", "C(arm)[T.b]", "C(arm)[T.c]", "month")
    assert d.terms == {"Intercept": (0,), "C(arm)": (1, 2), "month": (3,)}
    assert d.response == "score" and d.y.tolist() == data["score"].tolist()
    assert d.x[:, 3].tolist() == data["month"].tolist()


def test_rows_with_a_missing_value_are_left_out_and_counted(data):
    data.loc[2, "score"], data.loc[4, "month"], data.loc[7, "patient"] = np.nan, np.nan, None
    d = build_design("score ~ 1", data, others=["patient"], random=["1 + month"])
    assert (d.n_dropped, len(d.used), d.used.index.tolist()) == (3, 5, [0, 1, 3, 5, 6])


@pytest.mark.parametrize("types", [{"score": "Float64", "month": "Int64"}, {"score": "float32", "month": "int8"}])
def test_types_of_pandas_make_no_difference(data, types):
    plain = build_design("score ~ month + arm", data)
    typed = build_design("score ~ month + arm", data.astype(types | {"arm": "string"}))
    assert typed.columns == plain.columns
    np.testing.assert_allclose(typed.x, plain.x)
    np.testing.assert_allclose(typed.y, plain.y, rtol=1e-6)


def test_a_category_without_a_row_is_no_column(data):
    data["arm"] = pd.Categorical(data["arm"], categories=["z", "c", "b", "a"])
    d = build_design("score ~ arm", data)
    assert d.columns == ("Intercept", "arm[T.b]", "arm[T.a]")


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("score ~ month + nothing", "lacks columns.*without nothing"),
        ("score ~ month +", "cannot be built"),
        ("arm ~ month", "arm is not a number.*3 columns"),
        ("score ~ month + I(2 * month)", r"collinear.*(month|I\(2 \* month\)) follow"),
        ("score ~ arm * C(month) + patient", "collinear.*follow from the others"),
        ("score ~ C(patient) * C(month)", "collinear|as many coefficients"),
        ("I(0 * month) ~ arm", "constant: there is nothing to model"),
    ],
)
def test_what_cannot_be_fitted_is_said(data, formula, said):
    with pytest.raises(AnalysisError, match=said):
        build_design(formula, data)


def test_infinite_and_absent_values_are_said(data):
    with pytest.raises(AnalysisError, match=r"infinite values.*1 rows"):
        build_design("score ~ month", data.assign(score=[np.inf, *data["score"][1:]]))
    with pytest.raises(AnalysisError, match="no row has every variable"):
        build_design("score ~ month", data.assign(month=np.nan))
    with pytest.raises(AnalysisError, match=r"not finite.*month"):
        build_design("score ~ month", data.assign(month=[np.inf, *data["month"][1:]]))


def test_random_effects_have_their_own_columns(data):
    z, names = random_columns("1 + month", data)
    assert names == ("Intercept", "month") and z[:, 1].tolist() == data["month"].tolist()
    assert random_columns("0 + month", data)[1] == ("month",)
    with pytest.raises(AnalysisError, match="no column"):
        random_columns("0", data)
    with pytest.raises(AnalysisError, match="collinear"):
        random_columns("1 + month + I(month + 1)", data)


def test_labels_of_groups_are_of_any_type(data):
    codes, labels = group_codes(data["patient"], "patient")
    assert codes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2] and labels == ("p1", "p2", "p3")
    numbers, _ = group_codes(pd.Series([12, 12, 7, 7]), "patient")
    assert numbers.tolist() == [0, 0, 1, 1]
    assert group_codes(pd.Series([12.0, 12, 7, 7]), "patient")[1] == ("12", "7")
    with pytest.raises(AnalysisError, match="two levels of patient"):
        group_codes(data["patient"].head(3), "patient")
