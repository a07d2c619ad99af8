"""AUC by centre, and its pool: how much does discrimination differ from hospital to hospital?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, check_level, check_rows
from lumier_analysis.performance.auc import auc
from lumier_analysis.performance.intervals import two_sided_p, z_quantile

OTHERS = "other centres"
UNKNOWN = "centre unknown"
#: Fewer centres say nothing about their variance: they are shown, not pooled.
MINIMUM_CENTRES = 3


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """A random-effects pool of k independent estimates, on their own scale.

    Attributes
    ----------
    mean, se : float
        Pooled mean and its Hartung-Knapp standard error, not below the fixed-effect one.
    ci_low, ci_high : float
        Student's t with `df` = k - 1.
    tau2 : float
        REML variance between the units.
    prediction_low, prediction_high : float
        Interval for a new unit, Student's t with `prediction_df` = k - 2.
    p_value : float
        Of mean = 0, two-sided.
    """

    mean: float
    se: float
    ci_low: float
    ci_high: float
    df: int
    tau2: float
    prediction_low: float
    prediction_high: float
    prediction_df: int
    p_value: float


@dataclass(frozen=True, slots=True)
class CentreAucs:
    """AUC by centre and over centres.

    Attributes
    ----------
    centres : dict of centre -> Estimate
        After merging.
    pooled : Estimate
        AUC of the average centre; NaN with a note where fewer than 3 centres can be pooled.
    prediction : tuple of float
        Limits of the AUC of a new centre; NaN where not pooled.
    tau2 : float
        Variance between centres of logit AUC.
    """

    centres: dict[str, Estimate]
    pooled: Estimate
    prediction: tuple[float, float]
    tau2: float

    def table(self) -> pd.DataFrame:
        """Return one row a centre and the pool: value, ci_low, ci_high, n_patients, n_rows, n_events, note."""
        lines = {**self.centres, "average centre": self.pooled}
        fields = ("value", "ci_low", "ci_high", "n_patients", "n_rows", "n_events", "note")
        return pd.DataFrame({name: {f: getattr(e, f) for f in fields} for name, e in lines.items()}).T

    def _repr_html_(self) -> str:
        return str(self.table().to_html())


def merge_centres(outcome: Any, centre: Any, *, minimum: int = 5) -> pd.Series:
    """Return the centre of every row after small centres were merged.

    The rule, fixed before the data are seen: centres with fewer than `minimum` events become one group, "other
    centres"; if that group still has fewer, the kept centre with the fewest events (the first by name, if tied) joins
    it. Rows without a centre count as a centre of their own, "centre unknown".

    Parameters
    ----------
    outcome : array-like of 0/1, shape (n,)
    centre : array-like of str, shape (n,)
    minimum : int

    Returns
    -------
    Series of str, shape (n,)
        Indexed as `centre` where that is a Series.
    """
    index = centre.index if isinstance(centre, pd.Series) else None
    names = pd.Series(np.asarray(centre, dtype=object), index=index)
    names = names.where(names.notna(), UNKNOWN).astype(str)
    if len(names) != len(outcome):
        raise AnalysisError("columns differ in length", found=f"outcome {len(outcome)}, centre {len(names)}")
    events = pd.Series(np.asarray(outcome, dtype=float)).groupby(names.to_numpy()).sum()
    small = set(events.index[events < minimum])
    kept = events.drop(list(small)).sort_index(kind="stable")
    if small and events[list(small)].sum() < minimum and len(kept):
        small.add(str(kept.idxmin()))
    return names.where(~names.isin(small), OTHERS)


def pool_random_effects(estimates: Any, variances: Any, *, level: float = 0.95) -> RandomEffects:
    """Pool independent estimates: REML, Hartung-Knapp, prediction interval.

    Parameters
    ----------
    estimates, variances : array-like of float, shape (k,), k >= 3
        On the scale on which they are about normal; variances > 0.
    level : float

    Notes
    -----
    tau2 by REML (Viechtbauer 2005); variance of the mean ``sum w (y - mean)^2 / ((k - 1) sum w)`` (Hartung and Knapp
    2001), but not below the fixed-effect ``1 / sum 1/v``; prediction interval ``mean +- t(k - 2) sqrt(tau2 + se^2)``
    (Higgins, Thompson and Spiegelhalter 2009; with this standard error Partlett and Riley 2017).

    Raises
    ------
    AnalysisError
        Fewer than three estimates, or a variance that is not positive.
    """
    check_level(level)
    y, v = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if y.shape != v.shape or y.size < MINIMUM_CENTRES:
        raise AnalysisError("Pooling needs 3 estimates or more, each with its variance", found=f"{y.size} and {v.size}")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise AnalysisError("Pooling needs finite estimates with positive variances")
    tau2 = reml_tau2(y, v)
    w = 1 / (v + tau2)
    mean = float(w @ y / w.sum())
    k = y.size
    knapp = float(w @ (y - mean) ** 2 / ((k - 1) * w.sum()))
    se = math.sqrt(max(knapp, 1 / float((1 / v).sum())))
    half, ahead = z_quantile(level, k - 1) * se, z_quantile(level, k - 2) * math.sqrt(tau2 + se**2)
    return RandomEffects(
        mean,
        se,
        mean - half,
        mean + half,
        k - 1,
        tau2,
        mean - ahead,
        mean + ahead,
        k - 2,
        two_sided_p(mean / se, k - 1),
    )


def reml_tau2(y: Floats, v: Floats) -> float:
    """Return the REML between-unit variance, 0 where the restricted likelihood is highest at 0.

    The likelihood may have two maxima: the best of a grid is refined by the root of its slope.
    """

    def likelihood(tau2: float) -> float:
        w = 1 / (v + tau2)
        centred = y - w @ y / w.sum()
        return float(0.5 * np.log(w).sum() - 0.5 * math.log(w.sum()) - 0.5 * w @ centred**2)

    def slope(tau2: float) -> float:
        w = 1 / (v + tau2)
        centred = y - w @ y / w.sum()
        return float(-w.sum() + (w @ w) / w.sum() + (w**2) @ centred**2)

    top = 10 * float(np.var(y, ddof=1)) + float(v.max())
    grid = np.concatenate([[0.0], np.geomspace(1e-8 * top, top, 400)])
    best = int(np.argmax([likelihood(t) for t in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    if slope(low) <= 0 or slope(high) >= 0:
        return float(grid[best])
    return float(scipy.optimize.brentq(slope, low, high, xtol=1e-15 * top, rtol=1e-14))


def centre_aucs(
    outcome: Any, score: Any, centre: Any, *, cluster: Any = None, minimum: int = 5, level: float = 0.95
) -> CentreAucs:
    """Return the AUC in every centre (small ones merged by `merge_centres`) and its random-effects pool on the logit.

    Parameters
    ----------
    outcome, score, cluster : array-like, shape (n,)
        As `auc`; centres are independent, so a patient belongs to one.
    centre : array-like of str, shape (n,)
    minimum : int
        Events a centre needs to stand alone.

    Raises
    ------
    AnalysisError
        As `auc`, or a patient in two centres.
    """
    check_rows(outcome, {"score": score}, cluster)
    names = merge_centres(outcome, centre, minimum=minimum).to_numpy()
    y, s = np.asarray(outcome, dtype=float), np.asarray(score, dtype=float)
    patients = None if cluster is None else np.asarray(cluster, dtype=object)
    if patients is not None:
        homes = pd.Series(names).groupby(patients).nunique()
        if (homes > 1).any():
            raise AnalysisError(
                "centres are not independent", found=f"{int((homes > 1).sum())} patients in two centres"
            )
    found: dict[str, Estimate] = {}
    for name in sorted(set(names), key=lambda n: (n in (OTHERS, UNKNOWN), n)):
        at = names == name
        found[name] = auc(y[at], s[at], cluster=None if patients is None else patients[at], level=level)
    k = y.size if patients is None else len(set(patients))
    return _pooled(found, {"n_patients": k, "n_rows": y.size, "n_events": int(y.sum())}, level)


def _pooled(found: Mapping[str, Estimate], counts: dict[str, int], level: float) -> CentreAucs:
    """Pool what can be pooled; a centre without a standard error is left out, and the note says so."""
    usable = {n: e for n, e in found.items() if e.se > 0 and (e.n_events or 0) > 0}
    left_out = len(found) - len(usable)
    note = f"{left_out} of {len(found)} centres without a standard error left out" if left_out else ""
    method = "logit AUC over centres, REML, Hartung-Knapp"
    if len(usable) < MINIMUM_CENTRES:
        why = f"{len(usable)} centres can be pooled, {MINIMUM_CENTRES} are needed" + (f"; {note}" if note else "")
        return CentreAucs(
            dict(found), Estimate(math.nan, level=level, method=method, note=why, **counts), (math.nan,) * 2, math.nan
        )
    values = np.array([e.value for e in usable.values()])
    spread = np.array([e.se for e in usable.values()]) / (values * (1 - values))
    pool = pool_random_effects(scipy.special.logit(values), spread**2, level=level)
    value = float(scipy.special.expit(pool.mean))
    estimate = Estimate(
        value=value,
        se=pool.se * value * (1 - value),
        ci_low=float(scipy.special.expit(pool.ci_low)),
        ci_high=float(scipy.special.expit(pool.ci_high)),
        level=level,
        method=f"{method}; prediction interval t with {pool.prediction_df} df",
        p_value=pool.p_value,
        df=float(pool.df),
        note=note,
        **counts,
    )
    ahead = (float(scipy.special.expit(pool.prediction_low)), float(scipy.special.expit(pool.prediction_high)))
    return CentreAucs(dict(found), estimate, ahead, pool.tau2)
