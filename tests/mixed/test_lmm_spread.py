from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.fit_lmm import LmmFit, fit_lmm
from lumier_analysis.mixed.lmm_spread import kenward_roger_spread, plain_spread, satterthwaite_spread
from lumier_analysis.mixed.small_sample import kenward_roger_covariance, satterthwaite_df
from tests.mixed.lmm_problems import one_factor, relative_covariance, slope, three_factors

MODELS = {"one": one_factor, "three": three_factors}


def fitted(name: str, reml: bool = True) -> tuple[LmmFit, np.ndarray, np.ndarray, list, list]:
    y, x, z, codes = MODELS[name]()
    fit = fit_lmm(y, x, z, codes, reml=reml)
    return fit, y, x, z if isinstance(z, list) else [z], codes if isinstance(codes, list) else [codes]


def outer(fit: LmmFit, inner: np.ndarray) -> np.ndarray:
    """Return lme4's theta from that on orthogonal columns."""
    return np.linalg.solve(fit.problem.arrays.inner, inner) / fit.problem.arrays.scales


def precision(fit: LmmFit, x: np.ndarray, zs: list, cs: list, parameters: np.ndarray) -> np.ndarray:
    """Return X' V^-1 X at theta on orthogonal columns and the residual standard deviation."""
    theta = outer(fit, parameters[:-1])
    v = relative_covariance(zs, cs, fit.problem.arrays.structure.factors(theta))
    return x.T @ np.linalg.solve(v, x) / parameters[-1] ** 2


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("reml", [True, False])
def test_satterthwaite_arrays_by_differences(name: str, reml: bool) -> None:
    fit, y, x, zs, cs = fitted(name, reml)
    spread = satterthwaite_spread(fit)
    unit = fit.problem.unit
    at = np.append(fit.inner, np.sqrt(fit.residual_variance))

    def deviance(parameters: np.ndarray) -> float:
        theta, sigma = outer(fit, parameters[:-1]), parameters[-1]
        v = relative_covariance(zs, cs, fit.problem.arrays.structure.factors(theta)) * sigma**2
        gram = x.T @ np.linalg.solve(v, x)
        rest = y - x @ np.linalg.solve(gram, x.T @ np.linalg.solve(v, y))
        value = np.linalg.slogdet(v)[1] + rest @ np.linalg.solve(v, rest)
        return float(value + (np.linalg.slogdet(gram)[1] if reml else 0.0))

    np.testing.assert_allclose(np.linalg.inv(spread.phi), precision(fit, x, zs, cs, at), rtol=1e-8)
    hessian = slope(lambda p: slope(deviance, p, 1e-4), at, 1e-4)
    units = np.append(np.ones(len(at) - 1), unit)
    if not fit.singular:
        got = spread.w * np.outer(units, units)
        np.testing.assert_allclose(got, 2 * np.linalg.inv(hessian), rtol=2e-3, atol=1e-5)
    expected = slope(lambda p: precision(fit, x, zs, cs, p), at) * units[:, None, None]
    np.testing.assert_allclose(spread.slopes, expected, rtol=1e-5, atol=1e-6)


def test_kenward_roger_leaves_balanced_data_alone() -> None:
    """In a balanced one-way layout the adjustment is zero and the degrees of freedom are groups less one."""
    rng = np.random.default_rng(4)
    codes, ones = np.repeat(np.arange(10), 3), np.ones((30, 1))
    fit = fit_lmm(2 * rng.standard_normal(10)[codes] + rng.standard_normal(30), ones, ones, codes)
    s = kenward_roger_spread(fit)
    assert s.curves is not None
    np.testing.assert_allclose(kenward_roger_covariance(s.phi, s.slopes, s.w, s.curves), s.phi, rtol=1e-7)
    assert satterthwaite_df(np.ones(1), s.phi, s.slopes, s.w) == pytest.approx(9.0)
    s = satterthwaite_spread(fit)
    assert satterthwaite_df(np.ones(1), s.phi, s.slopes, s.w) == pytest.approx(9.0)


@pytest.mark.parametrize("name", MODELS)
def test_all_agree_on_phi(name: str) -> None:
    fit, *_ = fitted(name)
    phi = plain_spread(fit).phi
    for make in (satterthwaite_spread, kenward_roger_spread):
        np.testing.assert_allclose(make(fit).phi, phi)


def test_a_variance_of_zero_leaves_the_residual_degrees_of_freedom() -> None:
    codes, ones = np.repeat(np.arange(6), 4), np.ones((24, 1))
    y = np.tile([1.0, -1.0, 2.0, -2.0], 6) + 0.001 * np.arange(24) % 0.004
    s = satterthwaite_spread(fit_lmm(y, ones, ones, codes))
    assert satterthwaite_df(np.ones(1), s.phi, s.slopes, s.w) == pytest.approx(23.0)
