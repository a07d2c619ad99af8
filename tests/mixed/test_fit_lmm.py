from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.fit_lmm import arrange, fit_lmm
from tests.mixed.lmm_problems import one_factor, relative_covariance, three_factors


@pytest.mark.parametrize("reml", [True, False])
def test_another_optimiser_finds_nothing_better(reml: bool) -> None:
    for make in (one_factor, three_factors):
        y, x, z, codes = make()
        problem = arrange(x, z, codes).problem(y, reml=reml)
        fit = problem.fit()
        start = problem.arrays.structure.on_diagonal * 0.7
        simplex = minimize(problem.deviance, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-8})
        assert fit.converged
        assert -2 * fit.log_likelihood <= simplex.fun + 1e-8
        assert -2 * fit.log_likelihood == pytest.approx(problem.deviance(fit.theta), abs=1e-9)


def test_estimates_are_generalised_least_squares() -> None:
    y, x, z, codes = one_factor()
    fit = fit_lmm(y, x, z, codes)
    inverse = np.linalg.inv(relative_covariance([z], [codes], fit.problem.arrays.structure.factors(fit.theta)))
    beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y)
    np.testing.assert_allclose(fit.beta, beta, rtol=1e-9)
    rest = y - x @ beta
    assert fit.residual_variance == pytest.approx(rest @ inverse @ rest / (len(y) - 3), rel=1e-9)
    (t,) = fit.problem.arrays.structure.factors(fit.theta)
    np.testing.assert_allclose(fit.random_covariance[0], fit.residual_variance * t @ t.T)


@pytest.mark.parametrize("scale", [1e6, 1e-6])
def test_units_decide_nothing(scale: float) -> None:
    y, x, z, codes = one_factor()
    plain = fit_lmm(y, x, z, codes)
    response = fit_lmm(y * scale + 5 * scale, x, z, codes)
    np.testing.assert_allclose(response.theta, plain.theta, rtol=1e-7)
    np.testing.assert_allclose(response.beta / scale - [5, 0, 0], plain.beta, rtol=1e-7)
    np.testing.assert_allclose(response.residual_variance / scale**2, plain.residual_variance, rtol=1e-8)
    units = np.array([1.0, scale])
    column = fit_lmm(y, x * np.append(units, 1), z * units, codes)
    np.testing.assert_allclose(column.theta * [1, scale, scale], plain.theta, rtol=1e-6)
    np.testing.assert_allclose(column.beta * np.append(units, 1), plain.beta, rtol=1e-7)
    assert response.singular == column.singular == plain.singular


@pytest.mark.parametrize("year", [100.0, 2020.0, 1e5])
def test_the_origin_of_time_decides_nothing(year: float) -> None:
    """With years as they are written, intercept and slope of a patient are all but collinear."""
    y, x, z, codes = one_factor(5, 40)
    move = np.array([[1.0, year], [0.0, 1.0]])
    plain, later = fit_lmm(y, x[:, :2], z, codes), fit_lmm(y, x[:, :2] @ move, z @ move, codes)
    assert later.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
    assert later.singular == plain.singular
    np.testing.assert_allclose(later.fitted[1], plain.fitted[1], atol=1e-6)
    np.testing.assert_allclose(later.beta[1], plain.beta[1], rtol=1e-6)


def test_order_of_rows_and_numbers_of_groups_decide_nothing() -> None:
    y, x, z, codes = one_factor()
    order = np.random.default_rng(1).permutation(len(y))
    plain, mixed = fit_lmm(y, x, z, codes), fit_lmm(y[order], x[order], z[order], 8 - codes[order])
    np.testing.assert_allclose(mixed.theta, plain.theta, rtol=1e-6)
    np.testing.assert_allclose(mixed.modes[0], plain.modes[0][::-1], atol=1e-6)


def test_refit_of_another_response_equals_a_new_fit() -> None:
    y, x, z, codes = one_factor()
    other = y + np.random.default_rng(3).standard_normal(len(y))
    arrays = arrange(x, z, codes)
    first = arrays.problem(y).fit()
    again, new = arrays.problem(other).fit(start=first.theta), fit_lmm(other, x, z, codes)
    assert again.log_likelihood == pytest.approx(new.log_likelihood, abs=1e-9)
    np.testing.assert_allclose(again.theta, new.theta, atol=1e-6)


def test_zero_between_groups_is_a_result() -> None:
    """Residuals that alternate within groups leave nothing between them: OLS, theta exactly 0."""
    codes = np.repeat(np.arange(6), 4)
    y = np.tile([1.0, -1.0, 2.0, -2.0], 6) + 0.001 * np.arange(24) % 0.004
    ones = np.ones((24, 1))
    fit = fit_lmm(y, ones, ones, codes)
    assert fit.singular and fit.converged
    np.testing.assert_array_equal(fit.theta, [0.0])
    assert fit.residual_variance == pytest.approx(np.var(y, ddof=1))


