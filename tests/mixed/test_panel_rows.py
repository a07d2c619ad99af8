import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.panel_rows import panel_rows, residuals


@pytest.fixture
def arrays():
    rng = np.random.default_rng(1)
    codes = np.array([2, 0, 1, 0, 2, 2, 1, 0, 1, 2])
    x = np.column_stack([np.ones(10), rng.normal(50, 3, 10)])
    return x, np.ones((10, 1)), codes, rng


def test_rows_stand_by_group_and_keep_their_order_within(arrays):
    x, z, codes, _ = arrays
    shared = panel_rows(x, z, codes, np.arange(1, 10))
    assert shared.rows.tolist() == [1, 3, 7, 2, 6, 8, 4, 5, 9]
    assert shared.starts.tolist() == [0, 3, 6, 9]
    np.testing.assert_allclose(
        shared.group_sums(x[shared.rows]), [x[[1, 3, 7]].sum(0), x[[2, 6, 8]].sum(0), x[[4, 5, 9]].sum(0)]
    )


def test_the_basis_is_that_of_x(arrays):
    x, z, codes, _ = arrays
    shared = panel_rows(x, z, codes, np.arange(10))
    np.testing.assert_allclose(x[shared.rows] @ shared.back, shared.basis, atol=1e-12)
    np.testing.assert_allclose(shared.log_scale, np.linalg.slogdet(x.T @ x)[1])


def test_residuals_are_those_of_least_squares_beside_a_mean_far_from_zero(arrays):
    x, z, codes, rng = arrays
    shared = panel_rows(x, z, codes, np.arange(10))
    noise = rng.standard_normal((3, 10))
    unit, coefficients, norm, explained = residuals(shared, 1e6 + noise)
    want = noise - noise @ shared.basis @ shared.basis.T
    np.testing.assert_allclose(unit * norm[:, None], want, atol=2e-9)  # rounding of 1e6
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1)
    np.testing.assert_allclose(shared.basis @ coefficients[0] + unit[0] * norm[0], 1e6 + noise[0])
    assert not explained.any()


def test_a_function_of_the_fixed_effects_is_explained(arrays):
    x, z, codes, _ = arrays
    shared = panel_rows(x, z, codes, np.arange(10))
    y = np.stack([x[shared.rows] @ [3.0, 0.1], np.arange(10.0)])
    assert residuals(shared, y)[3].tolist() == [True, False]


def test_rows_that_cannot_carry_the_model_are_refused(arrays):
    x, z, codes, _ = arrays
    with pytest.raises(AnalysisError, match="two groups"):
        panel_rows(x, z, codes, np.flatnonzero(codes == 2))
    with pytest.raises(AnalysisError, match="as many coefficients"):
        panel_rows(x, z, codes, np.array([0, 1]))
    x[:4, 1] = 5.0
    with pytest.raises(AnalysisError, match="collinear"):
        panel_rows(x, z, codes, np.arange(4))
    x[:4, 1] = 0.0
    with pytest.raises(AnalysisError, match="collinear"):
        panel_rows(x, z, codes, np.arange(4))
