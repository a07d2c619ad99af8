"""Parametric bootstrap of mixed models: intervals of every parameter, and the likelihood ratio's own distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.compare_models import boundary_p_value, check_kind, nested
from lumier_analysis.mixed.fit_lmm import LmmFit
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.simulated_fits import Progress, repeated, simulate

Floats = npt.NDArray[np.float64]

INTERVALS = ("percentile", "basic")
# Statistics that differ by less are the same: two searches of one optimum.
_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class BootstrapComparison:
    """A likelihood ratio test by simulation from the smaller model.

    Attributes
    ----------
    statistic : float
    df : int
    p_value : float
        (1 + draws as large) / (1 + draws): Davison and Hinkley 1997, eq. 4.11, as pbkrtest's PBmodcomp.
    p_asymptotic : float
        Of chi-squares, see `boundary_p_value`.
    monte_carlo_se : float
        Of `p_value`.
    n_boot, n_failed : int
        Draws that were fitted, and that were not.
    draws : ndarray, shape (n_boot,)
    """

    statistic: float
    df: int
    p_value: float
    p_asymptotic: float
    monte_carlo_se: float
    n_boot: int
    n_failed: int
    draws: Floats = field(repr=False)

    def __str__(self) -> str:
        failed = f", {self.n_failed} not fitted" if self.n_failed else ""
        return (
            f"likelihood ratio {self.statistic:.4g}, bootstrap p = {self.p_value:.3g} (s.e. {self.monte_carlo_se:.2g}, "
            f"{self.n_boot} draws{failed}); asymptotic p = {self.p_asymptotic:.3g}"
        )


def bootstrap_intervals(
    model: FittedModel,
    *,
    n_boot: int = 1000,
    seed: int = 20240501,
    interval: str = "percentile",
    level: float | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return intervals from responses simulated from the model and fitted anew, as lme4's confint(method = "boot").

    Random effects and residuals are drawn from their normal distributions at the estimates; design and grouping stay.

    Parameters
    ----------
    model : LinearMixedModel
    n_boot : int
    seed : int
        The result depends on it, not on `n_jobs`.
    interval : {"percentile", "basic"}
        basic: twice the estimate less the opposite quantile; limits of a standard deviation are cut at 0, of a
        correlation at -1 and 1.
    level : float, optional
        Default the model's.
    n_jobs : int
        Threads.
    progress : callable, optional
        Called as progress(draws done, draws in all). An exception in it, or Ctrl-C, stops the work.

    Returns
    -------
    DataFrame
        Index parameter, named as in `profile_intervals`; estimate, bias (mean of draws less estimate), se, ci_low,
        ci_high, n_used (draws in which it could be estimated: a correlation with a variance of zero cannot).

    Raises
    ------
    UsageError
        No model of `lmm`, fewer than 100 draws, an unknown interval.
    AnalysisError
        More than a tenth of the draws cannot be fitted.
    """
    level = _check(model, n_boot, level)
    assert isinstance(model, LinearMixedModel)
    if interval not in INTERVALS:
        raise UsageError("unknown interval", found=repr(interval), fix=f"one of {', '.join(INTERVALS)}")
    fit = model.fit
    arrays = fit.problem.arrays
    names, estimate = _parameters(model, fit)

    def refitted(rng: np.random.Generator) -> Floats:
        y = simulate(model, fit, rng)
        return _parameters(model, arrays.problem(y, reml=model.reml).fit(fit.theta))[1]

    draws = np.stack(repeated(refitted, n_boot, seed, n_jobs, progress))
    used = np.isfinite(draws).sum(axis=0)
    draws = np.where(used >= 2, draws, 0.0)
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    if interval == "basic":
        low, high = 2 * estimate - high, 2 * estimate - low
        floor = np.array([0.0 if n.startswith("sd ") and n not in model.terms else -math.inf for n in names])
        bound = np.array([1.0 if n.startswith("cor ") and n not in model.terms else math.inf for n in names])
        low, high = (np.clip(limit, np.maximum(floor, -bound), bound) for limit in (low, high))
    table = {
        "estimate": estimate, "bias": np.nanmean(draws, axis=0) - estimate, "se": np.nanstd(draws, axis=0, ddof=1),
        "ci_low": low, "ci_high": high,
    }  # fmt: skip
    frame = pd.DataFrame(table, index=pd.Index(names, name="parameter"))
    return frame.where(pd.Series(used >= 2, index=frame.index), math.nan, axis=0).assign(n_used=used)


