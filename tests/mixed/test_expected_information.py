from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.arranged import arrange
from lumier_analysis.mixed.expected_information import information
from tests.mixed.lmm_problems import one_factor, relative_covariance


@pytest.mark.parametrize("restricted", [True, False])
def test_information_is_that_of_the_full_matrices(restricted: bool) -> None:
    y, x, z, codes = one_factor()
    arrays = arrange(x, z, codes)
    theta = np.array([0.8, -0.3, 0.5])
    columns = arrays.z[0] @ np.linalg.inv(arrays.turns[0])
    got = information(
        arrays.problem(y).blocks.traces(theta, arrays.structure), arrays.structure.elements(theta), len(y), restricted
    )
    v = relative_covariance([columns], [codes], arrays.structure.factors(theta))
    middle = np.linalg.inv(v)
    if restricted:
        middle -= middle @ x @ np.linalg.solve(x.T @ middle @ x, x.T @ middle)
    same, units = codes[:, None] == codes[None, :], ([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])
    changes = [*(columns @ np.array(u, float) @ columns.T * same for u in units), np.eye(len(y))]
    expected = [[np.trace(middle @ a @ middle @ b) for b in changes] for a in changes]
    np.testing.assert_allclose(got, expected, rtol=1e-8)
