"""A mixed model whose residual standard deviation differs between groups of rows (arms, centres, plates)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import chi2, norm

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.mixed.design import build_design, group_codes, random_columns
from lumier_analysis.mixed.fit_lmm import Floats, Ints, LmmFit, Problem, arrange
from lumier_analysis.mixed.model import FittedModel, Spread
from lumier_analysis.mixed.small_sample import check_method

# A residual standard deviation this many times another (on the log scale) has no interior estimate.
_ENDLESS = 8.0
_STEP = 1e-4  # of numerical derivatives; errors are of its square


@dataclass(frozen=True, kw_only=True, repr=False)
class HeteroscedasticModel(FittedModel):
    """A fitted mixed model with a residual standard deviation for each group of rows.

    Attributes
    ----------
    residual_sd : DataFrame
        Index: group. sd, ratio (to the first group), ci_low, ci_high of the ratio (Wald on the log scale), n_rows.
    equal_variances : Estimate
        Likelihood-ratio statistic of one residual variance against one a group, with its p-value.
    random_covariance : DataFrame
        In squared units of the response.
    """

    residual_sd: pd.DataFrame
    equal_variances: Estimate
    random_covariance: pd.DataFrame


def heteroscedastic_lmm(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str,
    by: str,
    random: str = "1",
    reml: bool = True,
    df: str = "satterthwaite",
    level: float = 0.95,
) -> HeteroscedasticModel:
    """Fit a linear mixed model with a residual variance for each level of a column.

    Rows are divided by the ratio of their residual standard deviation to the first group's, which leaves a model of
    equal variances; the ratios maximise what is then the likelihood (nlme's varIdent).

    Parameters
    ----------
    formula, data, groups, random, reml, level
        As in `lmm`.
    by : str
        Column whose levels have residual variances of their own; the first in sorted (or category) order is the
        reference.
    df : {"satterthwaite", "normal"}
        The ratios are among the parameters whose uncertainty Satterthwaite's degrees of freedom take in.

    Raises
    ------
    AnalysisError
        As `lmm`; fewer than two levels of `by`, or a residual variance without bound.
    UsageError
        Kenward-Roger, which is not defined here.
    """
    method = check_method(df, ("satterthwaite", "normal"))
    design = build_design(formula, data, others=[groups, by], random=[random])
    if not design.response:
        raise UsageError("the formula has no response", found=repr(formula), fix="score ~ month")
    z, effects = random_columns(random, design.used)
    codes, _ = group_codes(design.used[groups], groups)
    strata, names = _strata(design.used[by], by)

    def problem(deltas: Floats) -> Problem:
        scale = np.exp(-np.concatenate([[0.0], deltas]))[strata]
        arrays = arrange(design.x * scale[:, None], z * scale[:, None], codes, names=[groups])
        return arrays.problem(design.y * scale, reml=reml)

    sizes = np.bincount(strata).astype(np.float64)
    equal = problem(np.zeros(len(names) - 1)).fit()
    theta = [equal.theta]

    def deviance(deltas: Floats) -> float:
        if np.abs(deltas).max() > _ENDLESS:
            return np.inf
        fit = problem(deltas).fit(theta[0])
        theta[0] = fit.theta
        return -2 * fit.log_likelihood + 2 * float(sizes[1:] @ deltas)

    found = minimize(
        deviance,
        _start(design.y - equal.fitted[1], strata),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-10},
    )
    deltas = np.asarray(found.x, dtype=np.float64)
    if not found.success or np.abs(deltas).max() > 0.9 * _ENDLESS:
        raise AnalysisError(
            f"the residual variances by {by} have no estimate",
            found=", ".join(f"{n}: {int(k)} rows" for n, k in zip(names, sizes, strict=True)),
            fix="join small groups, or fit one residual variance",
        )
    fit = problem(deltas).fit()
    at = np.concatenate([fit.theta, [np.log(fit.residual_variance) / 2], deltas])
    hessian, slopes = _derivatives(problem, sizes, at, fit.theta.size)
    w = 2 * _positive_inverse(hessian)
    phi: Floats = np.asarray(np.linalg.inv(_precision(problem, at, fit.theta.size)), dtype=np.float64)
    log_likelihood = fit.log_likelihood - float(sizes[1:] @ deltas)
    statistic = max(0.0, 2 * (log_likelihood - equal.log_likelihood))
    k = len(names) - 1
    test = Estimate(
        statistic, method=f"likelihood ratio, one residual variance against one a level of {by}, chi-square on {k} df",
        n_patients=int(codes.max()) + 1, n_rows=len(codes), p_value=float(chi2.sf(statistic, k)),
    )  # fmt: skip
    return HeteroscedasticModel(
        design=design, beta=fit.beta, spread=Spread(phi, slopes, w) if method != "normal" else _plain(phi), df=method,
        log_likelihood=log_likelihood, reml=reml, converged=fit.converged, singular=fit.singular,
        n_groups=int(codes.max()) + 1, n_variance_parameters=at.size, residual_variance=fit.residual_variance,
        method=f"linear mixed model, {'REML' if reml else 'maximum likelihood'}, residual variance by {by}",
        note="a variance of random effects is estimated as zero, or a correlation as 1" if fit.singular else "",
        level=level, residual_sd=_residual_sd(fit, deltas, w, names, sizes, level), equal_variances=test,
        random_covariance=pd.DataFrame(fit.random_covariance[0], index=list(effects), columns=list(effects)),
    )  # fmt: skip


def _strata(column: pd.Series, by: str) -> tuple[Ints, tuple[str, ...]]:
    """Return the group of every row, and the groups in category or sorted order."""
    categories = column.astype("category").cat
    names = tuple(str(name) for name in categories.categories)
    if len(names) < 2:
        raise AnalysisError(f"residual variances by {by} need two levels or more", found=", ".join(names))
    return categories.codes.to_numpy().astype(np.intp), names


def _start(residual: Floats, strata: Ints) -> Floats:
    """Return log ratios of the residuals' standard deviations."""
    spread = np.array([float(np.std(residual[strata == i])) for i in range(int(strata.max()) + 1)])
    spread = np.log(np.maximum(spread, 1e-3 * spread.max()))
    return np.clip(spread[1:] - spread[0], -3, 3)


def _precision(problem: Callable[[Floats], Problem], at: Floats, k: int) -> Floats:
    """Return X' V^-1 X at the parameters (theta, log sigma, deltas)."""
    p = problem(at[k + 1 :])
    root = p.parts(at[:k] * p.arrays.scales).lower.T @ p.arrays.r / np.exp(at[k])
    return np.asarray(root.T @ root)


def _deviance(problem: Callable[[Floats], Problem], sizes: Floats, at: Floats, k: int) -> float:
    """Return -2 log-likelihood at the parameters, residual standard deviation not profiled out."""
    p, log_sigma = problem(at[k + 1 :]), at[k]
    parts = p.parts(at[:k] * p.arrays.scales)
    r2 = parts.r2 * p.unit**2
    profiled = parts.deviance + p.constant
    return float(
        profiled - p.nu * (1 + np.log(r2 / p.nu)) + 2 * p.nu * log_sigma + r2 * np.exp(-2 * log_sigma)
        + 2 * sizes[1:] @ at[k + 1 :]
    )  # fmt: skip


def _derivatives(problem: Callable[[Floats], Problem], sizes: Floats, at: Floats, k: int) -> tuple[Floats, Floats]:
    """Return the Hessian of the deviance and the slopes of X' V^-1 X, by central differences."""
    m = at.size
    step = _STEP * np.maximum(1.0, np.abs(at)) * np.eye(m)
    middle = _deviance(problem, sizes, at, k)
    hessian = np.empty((m, m))
    up = [_deviance(problem, sizes, at + step[i], k) for i in range(m)]
    down = [_deviance(problem, sizes, at - step[i], k) for i in range(m)]
    for i in range(m):
        hessian[i, i] = (up[i] - 2 * middle + down[i]) / step[i, i] ** 2
        for j in range(i):
            corners = [
                _deviance(problem, sizes, at + a * step[i] + b * step[j], k)
                for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            hessian[i, j] = hessian[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (
                4 * step[i, i] * step[j, j]
            )
    slopes = np.stack([(_precision(problem, at + s, k) - _precision(problem, at - s, k)) / (2 * s.sum()) for s in step])
    return hessian, slopes


def _positive_inverse(h: Floats) -> Floats:
    """Return the inverse of h; directions in which it does not curve up (a variance of zero) are left out."""
    size = np.sqrt(np.maximum(np.abs(np.diag(h)), 1e-12))
    values, vectors = np.linalg.eigh(h / np.outer(size, size))
    kept = values > 1e-6  # numerical derivatives leave about this much of nothing
    vectors = vectors[:, kept] / size[:, None]
    return np.asarray(vectors / values[kept] @ vectors.T)


def _plain(phi: Floats) -> Spread:
    return Spread(phi, np.zeros((0, *phi.shape)), np.zeros((0, 0)))


def _residual_sd(
    fit: LmmFit, deltas: Floats, w: Floats, names: tuple[str, ...], sizes: Floats, level: float
) -> pd.DataFrame:
    """Return the residual standard deviation of every group, and its ratio to the first with Wald limits."""
    se = np.sqrt(np.diag(w)[-deltas.size :])
    half = np.concatenate([[np.nan], np.where(se > 0, norm.ppf(0.5 + level / 2) * se, np.nan)])
    ratio = np.exp(np.concatenate([[0.0], deltas]))
    return pd.DataFrame(
        {"sd": np.sqrt(fit.residual_variance) * ratio, "ratio": ratio, "ci_low": ratio * np.exp(-half),
         "ci_high": ratio * np.exp(half), "n_rows": sizes.astype(int)},
        index=pd.Index(names, name="group"),
    )  # fmt: skip