def test_perfect_correlation_is_singular() -> None:
    rng = np.random.default_rng(6)
    codes = np.repeat(np.arange(30), 5)
    time = np.tile(np.arange(5.0), 30)
    u = rng.standard_normal(30)[codes]
    y = u + 0.5 * u * time + rng.standard_normal(150)
    x = np.column_stack([np.ones(150), time])
    fit = fit_lmm(y, x, x, codes)
    if fit.singular:
        g = fit.random_covariance[0]
        assert abs(g[0, 1]) / np.sqrt(g[0, 0] * g[1, 1]) == pytest.approx(1.0, abs=1e-6)
    assert fit.converged


def test_very_large_random_effects() -> None:
    """Between-group variance 10^10 times the residual's: the balanced ANOVA estimates in closed form."""
    rng = np.random.default_rng(2)
    codes = np.repeat(np.arange(20), 4)
    y = 1e5 * rng.standard_normal(20)[codes] + rng.standard_normal(80)
    ones = np.ones((80, 1))
    fit = fit_lmm(y, ones, ones, codes)
    table = y.reshape(20, 4)
    inside = table.var(axis=1, ddof=1).mean()
    assert fit.residual_variance == pytest.approx(inside, rel=1e-5)
    assert fit.random_covariance[0][0, 0] == pytest.approx(table.mean(axis=1).var(ddof=1) - inside / 4, rel=1e-8)


def test_one_row_a_group_cannot_be_told_from_the_residual() -> None:
    y, x, z, _ = one_factor()
    with pytest.raises(AnalysisError, match=r"cannot be told apart.*one row a group 1"):
        fit_lmm(y, x, z[:, :1], np.arange(len(y)))


def test_more_random_effects_than_rows_in_every_group() -> None:
    """Two visits on the same days: three variances and a covariance of a 2 x 2 matrix."""
    rng = np.random.default_rng(1)
    codes, time = np.repeat(np.arange(12), 2), np.tile([0.0, 1.0], 12)
    x = np.column_stack([np.ones(24), time])
    with pytest.raises(AnalysisError, match="cannot be told apart"):
        fit_lmm(rng.standard_normal(24), x, x, codes)
    assert fit_lmm(rng.standard_normal(24), x, x[:, :1], codes).converged


def test_random_effects_that_are_fixed_effects_too() -> None:
    """A dummy a patient takes all between patients; restricted likelihood says nothing on their variance."""
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(5), 4)
    dummies = np.eye(5)[codes]
    with pytest.raises(AnalysisError, match="cannot be told apart"):
        fit_lmm(rng.standard_normal(20), dummies, np.ones((20, 1)), codes)
    assert fit_lmm(rng.standard_normal(20), dummies, np.ones((20, 1)), codes, reml=False).singular


def test_zero_residual_variance() -> None:
    y, x, z, codes = one_factor()
    level = np.random.default_rng(1).standard_normal(9)[codes]
    with pytest.raises(AnalysisError, match="residual variance is zero"):
        fit_lmm(x[:, 1] + level, x, z[:, :1], codes)
    with pytest.raises(AnalysisError, match="residual variance is zero"):
        fit_lmm(x[:, 1] + level, x, [z[:, :1], np.ones((len(y), 1))], [codes, np.arange(len(y)) % 3])
    with pytest.raises(AnalysisError, match="explain the response exactly"):
        fit_lmm(x @ [1.0, 2.0, 3.0], x, z[:, :1], codes)


def test_two_groups() -> None:
    y, x, z, codes = one_factor()
    fit = fit_lmm(y, x[:, :2], z[:, :1], codes % 2)
    assert fit.converged


def test_arguments_that_cannot_be_taken() -> None:
    y, x, z, codes = one_factor()
    with pytest.raises(AnalysisError, match="one finite number a row"):
        fit_lmm(np.where(codes == 1, np.nan, y), x, z, codes)
    with pytest.raises(UsageError):
        fit_lmm(y, x, [z], [codes, codes])
    for no_matrix in (x[:, :0], x[:, 0]):
        with pytest.raises(UsageError, match="one column at least"):
            fit_lmm(y, no_matrix, z, codes)
    with pytest.raises(UsageError, match="whole numbers"):
        fit_lmm(y, x, z, codes - 1)
    with pytest.raises(AnalysisError, match="collinear"):
        fit_lmm(y, np.column_stack([x, x[:, 0] + x[:, 1]]), z, codes)
    with pytest.raises(AnalysisError, match="zero on every row"):
        fit_lmm(y, x, z * [1, 0], codes)
