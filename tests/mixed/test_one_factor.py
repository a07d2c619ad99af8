from __future__ import annotations

import numpy as np

from lumier_analysis.mixed import one_factor as kernels
from lumier_analysis.mixed.group_products import products, within
from tests.mixed.lmm_problems import one_factor


def test_products_stay_exact_where_random_effects_are_large() -> None:
    """X'V^-1X of a constant is about groups / G; products less what G explains would be all rounding."""
    _, x, z, codes = one_factor()
    x, z = x[:, :1], z[:, :1]
    a, b = products(z, codes, 9, x)
    d, rest, _ = within(z, codes, a, x)
    g = 1e14
    _, _, _, k = kernels.sweep(a, b, d, rest.T @ rest, np.array([[g]]))
    np.testing.assert_allclose(k[0, 0], 9 / g, rtol=1e-10)


def test_a_response_that_cannot_be_solved_for_is_nan() -> None:
    assert np.isnan(kernels.solve_mean(np.array([[-1.0, 0.0], [0.0, 1.0]]))[3])
