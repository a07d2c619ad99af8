"""The flexible calibration curve with a patient-bootstrap band."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance.arrays import Bools, Floats, check_level, check_rows
from lumier_analysis.performance.auc import DEFAULT_SEED
from lumier_analysis.performance.bootstrap import multiplicities
from lumier_analysis.performance.loess import loess
from lumier_analysis.performance.logistic import fit_logistic

# Harrell's (2015, Regression Modeling Strategies, table 2.3) places of 4 knots.
_KNOTS = (0.05, 0.35, 0.65, 0.95)
# Fewer usable replicates than this give no band: an end of it would rest on a handful.
_LEAST = 100


def calibration_band(
    outcome: Any,
    probability: Any,
    *,
    cluster: Any = None,
    curve: Literal["loess", "spline"] = "loess",
    points: int = 50,
    span: float = 0.75,
    degree: int = 2,
    level: float = 0.95,
    n_boot: int = 500,
    seed: int = DEFAULT_SEED,
) -> pd.DataFrame:
    """Return observed against predicted risk as a smooth curve with a pointwise band.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
    probability : array-like of float, shape (n,)
        Predicted risk of the event, in [0, 1]; strictly inside for the spline.
    cluster : array-like, shape (n,), optional
        Patient of each row: whole patients are resampled. Without it rows are.
    curve : {"loess", "spline"}
        "loess" as in `calibration`. "spline": logistic regression on a restricted cubic spline of the logit with 4
        knots, linear beyond the outer ones (Harrell 2015); knots stay those of the sample.
    points : int
        Equally spaced risks from the 1st to the 99th percentile: beyond, a few rows decide.
    span, degree : float, int
        Of the loess curve.
    level : float
    n_boot, seed : int

    Returns
    -------
    DataFrame
        probability, observed, ci_low, ci_high; `attrs["method"]` says how, `attrs["note"]` what could not be had and
        how many resamples gave no curve. Values lie in [0, 1].

    Raises
    ------
    AnalysisError
        As `calibration`; without an event or non-event, for constant risks, and for a spline through risks of 0 or 1
        or through fewer than 4 distinct knots.
    UsageError
        An unknown curve, or too few points or resamples.
    """
    check_level(level)
    if curve not in ("loess", "spline"):
        raise UsageError("unknown calibration curve", found=repr(curve), fix='curve="loess" or "spline"')
    if points < 2 or n_boot < _LEAST:
        found, fix = f"points={points}, n_boot={n_boot}", "points=50, n_boot=500"
        raise UsageError(f"a band needs 2 points and {_LEAST} resamples or more", found=found, fix=fix)
    rows = check_rows(outcome, {"probability": probability}, cluster)
    event, p = rows.event, rows.scores[0]
    if p.min() < 0 or p.max() > 1:
        raise AnalysisError("probability must lie between 0 and 1", found=f"{p.min():g} to {p.max():g}")
    m = int(event.sum())
    if m in (0, event.size):
        raise AnalysisError("a calibration curve needs events and non-events", found=f"{m} events of {event.size} rows")
    first, last = np.quantile(p, [0.01, 0.99])
    if first == last:
        raise AnalysisError("the predicted risks do not differ: there is no curve", found=f"{p.size} rows")
    at = np.linspace(first, last, points)
    knots = _knots(p) if curve == "spline" else np.empty(0)

    def fitted(take: Any) -> Floats:
        if curve == "loess":
            return np.clip(loess(p[take], event[take].astype(np.float64), at, span=span, degree=degree), 0, 1)
        return _spline(p[take], event[take], at, knots)

    observed = fitted(slice(None))
    order = np.argsort(rows.patient, kind="stable")
    replicates = []
    for times in multiplicities(np.random.default_rng(seed), rows.n_patients, n_boot):
        take = np.repeat(order, times[rows.patient[order]])
        if 0 < event[take].sum() < take.size and np.ptp(p[take]) > 0:
            replicates.append(fitted(take))
    kept = [r for r in replicates if np.isfinite(r).all()]
    low = high = np.full(points, math.nan)
    notes = ["events and non-events are separated: the curve cannot be estimated"] if np.isnan(observed).any() else []
    if len(kept) < n_boot:
        notes.append(f"{n_boot - len(kept)} of {n_boot} resamples of patients gave no curve")
    if rows.n_patients < 2 or len(kept) < _LEAST:
        notes.append("no band")
    else:
        low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2], axis=0)
    table = pd.DataFrame({"probability": at, "observed": observed, "ci_low": low, "ci_high": high})
    what = f"loess, span {span:g}, degree {degree}" if curve == "loess" else "restricted cubic spline of the logit"
    who = "patient" if rows.clustered else "row"
    table.attrs = {"method": f"{what}; {who} bootstrap, pointwise {100 * level:g} % band", "note": "; ".join(notes)}
    return table


def _knots(p: Floats) -> Floats:
    """Return the knots on the logit scale."""
    extreme = int(((p <= 0) | (p >= 1)).sum())
    if extreme:
        raise AnalysisError(
            "a spline of the logit cannot pass through risks of exactly 0 or 1",
            found=f"{extreme} such risks",
            fix='curve="loess"',
        )
    knots = np.quantile(scipy.special.logit(p), _KNOTS)
    if np.unique(knots).size < len(_KNOTS):
        raise AnalysisError(
            "too few distinct risks for a spline", found=f"{np.unique(p).size} distinct risks", fix='curve="loess"'
        )
    return knots


def spline_basis(x: Floats, knots: Floats) -> Floats:
    """Return intercept, x and the restricted cubic terms, shape (n, len(knots)): linear beyond the outer knots.

    Harrell (2015), eq. 2.25, divided by the squared distance of the outer knots.
    """
    last, before = knots[-1], knots[-2]

    def cube(k: float) -> Floats:
        return np.maximum(x - k, 0.0) ** 3

    terms = [
        (cube(k) - cube(before) * (last - k) / (last - before) + cube(last) * (before - k) / (last - before))
        / (last - knots[0]) ** 2
        for k in knots[:-2]
    ]
    return np.column_stack([np.ones(x.size), x, *terms])


def _spline(p: Floats, event: Bools, at: Floats, knots: Floats) -> Floats:
    """Return the fitted risks at `at`; NaN where the fit has no maximum."""
    fit = fit_logistic(spline_basis(scipy.special.logit(p), knots), event)
    return np.asarray(scipy.special.expit(spline_basis(scipy.special.logit(at), knots) @ fit.coef), dtype=np.float64)
