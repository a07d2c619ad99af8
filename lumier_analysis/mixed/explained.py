"""How much of the variance a model explains: marginal and conditional R2, intraclass correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.lmm_spread import kenward_roger_spread
from lumier_analysis.mixed.mmrm import RepeatedMeasures
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.random_design import random_parts, random_variance


@dataclass(frozen=True, slots=True)
class Explained:
    """Shares of the variance.

    Attributes
    ----------
    marginal : float
        By the fixed effects, R2m.
    conditional : float
        By fixed and random effects, R2c; NaN in a model without random effects (`mmrm`).
    fixed, random, residual : float
        Variances, in squared units of the response.
    """

    marginal: float
    conditional: float
    fixed: float
    random: float
    residual: float


def r_squared(model: FittedModel) -> Explained:
    """Return R2 of Nakagawa and Schielzeth.

    ``R2m = vf / (vf + vr + ve)``, ``R2c = (vf + vr) / (vf + vr + ve)``; vf the variance of the fixed effects'
    predictions over the rows, vr the variance of random effects, ve that of residuals (Nakagawa and Schielzeth 2013,
    Methods Ecol Evol 4:133, eqs 26 and 30). With random slopes vr is the mean of ``z G z'`` over the rows (Johnson
    2014, Methods Ecol Evol 5:944, eq. 11). Point estimates, from whatever likelihood the model was fitted by.

    Raises
    ------
    UsageError
        Not a model of `lmm` or `mmrm`.
    """
    fixed = float(np.var(model.design.x @ model.beta, ddof=1))
    if isinstance(model, LinearMixedModel):
        random = float(random_variance(model, [z for z, _ in random_parts(model)]).sum(axis=1).mean())
        total = fixed + random + model.residual_variance
        return Explained(fixed / total, (fixed + random) / total, fixed, random, model.residual_variance)
    if isinstance(model, RepeatedMeasures) and model.visit_covariance is not None:
        residual = float(np.diag(model.visit_covariance).mean())
        return Explained(fixed / (fixed + residual), math.nan, fixed, 0.0, residual)
    raise UsageError("R2 is of a model of lmm or mmrm", found=type(model).__name__)


def model_icc(model: FittedModel, factor: str | None = None, *, level: float | None = None) -> Estimate:
    """Return the intraclass correlation that a model of random intercepts implies, given its fixed effects.

    Variance of the intercepts of `factor` over the sum of all variances. The interval is of the profile likelihood of
    the model (REML or ML) where there is one factor, and reaches 0 where the variance may be zero; with several it
    is by the delta method on the logit scale, from the expected information.

    Parameters
    ----------
    model : LinearMixedModel
    factor : str, optional
        Grouping factor, where there are several.
    level : float, optional
        Default the model's.

    Returns
    -------
    Estimate
        se by the delta method, NaN where the variance is zero.

    Raises
    ------
    UsageError
        No model of `lmm`, random slopes, an unknown factor.
    """
    level = model.level if level is None else level
    if not isinstance(model, LinearMixedModel):
        raise UsageError("the ICC is of a model of lmm with random intercepts", found=type(model).__name__)
    names = list(model.effects)
    if factor is None and len(names) > 1:
        raise UsageError("there are several grouping factors", fix=f"factor={names[0]!r}")
    if factor is not None and factor not in names:
        raise UsageError("no such grouping factor", found=factor, fix=f"one of {', '.join(names)}")
    if any(effects != ("Intercept",) for effects in model.effects.values()):
        raise UsageError(
            "with random slopes the correlation depends on the covariates: there is no one ICC", fix="r_squared(model)"
        )
    f = names.index(factor) if factor else 0
    g = model.fit.theta**2  # relative to the residual variance
    value = float(g[f] / (1 + g.sum()))
    size: dict[str, Any] = {"level": level, "n_patients": len(model.labels[names[f]]), "n_rows": model.n_rows}
    logit_se = _logit_se(model, f, value)
    se = logit_se * value * (1 - value) if math.isfinite(logit_se) else math.nan
    how = "ICC of random intercepts given the fixed effects; "
    if len(names) == 1:
        low, high = (v**2 / (1 + v**2) for v in _profile(model, level))
        return Estimate(value, se, low, high, method=how + "profile likelihood interval", **size)
    if math.isnan(se):
        return Estimate(value, method=how + "no interval", note="the variance is estimated as zero", **size)
    centre, half = math.log(value / (1 - value)), norm.ppf(0.5 + level / 2) * logit_se
    low, high = (1 / (1 + math.exp(-v)) for v in (centre - half, centre + half))
    return Estimate(value, se, low, high, method=how + "delta-method interval on the logit scale", **size)


def _profile(model: LinearMixedModel, level: float) -> tuple[float, float]:
    """Return limits of the relative standard deviation, by the deviance with all else profiled out."""
    problem, best = model.fit.problem, float(model.fit.theta[0])
    cut = problem.deviance([best]) + float(chi2.ppf(level, 1))

    def excess(theta: float) -> float:
        return problem.deviance([theta]) - cut

    low = 0.0 if best == 0 or excess(0.0) <= 0 else float(brentq(excess, 0.0, best, xtol=1e-10))
    high = max(best, 0.1)
    while excess(high) < 0:
        high *= 2
        if high > 1e8:
            raise AnalysisError("the likelihood does not bound the ICC from above", found=f"{best:.3g}")
    return low, float(brentq(excess, best, high, xtol=1e-10))


def _logit_se(model: LinearMixedModel, f: int, value: float) -> float:
    """Return the standard error of the logit of the ICC, from the expected information on all variances."""
    if not 0 < value < 1:
        return math.nan
    # w is of the covariance's elements on the columns that the engine works with: here each one column, rescaled.
    a = model.fit.problem.arrays
    unit = 1 / (np.diag(a.inner) * a.scales) ** 2
    w = kenward_roger_spread(model.fit).w
    g = model.fit.theta**2
    others = 1 + float(g.sum() - g[f])
    # logit = log g_f - log(sum of the others and the residual), which is 1
    gradient = np.full(len(w), -1 / others)
    gradient[f] = 1 / float(g[f])
    gradient[: len(g)] *= unit
    return math.sqrt(float(gradient @ w @ gradient))
