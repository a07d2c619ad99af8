import numpy as np
import pytest
from scipy.optimize import minimize

from lumier_analysis.mixed.panel_rows import panel_rows, residuals
from lumier_analysis.mixed.panel_slope import SlopePanel
from tests.mixed import dense_model as dense

#: Sizes of the groups: rows that cannot tell intercept and slope apart are among them.
SIZES = [1, 2, 3, 4, 5, 5, 1, 2, 3, 4, 6, 3]


def fit(y, x, z, codes, reml=True):
    shared = panel_rows(x, z, codes, np.arange(len(x)))
    unit, coefficients, norm, _ = residuals(shared, y[:, shared.rows])
    found = SlopePanel(shared, reml=reml).fit(unit)
    sigma = np.sqrt(found["r2"] / (len(x) - x.shape[1] * reml)) * norm
    beta = coefficients @ shared.back.T + found["shift"] * norm[:, None]
    return found, sigma, beta, found["se"] * norm[:, None]


def simulated(kinds, seed=5):
    """Return responses whose intercepts and slopes have the given standard deviations and correlations."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(SIZES)), SIZES)
    month = np.concatenate([3.0 * np.arange(s) for s in SIZES]) + rng.uniform(-0.7, 0.7, codes.size)
    x = np.column_stack([np.ones(codes.size), month, codes % 2])
    y = []
    for s0, s1, r in kinds:
        u, v = rng.standard_normal((2, len(SIZES)))
        slope = r * u + np.sqrt(1 - r**2) * v
        y.append(8 + s0 * u[codes] + s1 * slope[codes] * month + 0.5 * rng.standard_normal(codes.size))
    return np.array(y), x, np.ascontiguousarray(x[:, :2]), codes


KINDS = [(0.6, 0.2, 0.3), (0.6, 0.0, 0.0), (0.0, 0.2, 0.0), (0.5, 0.1, 1.0), (0.5, 0.1, -1.0), (0.0, 0.0, 0.0)]


@pytest.mark.parametrize("reml", [True, False])
def test_no_other_optimiser_finds_a_better_point(reml):
    """Nelder-Mead on the dense likelihood, from the solution and from four other places."""
    y, x, z, codes = simulated(KINDS)
    found, *_ = fit(y, x, z, codes, reml)
    for i in range(len(y)):
        best = dense.deviance(found["theta"][i], None, y[i], x, z, codes, reml)
        for start in (found["theta"][i], [1.0, 0.0, 0.1], [0.1, 0.0, 1.0], [0.05, 0.0, 0.01], [1.0, 0.3, 0.001]):
            other = minimize(
                dense.deviance, start, (None, y[i], x, z, codes, reml), "Nelder-Mead",
                options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 300},
            )  # fmt: skip
            assert best <= other.fun + 2e-8
    assert (found["converged"] == 1).all()
    assert found["singular"].sum() >= 2
    assert (found["singular"] == 0).any()


@pytest.mark.parametrize("reml", [True, False])
def test_inference_is_that_of_dense_matrices(reml):
    y, x, z, codes = simulated(KINDS)
    found, sigma, beta, se = fit(y, x, z, codes, reml)
    compared = 0
    for i in range(len(y)):
        theta = found["theta"][i]
        v = dense.covariance(theta, z, codes)
        want = np.linalg.solve(x.T @ np.linalg.solve(v, x), x.T @ np.linalg.solve(v, y[i]))
        np.testing.assert_allclose(beta[i], want, atol=1e-8)
        np.testing.assert_allclose(se[i] ** 2, dense.variances(theta, sigma[i], x, z, codes), rtol=1e-8)
        _, hessian = dense.differences(
            lambda u, i=i: dense.deviance(u[:-1], u[-1], y[i], x, z, codes, reml), np.append(theta, sigma[i]), 1e-3
        )
        scale = np.sqrt(np.diag(hessian))
        # Where a direction is all but flat, differences do not tell it apart from rounding.
        if np.linalg.eigvalsh(hessian / np.outer(scale, scale))[0] > 1e-3:
            compared += 1
            df = dense.satterthwaite(theta, sigma[i], y[i], x, z, codes, reml)
            np.testing.assert_allclose(found["df"][i], df, rtol=2e-3)  # differences of differences
    assert compared >= 4


def test_units_of_the_slope_change_nothing_but_the_slope():
    y, x, z, codes = simulated(KINDS)
    found, sigma, beta, se = fit(y, x, z, codes)
    scale = np.array([1.0, 1 / 30.4, 1.0])
    days, sigma_d, beta_d, se_d = fit(1e5 * y, x / scale, z / scale[:2], codes)
    np.testing.assert_allclose(sigma_d, 1e5 * sigma, rtol=1e-7)
    np.testing.assert_allclose(se_d, 1e5 * se * scale, rtol=1e-6)
    np.testing.assert_allclose(beta_d, 1e5 * beta * scale, atol=1e-5)
    keep = found["singular"] == 0
    np.testing.assert_allclose(days["df"][keep], found["df"][keep], rtol=1e-5)


def test_near_singular_genes_converge_in_large_panels():
    """Intercept variance of zero: a lower triangular factor on fixed axes crawls along a bent valley here."""
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(100), 5)
    month = np.tile(3.0 * np.arange(5), 100) + rng.uniform(-0.5, 0.5, 500)
    x = np.column_stack([np.ones(500), month])
    slopes = 0.05 * rng.standard_normal((300, 100))
    y = slopes[:, codes] * month + rng.standard_normal((300, 500)) * 0.5
    found, *_ = fit(y, x, x, codes)
    assert (found["converged"] == 1).all()
    assert (found["singular"] == 1).mean() > 0.2


def test_the_higher_of_two_maxima_is_found_and_told():
    """A patient with two visits, one of them far off: her slope explains it, or the residual variance does."""
    rng = np.random.default_rng(9)
    sizes = [2] * 6 + [5] * 14
    codes = np.repeat(np.arange(20), sizes)
    month = np.concatenate([3.0 * np.arange(s) for s in sizes]) + rng.uniform(-0.5, 0.5, codes.size)
    x = np.column_stack([np.ones(codes.size), month])
    y = rng.standard_normal((400, codes.size))
    y[:, codes == 0] += np.array([0, 1.0]) * rng.uniform(0, 12, (400, 1))
    y += 0.5 * rng.standard_normal((400, 20))[:, codes]
    found, *_ = fit(y, x, x, codes)
    assert (found["converged"] == 1).all()
    told = np.flatnonzero(found["several"] > 0.1)
    assert told.size >= 3
    for i in told[:3]:
        best = dense.deviance(found["theta"][i], None, y[i], x, x, codes)
        ends = [
            minimize(dense.deviance, start, (None, y[i], x, x, codes), "Nelder-Mead").fun
            for start in ([0.1, 0.0, 0.01], [1.0, 0.0, 0.3], [2.0, -0.5, 1.0], [0.01, 0.2, 0.2])
        ]
        assert best <= min(ends) + 1e-7
        assert max(ends) > best + 0.1  # from some places the lower maximum is reached
