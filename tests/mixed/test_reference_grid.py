import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.design import build_design
from lumier_analysis.mixed.reference_grid import averaged_rows, cells_of, factor_levels, is_categorical, model_rows


@pytest.fixture
def design(fitted_data):
    return build_design("score ~ arm * C(month) + age", fitted_data)


def test_factors_and_covariates(design):
    assert factor_levels(design) == {"age": None, "arm": ["a", "b", "c"], "month": [0, 3, 6, 12]}
    assert is_categorical(design, "C(month)") and not is_categorical(design, "age")


def test_equal_weights_average_the_levels_and_put_covariates_at_their_mean(design, fitted_data):
    row = averaged_rows(design, cells_of(design, ["arm"], {}), "equal", {})[1]
    named = pd.Series(row, index=design.columns)
    assert named["Intercept"] == named["arm[T.b]"] == 1 and named["arm[T.c]"] == 0
    assert named["C(month)[T.6.0]"] == named["arm[T.b]:C(month)[T.6.0]"] == 0.25
    assert named["age"] == pytest.approx(fitted_data["age"].mean())


def test_observed_weights_average_the_rows(design, fitted_data):
    row = averaged_rows(design, cells_of(design, ["arm"], {}), "observed", {})[0]
    want = design.spec.get_model_matrix(fitted_data.assign(arm="a", month=fitted_data["month"].astype(float)))
    np.testing.assert_allclose(row, np.asarray(want).mean(axis=0))


def test_the_rows_of_the_fit_are_its_design(design):
    np.testing.assert_array_equal(model_rows(design, design.used), design.x)
    alone = build_design("score ~ 1", design.used)
    np.testing.assert_array_equal(model_rows(alone, pd.DataFrame(index=range(3))), np.ones((3, 1)))


def test_cells_vary_from_the_right(design):
    cells = cells_of(design, ["arm", "month"], {"month": [0, 12]})
    assert [tuple(c) for c in cells.to_numpy()] == [(a, m) for a in "abc" for m in (0, 12)]
    with pytest.raises(AnalysisError, match="no variable"):
        cells_of(design, ["visit"], {})
