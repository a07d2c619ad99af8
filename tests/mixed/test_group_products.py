from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.group_products import gram_schmidt, group_sums, in_rows, products, within
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


def test_orthonormal_columns_also_where_they_are_all_but_collinear() -> None:
    """As years as they are written beside an intercept."""
    rng = np.random.default_rng(2)
    for year in (0.0, 2020.0, 1e6, 1e9):
        x = np.column_stack([np.ones(50), year + rng.uniform(0, 3, 50), rng.standard_normal(50)])
        q, r = gram_schmidt(x)
        np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-13)
        np.testing.assert_allclose(q @ r, x, rtol=1e-12)
        np.testing.assert_array_equal(r, np.triu(r))
        np.testing.assert_allclose(np.abs(np.diag(np.linalg.qr(x)[1])), np.diag(r), rtol=1e-5)


def test_a_column_that_depends_on_others_has_nothing_on_the_diagonal() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 3)) * [1.0, 1e3, 1e-3]
    _, r = gram_schmidt(np.column_stack([x, x @ [0.3, 2.0, 7.0], np.zeros(40)]))
    assert r[3, 3] < 1e-14 * np.abs(r[:, 3]).max() and r[4, 4] == 0.0


def test_rows_hold_cholesky_factor_and_determinant() -> None:
    """Of groups of one row the determinant is zero."""
    _, x, z, codes = one_factor()
    a, _ = products(z, codes, 9, x)
    d, _, _ = within(z, codes, a, x)
    rows, columns = in_rows(a, d)
    for i in range(9):
        lower = np.array([[rows[4, i], 0.0], [rows[5, i], rows[6, i]]])
        np.testing.assert_allclose(lower @ lower.T, a[i], atol=1e-12)
        assert rows[3, i] == pytest.approx(0.0 if (codes == i).sum() == 1 else np.prod(np.diag(lower)) ** 2, rel=1e-9)
    np.testing.assert_array_equal(columns, d.transpose(2, 1, 0))
