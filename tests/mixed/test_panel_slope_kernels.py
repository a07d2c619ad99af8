import numpy as np
import pytest

from lumier_analysis.mixed import panel_slope_kernels as kernels
from lumier_analysis.mixed.panel_groups import group_parts, project
from tests.mixed import dense_model as dense


@pytest.fixture
def groups():
    rng = np.random.default_rng(2)
    codes = np.repeat(np.arange(7), [1, 2, 3, 4, 5, 3, 2])
    x, _ = np.linalg.qr(rng.standard_normal((codes.size, 3)))
    z = np.column_stack([np.ones(codes.size), rng.standard_normal(codes.size)])
    z[codes == 5, 1] = 0.7  # a group that cannot tell the effects apart
    y = rng.standard_normal(codes.size)
    y -= x @ (x.T @ y)
    return x, z, codes, y / np.linalg.norm(y)


def parts(x, z, codes, y):
    starts = np.searchsorted(codes, np.arange(codes.max() + 2))
    m = codes.max() + 1
    a, solve = np.empty((4, m)), np.empty((3, m))
    rank = group_parts(z, starts, a, solve)
    columns = np.ascontiguousarray(np.column_stack([x, y]).T)
    d = np.empty((len(columns), 2, m))
    project(z, starts, solve, columns, d)
    return a, d, columns @ columns.T, rank, columns


def evaluate(g, groups, restricted):
    x, y = groups[0], groups[3]
    a, d, w, *_ = parts(*groups)
    p, m, nu = x.shape[1], a.shape[1], float(len(y) - restricted * x.shape[1])
    first, r2_first, second = np.empty(3), np.empty(3), np.empty((3, 3))
    full = np.array([*g, g[0] * g[2] - g[1] ** 2])
    value, r2 = kernels.evaluate(
        full, a, d, w, nu, restricted, np.empty((3, m)), np.empty(m), np.empty((p + 1, 2, m)), np.empty((p + 1, 2, m)),
        np.empty((3, m)), np.zeros((p + 1, p + 1)), np.zeros((p, p)), np.empty((3, p + 1, p + 1)),
        first, r2_first, second,
    )  # fmt: skip
    return value, first, second - nu / r2**2 * np.outer(r2_first, r2_first), nu


def test_groups_leave_what_least_squares_leaves(groups):
    x, z, codes, y = groups
    *_, rank, rest = parts(*groups)
    z_all = np.zeros((len(y), 14))
    for i in range(7):
        z_all[codes == i, 2 * i : 2 * i + 2] = z[codes == i]
    assert rank == np.linalg.matrix_rank(z_all) == 12
    fitted = z_all @ np.linalg.lstsq(z_all, np.column_stack([x, y]), rcond=1e-12)[0]
    np.testing.assert_allclose(rest.T, np.column_stack([x, y]) - fitted, atol=1e-12)


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("g", [(0.5, 0.2, 0.9), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (40.0, -3.0, 7.0)])
def test_value_and_derivatives_are_those_of_dense_matrices(groups, g, restricted):
    x, z, codes, y = groups

    def plain(elements):
        v = np.eye(len(y)) + (codes[:, None] == codes) * (
            z @ np.array([[elements[0], elements[1]], [elements[1], elements[2]]]) @ z.T
        )
        solved = np.linalg.solve(v, np.column_stack([x, y]))
        k = np.column_stack([x, y]).T @ solved
        r2 = k[3, 3] - k[3, :3] @ np.linalg.solve(k[:3, :3], k[:3, 3])
        nu = len(y) - 3 * restricted
        return np.linalg.slogdet(v)[1] + nu * np.log(r2) + restricted * np.linalg.slogdet(k[:3, :3])[1]

    value, first, second, _ = evaluate(np.array(g), groups, restricted)
    np.testing.assert_allclose(value, plain(g), atol=1e-9)
    gradient, hessian = dense.differences(plain, np.array(g), 1e-3)
    size = 1 + np.abs(gradient).max()
    np.testing.assert_allclose(first, gradient, atol=2e-4 * size)
    np.testing.assert_allclose(second, hessian, atol=2e-3 * (1 + np.abs(hessian).max()))


def test_the_grid_gives_the_deviance_at_its_points(groups):
    from lumier_analysis.mixed.panel_slope_starts import StartGrid

    a, d, w, *_ = parts(*groups)
    grid = StartGrid(a, d[:3], w[:3, :3], float(len(groups[3]) - 3), True)
    values = grid.deviances(d[3:], w[3:, :3], w[3:, 3].ravel()[:1])[0]
    for place in (0, 17, 60, len(values) - 1):
        s1, b, s2 = grid.theta[place]
        g = np.array([s1**2, s1 * b, b**2 + s2**2])
        np.testing.assert_allclose(values[place], evaluate(g, groups, True)[0], atol=1e-9)
    starts = grid.starts(d[3:], w[3:, :3], w[3:, 3].ravel()[:1])[0]
    np.testing.assert_array_equal(starts[0], grid.theta[values.argmin()])
