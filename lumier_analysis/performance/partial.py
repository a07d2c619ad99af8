"""Partial AUC: the area over a range of specificity or sensitivity, with McClish's correction."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from lumier_analysis.errors import UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Bools, Floats, Ints, check_level, check_rows
from lumier_analysis.performance.auc import DEFAULT_SEED
from lumier_analysis.performance.bootstrap import multiplicities
from lumier_analysis.performance.intervals import NO_INTERVAL, Interval, wald_interval

# Rows x replicates held at once.
_CHUNK = 2_000_000


def partial_auc(
    outcome: Any,
    score: Any,
    *,
    region: tuple[float, float] = (0.8, 1.0),
    of: Literal["specificity", "sensitivity"] = "specificity",
    correct: bool = True,
    cluster: Any = None,
    method: Literal["bootstrap", "jackknife"] = "bootstrap",
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = DEFAULT_SEED,
) -> Estimate:
    """Return the area under the ROC curve over a range of specificity (or sensitivity).

    Parameters
    ----------
    outcome, score : array-like, shape (n,)
        As in `auc`; higher score = higher risk.
    region : (float, float)
        Lower and upper end of the range, in [0, 1].
    of : {"specificity", "sensitivity"}
        What the range is of: mean sensitivity over specificities, or mean specificity over sensitivities.
    correct : bool
        McClish (1989, Med Decis Making 9:190), ``(1 + (area - chance) / (best - chance)) / 2``: 0.5 is chance and 1
        perfect whatever the range. False: the bare area.
    cluster : array-like, shape (n,), optional
        Patient of each row; without it each row is a patient.
    method : {"bootstrap", "jackknife"}
        Patient bootstrap with percentile interval, or delete-one-patient jackknife with Wald interval.
    level : float
    n_boot, seed : int

    Returns
    -------
    Estimate
        NaN with a note without an event or a non-event; no interval, with a note, where replicates do not vary.

    Raises
    ------
    AnalysisError
        As `auc`.
    UsageError
        A range that is empty or leaves [0, 1], or an unknown `of` or `method`.
    """
    check_level(level)
    low, high = region
    if not 0 <= low < high <= 1:
        raise UsageError("the region must be a range within 0 and 1", found=repr(region), fix="region=(0.8, 1.0)")
    if of not in ("specificity", "sensitivity"):
        raise UsageError("a partial AUC is over specificity or sensitivity", found=repr(of), fix='of="specificity"')
    if method not in ("bootstrap", "jackknife"):
        raise UsageError("unknown method of partial_auc", found=repr(method), fix='method="bootstrap"')
    if n_boot < 2:
        raise UsageError("n_boot must be 2 or more", found=repr(n_boot), fix="n_boot=2000")
    rows = check_rows(outcome, {"score": score}, cluster)
    k = rows.n_patients
    event, values = rows.event, rows.scores[0]
    name = f"partial AUC, {of} {low:g} to {high:g}{', McClish corrected' if correct else ''}"
    how = "patient bootstrap; percentile interval" if method == "bootstrap" else "patient jackknife; Wald interval"

    def result(value: float, se: float = math.nan, limits: Interval = NO_INTERVAL, note: str = "") -> Estimate:
        return Estimate(
            value=value,
            se=se,
            ci_low=limits.low,
            ci_high=limits.high,
            level=level,
            method=f"{name}; {how}",
            n_patients=k,
            n_rows=event.size,
            n_events=int(event.sum()),
            note=note,
        )

    if event.all() or not event.any():
        what = "every row is an event" if event.all() else "no event"
        return result(math.nan, note=f"{what}: the partial AUC cannot be estimated")
    # Over sensitivities: with classes and direction turned round, sensitivity and specificity change places.
    area = _Area(event, values, rows.patient) if of == "specificity" else _Area(~event, -values, rows.patient)

    def of_weights(times: Ints | Floats) -> Floats:
        return area(times, 1 - high, 1 - low, correct)

    value = float(of_weights(np.ones((1, k)))[0])
    size = max(1, _CHUNK // event.size)
    if method == "jackknife":
        replicates = np.concatenate(
            [of_weights(1.0 - np.eye(min(size, k - i), k, i)) for i in range(0, k, size)] or [np.empty(0)]
        )
        void = int(np.isnan(replicates).sum())
        if void:
            return result(value, note="without one patient a class is empty: no standard error, no interval")
        se = math.sqrt((k - 1) / k * float(np.sum((replicates - replicates.mean()) ** 2)))
        if se < 1e-12:
            return result(value, note="the estimated standard error is 0: no interval")
        limits = wald_interval(value, se, level)
        return result(value, se, Interval(limits.low, limits.high))
    rng = np.random.default_rng(seed)
    parts = [of_weights(multiplicities(rng, k, min(size, n_boot - start))) for start in range(0, n_boot, size)]
    every = np.concatenate(parts)
    replicates = every[~np.isnan(every)]
    note = f"{every.size - replicates.size} of {n_boot} bootstrap replicates had no event or no non-event"
    if replicates.size < 2 or np.ptp(replicates) < 1e-12:
        return result(value, note="bootstrap replicates do not vary: no interval")
    tail = (1 - level) / 2
    bounds = np.quantile(replicates, [tail, 1 - tail])
    se = float(np.std(replicates, ddof=1))
    return result(value, se, Interval(float(bounds[0]), float(bounds[1])), note if every.size > replicates.size else "")


class _Area:
    """Partial areas under weighted ROC curves."""

    def __init__(self, event: Bools, score: Floats, patient: Ints) -> None:
        order = np.argsort(-score, kind="stable")
        self.who, self.event = patient[order], event[order]
        self.levels = np.flatnonzero(np.r_[True, np.diff(score[order]) < 0])

    def __call__(self, times: Ints | Floats, first: float, last: float, correct: bool) -> Floats:
        """Return the area between two false-positive rates for patient weights `times`, shape (b, n_patients)."""
        weight = times[:, self.who].astype(np.float64)
        rates = []
        for inside in (~self.event, self.event):
            steps = np.cumsum(np.add.reduceat(weight * inside, self.levels, axis=1), axis=1)
            total = steps[:, -1:]
            share = np.divide(steps, total, out=np.full(steps.shape, np.nan), where=total > 0)
            rates.append(np.column_stack([np.zeros(len(times)), share]))
        x, y = rates
        inner = np.cumsum(np.diff(x, axis=1) * (y[:, 1:] + y[:, :-1]) / 2, axis=1)
        below = np.column_stack([np.zeros(len(times)), inner])
        area = self._up_to(x, y, below, last) - self._up_to(x, y, below, first)
        if not correct:
            return area
        chance, best = (last**2 - first**2) / 2, last - first
        return (1 + (area - chance) / (best - chance)) / 2

    @staticmethod
    def _up_to(x: Floats, y: Floats, below: Floats, at: float) -> Floats:
        """Return the area left of the false-positive rate `at`: whole trapezia, and the part of the one it cuts."""
        end = np.clip((x < at).sum(axis=1), 1, x.shape[1] - 1)
        row = np.arange(len(x))
        x0, x1, y0, y1 = x[row, end - 1], x[row, end], y[row, end - 1], y[row, end]
        width = x1 - x0
        slope = np.divide(y1 - y0, width, out=np.zeros(len(x)), where=width > 0)
        part = at - x0
        return np.where(np.isnan(width), np.nan, below[row, end - 1] + part * (y0 + slope * part / 2))
