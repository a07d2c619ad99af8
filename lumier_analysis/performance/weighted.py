"""Risk-based measures with weights for windows that were not seen to their end (`observation_weights`).

With weights of 1 everything here equals its unweighted counterpart. Standard errors add up influences by patient and
take the weights as known, which is conservative where they were estimated (Lunceford and Davidian 2004).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, Rows, check_level, check_rows, sum_by
from lumier_analysis.performance.intervals import logit_interval, z_quantile


class _Weighted:
    """Checked rows with their weights; outcomes of rows of weight 0 are never looked at."""

    def __init__(self, outcome: Any, weight: Any, cluster: Any, level: float, **columns: Any) -> None:
        check_level(level)
        w = np.asarray(weight, dtype=np.float64)
        y = pd.Series(outcome).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        if w.shape != y.shape or not np.isfinite(w).all() or (w < 0).any():
            raise AnalysisError("weight must be a number of 0 or more for every row", found=f"{w.size} for {y.size}")
        y = np.where(w == 0, 0.0, y)
        self.rows: Rows = check_rows(y, columns, cluster)
        self.columns, self.level = self.rows.scores, level
        self.w, self.y = w, self.rows.event.astype(np.float64)
        self.how = "IPCW, by patient" if self.rows.clustered else "IPCW, independent rows"
        self.counts = {
            "n_patients": int(np.unique(self.rows.patient[w > 0]).size),
            "n_rows": int((w > 0).sum()),
            "n_events": int((self.y * (w > 0)).sum()),
        }

    def se(self, influence: Floats) -> float:
        """Return the SE of a statistic whose error is the sum of `influence`."""
        k = self.rows.n_patients
        sums = sum_by(self.rows.patient, influence, k)
        return math.sqrt(float(sums @ sums) * k / (k - 1)) if k > 1 else math.nan

    def estimate(self, value: float, se: float, what: str, scale: str = "Wald", note: str = "") -> Estimate:
        """Return the estimate with limits on its scale; none without a standard error."""
        low = high = math.nan
        z = z_quantile(self.level)
        if se > 0 and scale == "log" and value > 0:
            low, high = value * math.exp(-z * se / value), value * math.exp(z * se / value)
        elif se > 0 and scale == "logit" and 0 < value < 1:
            limits = logit_interval(value, se, self.level)
            low, high = limits.low, limits.high
        elif se > 0 and scale == "Wald":
            low, high = value - z * se, value + z * se
        return Estimate(
            value,
            se if se > 0 else math.nan,
            low,
            high,
            self.level,
            f"{what}, {self.how}; {scale} interval",
            **self.counts,
            note=note,
        )


def weighted_calibration(
    outcome: Any, probability: Any, weight: Any, *, cluster: Any = None, level: float = 0.95
) -> dict[str, Estimate]:
    """Return observed/expected, calibration intercept and slope, Brier score and IPA under weights.

    Parameters
    ----------
    outcome : array-like, shape (n,)
        0 or 1; anything, missing too, where the weight is 0.
    probability : array-like of float in [0, 1], shape (n,)
        Of every row: the expected rate is the mean over lost rows too.
    weight : array-like of float >= 0, shape (n,)
    cluster : array-like, shape (n,), optional
        Patient.
    level : float

    Returns
    -------
    dict
        observed_expected, intercept, slope, brier, ipa; NaN with a note where it cannot be estimated.
    """
    d = _Weighted(outcome, weight, cluster, level, probability=probability)
    p, w, y = d.columns[0], d.w, d.y
    if p.min() < 0 or p.max() > 1:
        raise AnalysisError("probability must lie between 0 and 1", found=f"{p.min():g} to {p.max():g}")
    total, observed, expected = float(w.sum()), float(w @ y), float(p.mean())
    names = {"observed_expected": "observed / expected", "intercept": "calibration in the large",
             "slope": "calibration slope", "brier": "Brier score", "ipa": "index of prediction accuracy"}  # fmt: skip
    if observed == 0 or observed == total or expected == 0:
        why = "no event" if observed == 0 else "every row is an event" if expected else "every predicted risk is 0"
        return {k: d.estimate(math.nan, math.nan, v, note=f"{why}: cannot be estimated") for k, v in names.items()}
    rate = observed / total
    ratio = rate / expected
    ratio_se = d.se(w * (y - rate) / (total * expected) - ratio * (p - expected) / (p.size * expected))
    out = {"observed_expected": d.estimate(ratio, ratio_se, names["observed_expected"], "log")}
    out |= _logistic(d, p, names)
    squares, null = (y - p) ** 2, rate * (1 - rate)
    brier = float(w @ squares) / total
    d_brier = w * (squares - brier) / total
    d_ipa = -d_brier / null + brier * (1 - 2 * rate) / null**2 * w * (y - rate) / total
    out["brier"] = d.estimate(brier, d.se(d_brier), names["brier"])
    out["ipa"] = d.estimate(1 - brier / null, d.se(d_ipa), names["ipa"])
    return out


def _logistic(d: _Weighted, p: Floats, names: dict[str, str]) -> dict[str, Estimate]:
    """Return intercept (slope 1) and slope."""
    at = d.w > 0
    if ((p[at] <= 0) | (p[at] >= 1)).any():
        note = "predicted risks of exactly 0 or 1: cannot be estimated"
        return {k: d.estimate(math.nan, math.nan, names[k], note=note) for k in ("intercept", "slope")}
    lp = scipy.special.logit(np.where(at, p, 0.5))
    one = np.ones((p.size, 1))
    found = {}
    for name, x, offset in (("intercept", one, lp), ("slope", np.column_stack([one, lp]), 0 * lp)):
        fit = None if name == "slope" and np.ptp(lp[at]) == 0 else _fit(x, d, offset)
        if fit is None:
            note = "constant risk or separated classes: cannot be estimated"
            found[name] = d.estimate(math.nan, math.nan, names[name], note=note)
        else:
            found[name] = d.estimate(fit[0], fit[1], names[name])
    return found


def _fit(x: Floats, d: _Weighted, offset: Floats) -> tuple[float, float] | None:
    """Return the last coefficient of a weighted logistic fit and its SE, or None without a maximum."""
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        q = scipy.special.expit(offset + x @ beta)
        information = x.T @ (x * (d.w * q * (1 - q))[:, None])
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, x.T @ (d.w * (d.y - q)))
        # No coefficient moves by more than 2 at once: a whole step may overshoot far from the maximum.
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-11 * (1 + np.abs(beta).max()):
            q = scipy.special.expit(offset + x @ beta)
            bread = np.linalg.inv(x.T @ (x * (d.w * q * (1 - q))[:, None]))
            return float(beta[-1]), d.se((x * (d.w * (d.y - q))[:, None]) @ bread[-1])
    return None


def weighted_predictive_values(
    outcome: Any, score: Any, threshold: float, weight: Any, *, cluster: Any = None, level: float = 0.95
) -> dict[str, Estimate]:
    """Return PPV and NPV at ``score >= threshold`` under weights, as `weighted_calibration`; logit intervals."""
    d = _Weighted(outcome, weight, cluster, level, score=score)
    positive = d.columns[0] >= threshold
    found = {}
    for name, among, hit in (("ppv", positive, d.y), ("npv", ~positive, 1 - d.y)):
        w = d.w * among
        if w.sum() == 0:
            found[name] = d.estimate(math.nan, math.nan, name.upper(), "logit", "no such row: cannot be estimated")
            continue
        value = float(w @ hit / w.sum())
        note = f"share of {value:g}: no interval" if value in (0.0, 1.0) else ""
        found[name] = d.estimate(value, d.se(w * (hit - value) / w.sum()), name.upper(), "logit", note)
    return found


def weighted_net_benefit(
    outcome: Any, probability: Any, thresholds: Any, weight: Any, *, cluster: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Return net benefit of the model and of treating all under weights (Vickers and Elkin 2006).

    Returns
    -------
    DataFrame
        threshold, model, treat_all, difference (model - treat all), and of each <name>_se, <name>_ci_low,
        <name>_ci_high; per row of the cohort; treated: probability >= threshold.

    Raises
    ------
    AnalysisError
        A threshold outside (0, 1), or as `weighted_calibration`.
    """
    d = _Weighted(outcome, weight, cluster, level, probability=probability)
    t = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))
    if not ((t > 0) & (t < 1)).all():
        raise AnalysisError("thresholds must lie between 0 and 1", found=", ".join(f"{v:g}" for v in t[:5]))
    total = float(d.w.sum())
    table = []
    for cut in t:
        gain = d.y - cut / (1 - cut) * (1 - d.y)
        treated = d.columns[0] >= cut
        line: dict[str, float] = {"threshold": float(cut)}
        for name, each in (("model", gain * treated), ("treat_all", gain), ("difference", gain * (treated - 1.0))):
            value = float(d.w @ each) / total if total > 0 else math.nan
            e = d.estimate(value, d.se(d.w * (each - value) / total) if total > 0 else math.nan, name)
            line |= {name: e.value, f"{name}_se": e.se, f"{name}_ci_low": e.ci_low, f"{name}_ci_high": e.ci_high}
        table.append(line)
    return pd.DataFrame(table)