def bootstrap_comparison(
    first: FittedModel,
    second: FittedModel,
    *,
    n_boot: int = 1000,
    seed: int = 20240501,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> BootstrapComparison:
    """Return the likelihood ratio test of two nested models by simulation from the smaller one.

    As pbkrtest's PBmodcomp (Halekoh and Hojsgaard 2014, J Stat Softw 59:9, section 4): for few patients, where
    chi-square rejects too often, and for several variances at once. Both models are fitted by maximum likelihood,
    whatever they were fitted by.

    Parameters
    ----------
    first, second : LinearMixedModel
        In either order.
    n_boot, seed, n_jobs, progress
        As in `bootstrap_intervals`.

    Raises
    ------
    UsageError
        No models of `lmm`, fewer than 100 draws.
    AnalysisError
        Models that are not nested, more than a tenth of the draws that cannot be fitted.
    """
    check_kind(first, second)
    for model in (first, second):
        _check(model, n_boot, None)
    small, large, more_fixed, more_variances = nested(first, second)
    assert isinstance(small, LinearMixedModel) and isinstance(large, LinearMixedModel)
    fits = [m.fit.problem.arrays.problem(m.design.y, reml=False).fit(m.fit.theta) for m in (small, large)]
    null = fits[0]

    def ratio(rng: np.random.Generator) -> float:
        y = simulate(small, null, rng)
        low, high = (f.problem.arrays.problem(y, reml=False).fit(f.theta).log_likelihood for f in fits)
        return 2 * (high - low)

    statistic = max(0.0, 2 * (fits[1].log_likelihood - null.log_likelihood))
    draws = np.array(repeated(ratio, n_boot, seed, n_jobs, progress))
    p = (1 + int((draws >= statistic - _SAME).sum())) / (1 + len(draws))
    df = more_fixed + large.n_variance_parameters - small.n_variance_parameters
    asymptotic, _ = boundary_p_value(statistic, df, more_variances)
    se = math.sqrt(p * (1 - p) / len(draws))
    return BootstrapComparison(statistic, df, p, asymptotic, se, len(draws), n_boot - len(draws), draws)


def _parameters(model: LinearMixedModel, fit: LmmFit) -> tuple[list[str], Floats]:
    """Return names and estimates: standard deviations, correlations (NaN at a variance of zero), coefficients."""
    names, values = [], []
    at = fit.problem.arrays.structure.at
    correlated = bool((at[:, 1] != at[:, 2]).any())
    for (name, effects), g in zip(model.effects.items(), fit.random_covariance, strict=True):
        sd = np.sqrt(np.maximum(np.diag(g), 0.0))
        for j, effect in enumerate(effects):
            names.append(f"sd {effect} | {name}")
            values.append(float(sd[j]))
            for i in range(j + 1, len(effects)) if correlated else ():
                names.append(f"cor {effect}, {effects[i]} | {name}")
                values.append(float(g[i, j] / (sd[i] * sd[j])) if sd[i] * sd[j] > 0 else math.nan)
    return [*names, "sd residual", *model.terms], np.r_[values, math.sqrt(fit.residual_variance), fit.beta]


def _check(model: FittedModel, n_boot: int, level: float | None) -> float:
    level = model.level if level is None else level
    if not isinstance(model, LinearMixedModel):
        raise UsageError("the bootstrap is of a model of lmm", found=type(model).__name__)
    if n_boot < 100:
        raise UsageError("a bootstrap needs 100 draws or more", found=str(n_boot), fix="n_boot=1000")
    if not 0 < level < 1:
        raise UsageError("the confidence level lies between 0 and 1", found=str(level), fix="level=0.95")
    return level
