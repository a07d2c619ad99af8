"""Profile likelihood intervals of variances, correlations and fixed effects."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd
from scipy.optimize import brentq
from scipy.stats import chi2

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.profile_deviance import Held, held_parameters

# Limits are found to this part of a rough standard error.
_PRECISION = 1e-5
# A profile may fall below the fit by rounding, not by more.
_BETTER = 1e-4


def profile_intervals(
    model: FittedModel, which: str | Sequence[str] | None = None, *, level: float | None = None
) -> pd.DataFrame:
    """Return the values that a likelihood ratio test does not reject, as lme4's confint(method = "profile").

    Maximum likelihood whatever the fit, as in lme4: restricted likelihoods cannot be compared between fixed effects.
    Each limit is where -2 log-likelihood, with all other parameters at their best, lies chi-square's quantile above
    its least; no interpolation.

    Parameters
    ----------
    model : LinearMixedModel
    which : str or sequence of str, optional
        "variance", "fixed", or names as in the index of the result; default all.
    level : float, optional
        Default the model's.

    Returns
    -------
    DataFrame
        Index parameter: "sd month | patient", "cor Intercept, month | patient", "sd residual", then the coefficients;
        ml_estimate, ci_low, ci_high. Standard deviations in units of the response (per unit of the covariate). A
        standard deviation reaches down to 0, a correlation to -1 or 1, where the profile does not exclude it.

    Raises
    ------
    UsageError
        No model of `lmm`, an unknown parameter, a level outside (0, 1).
    AnalysisError
        The profile finds a better optimum than the fit, or a limit that does not exist.
    """
    level = model.level if level is None else level
    if not isinstance(model, LinearMixedModel):
        raise UsageError("profiles are of a model of lmm", found=type(model).__name__)
    if not 0 < level < 1:
        raise UsageError("the confidence level lies between 0 and 1", found=str(level), fix="level=0.95")
    least, parameters = held_parameters(model)
    names = [p.name for p in parameters]
    wanted = {"variance": [p.name for p in parameters if p.kind != "fixed"], "fixed": list(model.terms)}
    chosen = names if which is None else wanted.get(which, [which]) if isinstance(which, str) else list(which)
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise UsageError(
            "unknown parameters", found=", ".join(unknown), fix=f'"variance", "fixed" or {", ".join(names)}'
        )
    cut = float(chi2.ppf(level, 1))
    rows = {
        p.name: {"ml_estimate": p.estimate, "ci_low": _limit(p, least, cut, -1), "ci_high": _limit(p, least, cut, 1)}
        for p in parameters
        if p.name in chosen
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def _limit(p: Held, least: float, cut: float, side: int) -> float:
    """Return the value on one side at which the profile crosses the quantile."""

    def beyond(value: float) -> float:
        above = p.deviance(value) - least
        if not above > -_BETTER:
            raise AnalysisError(
                f"the profile of {p.name} finds a better optimum than the fit", found=f"by {-above:.3g} of deviance"
            )
        # The root of the deviance is near a straight line.
        return math.sqrt(max(above, 0.0)) - math.sqrt(cut)

    end = {("sd", -1): 0.0, ("correlation", -1): -1.0, ("correlation", 1): 1.0}.get((p.kind, side))
    if end is not None and (p.estimate == end or beyond(end) <= 0):
        return end
    outer = _bracket(p, beyond, side, end)
    return float(brentq(beyond, p.estimate, outer, xtol=_PRECISION * p.step, rtol=1e-12))


def _bracket(p: Held, beyond: Callable[[float], float], side: int, end: float | None) -> float:
    """Return a value on the side whose deviance is above the quantile."""
    step = 2.5 * p.step
    for _ in range(60):
        value = p.estimate + side * step
        if end is not None and side * value >= side * end:
            return end
        if p.kind == "residual" and value <= 0:
            value = p.estimate / (1 + step / p.estimate)
        if beyond(value) > 0:
            return value
        step *= 1.7
    raise AnalysisError(f"the likelihood does not bound {p.name} from {'above' if side > 0 else 'below'}")
