from __future__ import annotations

import numpy as np

from lumier_analysis.mixed.group_products import group_sums, products, within
from tests.mixed.lmm_problems import one_factor


def test_products_of_each_group() -> None:
    y, x, z, codes = one_factor()
    a, b = products(z, codes, 9, x)
    sums = group_sums(z, codes, 9, y[:, None])
    for i in range(9):
        own = codes == i
        np.testing.assert_allclose(a[i], z[own].T @ z[own], atol=1e-12)
        np.testing.assert_allclose(b[i], z[own].T @ x[own], atol=1e-12)
        np.testing.assert_allclose(sums[i, :, 0], z[own].T @ y[own], atol=1e-12)


def test_within_leaves_the_residuals_of_each_group() -> None:
    """Groups of one row have a singular Z'Z; their residual is zero, whichever solution is taken."""
    _, x, z, codes = one_factor()
    a, b = products(z, codes, 9, x)
    d, rest, rank = within(z, codes, a, x)
    assert rank == sum(min(2, (codes == i).sum()) for i in range(9))
    for i in range(9):
        own = codes == i
        np.testing.assert_allclose(a[i] @ d[i], b[i], atol=1e-10)
        expected = x[own] - z[own] @ np.linalg.lstsq(z[own], x[own], rcond=None)[0]
        np.testing.assert_allclose(rest[own], expected, atol=1e-10)
