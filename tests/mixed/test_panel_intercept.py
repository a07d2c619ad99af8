import numpy as np
import pytest

from lumier_analysis.mixed.panel_intercept import InterceptPanel
from lumier_analysis.mixed.panel_rows import panel_rows, residuals
from tests.mixed import dense_model as dense


def fit(y, x, z, codes, reml=True):
    shared = panel_rows(x, z, codes, np.arange(len(x)))
    unit, coefficients, norm, _ = residuals(shared, y[:, shared.rows])
    found = InterceptPanel(shared, reml=reml).fit(unit)
    sigma = np.sqrt(found["r2"] / (len(x) - x.shape[1] * reml)) * norm
    beta = coefficients @ shared.back.T + found["shift"] * norm[:, None]
    return found, sigma, beta, found["se"] * norm[:, None]


@pytest.fixture
def unbalanced():
    rng = np.random.default_rng(11)
    codes = np.repeat(np.arange(12), [1, 2, 3, 4, 5, 5, 1, 2, 3, 4, 2, 3])
    x = np.column_stack([np.ones(codes.size), rng.standard_normal(codes.size), codes % 2])
    sd = np.array([0.0, 0.0, 0.0, 0.0, 0.3, 1.0, 3.0, 30.0])
    y = 5 + sd[:, None] * rng.standard_normal((8, 12))[:, codes] + rng.standard_normal((8, codes.size))
    return y, x, codes


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("column", ["ones", "time"])
def test_no_point_of_a_fine_grid_is_better_and_inference_is_that_of_dense_matrices(unbalanced, reml, column):
    y, x, codes = unbalanced
    z = x[:, :1] if column == "ones" else np.ascontiguousarray(x[:, 1:2])
    found, sigma, beta, se = fit(y, x, z, codes, reml)
    at_boundary = 0
    for i in range(len(y)):
        theta = found["theta"][i]
        best = dense.deviance(theta, None, y[i], x, z, codes, reml)
        grid = [dense.deviance([t], None, y[i], x, z, codes, reml) for t in np.r_[0, np.geomspace(1e-3, 1e3, 60)]]
        assert best <= min(grid) + 1e-9
        v = dense.covariance(theta, z, codes)
        want = np.linalg.solve(x.T @ np.linalg.solve(v, x), x.T @ np.linalg.solve(v, y[i]))
        np.testing.assert_allclose(beta[i], want, atol=1e-8)
        np.testing.assert_allclose(se[i] ** 2, dense.variances(theta, sigma[i], x, z, codes), rtol=1e-8)
        df = dense.satterthwaite(theta, sigma[i], y[i], x, z, codes, reml)
        np.testing.assert_allclose(found["df"][i], df, rtol=1e-3)  # differences of differences
        at_boundary += theta[0] == 0
    assert at_boundary
    assert (found["converged"] == 1).all()


def test_at_the_boundary_degrees_of_freedom_are_those_of_least_squares(unbalanced):
    """theta = 0 has no first-order influence on the variance of a coefficient: only sigma's n - p degrees are left."""
    y, x, codes = unbalanced
    found, *_ = fit(y, x, x[:, :1], codes)
    zero = found["theta"][:, 0] == 0
    assert zero.any()
    np.testing.assert_allclose(found["df"][zero], len(x) - 3)


def test_the_higher_of_two_maxima_is_found():
    """A likelihood with two maxima, the second at zero variance: groups of very different size disagree about it."""
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(8), [40, 40, 1, 1, 1, 1, 1, 1])
    x = np.ones((codes.size, 1))
    several = 0
    grid = np.r_[0, np.geomspace(1e-2, 1e2, 160)]
    for _ in range(60):
        y = rng.standard_normal((1, codes.size))
        y[0, 80:] *= 6
        values = np.array([dense.deviance([t], None, y[0], x, x, codes) for t in grid])
        inner = np.r_[np.inf, values, np.inf]
        several += ((inner[1:-1] < inner[:-2]) & (inner[1:-1] < inner[2:])).sum() > 1
        found, *_ = fit(y, x, x, codes)
        assert dense.deviance(found["theta"][0], None, y[0], x, x, codes) <= values.min() + 1e-9
    assert several  # the case was met


def test_what_group_effects_leave_is_reported(unbalanced):
    y, x, codes = unbalanced
    constant_within = np.random.default_rng(0).standard_normal(12)[codes][None] + 0.5 * x[:, 1]
    found, *_ = fit(np.concatenate([y[:1], constant_within]), x, x[:, :1], codes)
    assert found["least"][0] > 0.1
    assert abs(found["least"][1]) < 1e-12
