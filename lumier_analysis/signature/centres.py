"""Internal-external cross-validation: learn in all centres but one, predict the one left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import stratified_auc
from lumier_analysis.signature.features import check_features
from lumier_analysis.signature.folds import centre_of_patients
from lumier_analysis.signature.outer import OuterJob, run_outer
from lumier_analysis.signature.recipe import Recipe
from lumier_analysis.signature.tuning import Settings, event_patients

MERGED = "small centres"
# A model needs more than one event patient in its inner training sets.
_LEAST_TRAINING_EVENTS = 4


@dataclass(frozen=True, slots=True)
class CentreResult:
    """How models learned in the other centres predict each centre.

    Attributes
    ----------
    pooled : Estimate
        AUC from pairs within one centre only; patients are the clusters.
    by_centre : dict of str -> Estimate
        AUC in each left-out centre; NaN with a note where it cannot be had.
    out_of_centre : DataFrame
        row (label in the features), centre, linear_predictor (log odds; higher = higher risk).
    fits : DataFrame
        One row a left-out centre: centre, alpha, lambda, n_genes, n_patients_train, n_event_patients_train,
        n_patients_test.
    note : str
        A stated degradation.
    """

    pooled: Estimate
    by_centre: dict[str, Estimate]
    out_of_centre: pd.DataFrame
    fits: pd.DataFrame
    note: str = ""


def leave_one_centre_out(
    features: pd.DataFrame,
    outcome: Any,
    patients: Any,
    centres: Any,
    *,
    minimum_events: int = 5,
    settings: Settings | None = None,
    recipe: Recipe | None = None,
    seed: int = 20160911,
    n_jobs: int = 1,
    level: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> CentreResult:
    """Leave out each centre in turn (Steyerberg and Harrell 2016, J Clin Epidemiol 69:245).

    Parameters
    ----------
    features, outcome, patients, settings, recipe, seed, n_jobs, level, progress
        As in `nested_cv`.
    centres : array-like, shape (n,)
        Centre of each row; a patient belongs to one.
    minimum_events : int
        Centres with fewer event patients are merged into one group, which is left out together.

    Returns
    -------
    CentreResult
        With fewer than two groups of centres, or too few event patients outside one, the pooled AUC is NaN with a
        note and nothing is fitted.

    Raises
    ------
    AnalysisError
        As `nested_cv`; a row without a centre, or a patient in two.
    """
    settings = settings or Settings()
    data = check_features(features, outcome, patients, recipe)
    centre_of_patients(data.patient, data.n_patients, centres)
    names = merge_small(data.event, data.patient, np.asarray(centres, dtype=object).astype(str), minimum_events)
    groups = list(dict.fromkeys(sorted(names, key=lambda g: (g == MERGED, g))))
    outside = [event_patients(data.event[names != g], data.patient[names != g]) for g in groups]
    merged = f"centres with fewer than {minimum_events} event patients are left out together"
    note = "; ".join(filter(None, [merged if MERGED in groups else "", data.note]))
    if len(groups) < 2 or min(outside) < _LEAST_TRAINING_EVENTS:
        why = "one group of centres" if len(groups) < 2 else f"{min(outside)} event patients outside a centre"
        gone = f"{why}: no internal-external cross-validation"
        pooled = Estimate(
            float("nan"), level=level, method="leave one centre out", n_patients=data.n_patients, note=gone
        )
        empty = pd.DataFrame(columns=["row", "centre", "linear_predictor"])
        return CentreResult(pooled, {}, empty, pd.DataFrame(columns=["centre", "alpha", "lambda", "n_genes"]), gone)

    jobs = [OuterJob(names != g, names == g, (seed, i)) for i, g in enumerate(groups)]
    fits = run_outer(data, jobs, settings, n_jobs=n_jobs, progress=progress)
    score = np.empty(data.event.size)
    for job, fit in zip(jobs, fits, strict=True):
        score[job.test] = fit.scores
    by_centre = {
        g: _auc(data.event[j.test], score[j.test], names[j.test], data.patient[j.test], level, "the centre left out")
        for g, j in zip(groups, jobs, strict=True)
    }
    pooled = _auc(data.event, score, names, data.patient, level, "leave one centre out, pairs within a centre")
    empty_models = sum(fit.line["n_genes"] == 0 for fit in fits)
    if empty_models:
        # An empty model has AUC 1/2 whatever the patients: an interval over patients would claim a precision it lacks.
        said = f"{empty_models} of {len(fits)} models selected no gene (AUC 0.5 by construction): no interval is given"
        nan = float("nan")
        pooled = replace(pooled, se=nan, ci_low=nan, ci_high=nan, p_value=None, note=said)
    pooled = replace(pooled, note="; ".join(filter(None, [note, pooled.note])))
    frame = pd.DataFrame({"row": data.index, "centre": names, "linear_predictor": score})
    table = pd.DataFrame([{"centre": g, **fit.line} for g, fit in zip(groups, fits, strict=True)])
    return CentreResult(pooled, by_centre, frame, table.drop(columns="references"), note)


def merge_small(event: Any, patient: Any, centre: Any, minimum_events: int) -> Any:
    """Return the centre of each row, those with fewer event patients than `minimum_events` under one name.

    Where the merged ones still have too few together, the smallest of the others joins them.
    """
    counts = {c: event_patients(event[centre == c], patient[centre == c]) for c in np.unique(centre)}
    if MERGED in counts:
        raise AnalysisError(f"no centre may be called {MERGED!r}")
    small = [c for c, n in counts.items() if n < minimum_events]
    others = sorted((n, c) for c, n in counts.items() if c not in small)
    while small and others and sum(counts[c] for c in small) < minimum_events:
        small.append(others.pop(0)[1])
    return np.where(np.isin(centre, small), MERGED, centre).astype(object)


def _auc(event: Any, score: Any, stratum: Any, patient: Any, level: float, method: str) -> Estimate:
    estimate = stratified_auc(event, score, stratum, cluster=patient, level=level)
    return replace(estimate, method=f"{method}; {estimate.method}")
