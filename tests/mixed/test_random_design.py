import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.random_design import random_parts, random_rows, random_variance, require_columns


@pytest.mark.parametrize("random", ["1", "1 + month", "0 + month", "1 + np.log(month + 1)", "0 + C(month > 4)"])
def test_new_rows_have_the_columns_of_the_fit(fitted_data, random):
    model = lmm("score ~ age", fitted_data, groups="id", random=random, df="normal")
    (fitted, codes), (built,) = random_parts(model)[0], random_rows(model, fitted_data)
    np.testing.assert_allclose(built, fitted, atol=1e-12)
    assert codes.max() == 47


def test_names_in_backticks(fitted_data):
    model = lmm("score ~ age", fitted_data.rename(columns={"month": "a month"}), groups="id", random="1 + `a month`")
    (built,) = random_rows(model, pd.DataFrame({"a month": [2.0]}))
    np.testing.assert_array_equal(built, [[1, 2]])


def test_the_variance_is_that_of_the_random_effects(fitted_data):
    model = lmm("score ~ month", fitted_data, random={"centre": "1", "id": "1 + month"}, df="normal")
    variance = random_variance(model, [np.ones((1, 1)), np.array([[1.0, 6.0]])])
    g = model.random_covariance["id"].to_numpy()
    want = [model.random_covariance["centre"].iloc[0, 0], g[0, 0] + 12 * g[0, 1] + 36 * g[1, 1]]
    np.testing.assert_allclose(variance, [want])


def test_rows_without_a_column_or_value_are_refused():
    frame = pd.DataFrame({"a": [1.0, None]})
    require_columns(frame, [])
    for names, said in ((["b"], "without b"), (["a"], "missing values.*a")):
        with pytest.raises(AnalysisError, match=said):
            require_columns(frame, names)
