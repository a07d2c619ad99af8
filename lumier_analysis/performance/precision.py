"""What a validation sample of this size can show and cannot: expected precision, before or beside the results."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance.arrays import Floats, check_level
from lumier_analysis.performance.intervals import z_quantile

# Nodes of the normal distribution of the linear predictor: equally spaced, far into the tails.
_NODES = np.linspace(-8, 8, 801)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


def sample_precision(
    n: float,
    n_events: float,
    auc: float,
    *,
    linear_predictor: Any = None,
    design_effect: float = 1.0,
    level: float = 0.95,
    power: float = 0.8,
) -> pd.DataFrame:
    """Return standard errors and interval widths that a validation sample of this size leads to expect.

    Riley et al. (2021, Stat Med 40:4230), for a well-calibrated model: O/E by ``SE(ln O/E) = sqrt((1 - f) / (n f))``,
    the calibration slope by the information of a logistic model in the linear predictor, the c-statistic by Newcombe
    (2006, Stat Med 25:559, method 4).

    Parameters
    ----------
    n, n_events : float
        Rows and events, observed or expected.
    auc : float
        Assumed AUC, in [0.5, 1).
    linear_predictor : array-like of float, shape (m,), optional
        Logits of the predicted risks, for the slope. Without it a normal distribution that has the event share and
        the AUC assumed.
    design_effect : float
        Variance by which rows of one patient count less than independent ones, >= 1: the effective sizes are
        n / design_effect.
    level, power : float
        Of the intervals; and with which the smallest demonstrable AUC is to be told from 0.5.

    Returns
    -------
    DataFrame
        Index c_statistic, observed_expected, slope, smallest_auc; columns assumed, se, ci_low, ci_high, width, meaning.
        se is that of the logit for c_statistic, of the log for observed_expected. smallest_auc: the AUC whose interval
        excludes 0.5 with the power given.

    Raises
    ------
    AnalysisError
        Fewer than one event or non-event, an AUC outside [0.5, 1), a linear predictor that is not finite.
    UsageError
        A design effect below 1, a level outside (0, 1), a power outside [0.5, 1).
    """
    check_level(level)
    if not 0.5 <= power < 1:
        raise UsageError("power must lie between 0.5 and 1", found=repr(power), fix="power=0.8")
    if not design_effect >= 1:
        raise UsageError("the design effect must be 1 or more", found=repr(design_effect), fix="design_effect=1.0")
    if not (math.isfinite(n) and n_events >= 1 and n - n_events >= 1):
        raise AnalysisError(
            "precision needs at least one event and one non-event", found=f"{n_events:g} events in {n:g} rows"
        )
    if not 0.5 <= auc < 1:
        raise AnalysisError("the assumed AUC must lie in [0.5, 1)", found=f"{auc:g}", fix="auc=0.7")
    share, size, z = n_events / n, n / design_effect, z_quantile(level)

    c_se = auc_se(auc, size, share) / (auc * (1 - auc))
    oe_se = math.sqrt((1 - share) / (size * share))
    slope_se = _slope_se(linear_predictor, size, share, auc)
    low = [float(scipy.special.expit(scipy.special.logit(auc) - z * c_se)), math.exp(-z * oe_se), 1 - z * slope_se]
    high = [float(scipy.special.expit(scipy.special.logit(auc) + z * c_se)), math.exp(z * oe_se), 1 + z * slope_se]
    least = _smallest_auc(size, share, z, power)
    meaning = [
        f"an AUC of {auc:.2f} would be known as {low[0]:.2f} to {high[0]:.2f}",
        f"risks right on average would be known to a factor of {high[1]:.2f}",
        f"a slope of 1 would be known as {low[2]:.2f} to {high[2]:.2f}"
        if math.isfinite(slope_se)
        else "risks that do not differ have no slope",
        f"an AUC of {least:.2f} or more is told from 0.5 with {100 * power:g} % power"
        if math.isfinite(least)
        else "no AUC below 1 is told from 0.5 with this power",
    ]
    return pd.DataFrame(
        {
            "assumed": [auc, 1.0, 1.0, least],
            "se": [c_se, oe_se, slope_se, math.nan],
            "ci_low": [*low, math.nan],
            "ci_high": [*high, math.nan],
            "width": [*(b - a for a, b in zip(low, high, strict=True)), math.nan],
            "meaning": meaning,
        },
        index=["c_statistic", "observed_expected", "slope", "smallest_auc"],
    )


def auc_se(auc: float, n: float, share: float) -> float:
    """Return the SE of an AUC of `n` independent rows, a share of them events (Newcombe 2006, method 4)."""
    half = n / 2 - 1
    spread = 1 + half * (1 - auc) / (2 - auc) + half * auc / (1 + auc)
    return math.sqrt(auc * (1 - auc) * spread / (n**2 * share * (1 - share)))


def _smallest_auc(n: float, share: float, z: float, power: float) -> float:
    """Return the AUC whose logit is z + z(power) standard errors, NaN where none below 1 is."""
    need = z + float(scipy.stats.norm.ppf(power))

    def surplus(auc: float) -> float:
        return float(scipy.special.logit(auc)) * auc * (1 - auc) / auc_se(auc, n, share) - need

    # The surplus rises to a maximum and falls again as the AUC nears 1.
    grid = np.linspace(0.5, 0.999, 1000)
    first = next((i for i, a in enumerate(grid) if surplus(float(a)) >= 0), None)
    return math.nan if first is None else float(scipy.optimize.brentq(surplus, grid[first - 1], grid[first]))


def _slope_se(linear_predictor: Any, n: float, share: float, auc: float) -> float:
    """Return the standard error of the calibration slope of a well-calibrated model."""
    if linear_predictor is None:
        lp, weight = normal_predictor(share, auc)
    else:
        lp = np.asarray(linear_predictor, dtype=np.float64)
        if lp.ndim != 1 or lp.size == 0 or not np.isfinite(lp).all():
            raise AnalysisError("the linear predictor must be finite numbers, one a row", fix="pass logit(probability)")
        weight = np.full(lp.size, 1 / lp.size)
    p = scipy.special.expit(lp)
    w = weight * p * (1 - p)
    # Information of intercept and slope in one row; the slope's share of the inverse.
    i_0, i_01, i_1 = float(w.sum()), float(w @ lp), float(w @ lp**2)
    determinant = i_0 * i_1 - i_01**2
    return math.sqrt(i_0 / (n * determinant)) if determinant > 1e-12 * i_0**2 else math.nan


def normal_predictor(share: float, auc: float) -> tuple[Floats, Floats]:
    """Return nodes and weights of a normal linear predictor whose risks have this event share and AUC."""

    def nodes(sd: float) -> Floats:
        low, high = -40 - 8 * sd, 40 + 8 * sd
        mean = scipy.optimize.brentq(
            lambda m: float(_WEIGHTS @ scipy.special.expit(m + sd * _NODES)) - share, low, high
        )
        return mean + sd * _NODES

    def auc_of(sd: float) -> float:
        p = scipy.special.expit(nodes(sd))
        events, others = _WEIGHTS * p, _WEIGHTS * (1 - p)
        below = np.cumsum(others) - others / 2
        return float(events @ below / (events.sum() * others.sum()))

    if auc <= 0.5:
        return np.full(_NODES.size, float(scipy.special.logit(share))), _WEIGHTS
    sd = float(scipy.optimize.brentq(lambda s: auc_of(s) - auc, 0.0, 40.0, xtol=1e-8)) if auc_of(40.0) > auc else 40.0
    return nodes(sd), _WEIGHTS
