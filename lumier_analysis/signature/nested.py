"""Nested cross-validation: the honest AUC of a signature that is still to be learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import classification, stratified_auc
from lumier_analysis.signature.features import Candidates, check_features
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.outer import OuterFit, OuterJob, run_outer
from lumier_analysis.signature.recipe import Recipe
from lumier_analysis.signature.tuning import Settings, event_patients

# With fewer, an inner training set could be left with one event patient.
LEAST_EVENT_PATIENTS = 4


@dataclass(frozen=True, slots=True)
class NestedResult:
    """What nested cross-validation found.

    Attributes
    ----------
    auc : Estimate
        From pairs within one outer fold (of one repeat) only; patients are the clusters.
    out_of_fold : DataFrame
        One row a feature row and repeat: row (label in the features), repeat, fold, linear_predictor (log odds from
        the model that never saw this patient; higher = higher risk), positive (whether the threshold chosen in the
        fold's training rows flags it; missing where none was asked for, or the fold's model is empty).
    folds : DataFrame
        One row an outer fit: repeat, fold, alpha, lambda, n_genes, threshold, references (the reference genes chosen,
        where the recipe has candidates), n_patients_train, n_event_patients_train, n_patients_test.
    selection_frequency : Series
        Share of outer fits in which a column was selected, by its name, falling.
    note : str
        A stated degradation.
    flagging : DataFrame or None
        Sensitivity, specificity and the rest (`classification`) of the whole procedure with its threshold, from the
        first repeat.
    """

    auc: Estimate
    out_of_fold: pd.DataFrame
    folds: pd.DataFrame
    selection_frequency: pd.Series
    note: str = ""
    flagging: pd.DataFrame | None = None

    @property
    def linear_predictor(self) -> pd.Series:
        """Out-of-fold log odds by row label, mean over repeats."""
        return self.out_of_fold.groupby("row", sort=False)["linear_predictor"].mean()


def nested_cv(
    features: pd.DataFrame,
    outcome: Any,
    patients: Any,
    *,
    outer_folds: int = 10,
    repeats: int = 1,
    settings: Settings | None = None,
    recipe: Recipe | None = None,
    centres: Any = None,
    seed: int = 20160911,
    n_jobs: int = 1,
    level: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> NestedResult:
    """Estimate by nested cross-validation how an elastic net learned on these rows would predict.

    Folds keep a patient together and are stratified by ever-flare. The choice of reference genes, z-scores,
    imputation, screening, tuning and the threshold are learned inside each outer training set.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        One row a landmark, one column a gene (or as the recipe says); NaN = missing.
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
    outer_folds, repeats : int
        Fewer folds where there are fewer event patients, with a note.
    settings : Settings, optional
        Of the inner tuning, and of the threshold.
    recipe : Recipe, optional
        How the columns of the model are made from the features; by default they are the features.
    centres : array-like, shape (n,), optional
        Balances the outer folds by centre.
    seed : int
        The result depends on it, not on `n_jobs`.
    n_jobs : int
        Fits at a time; -1 = all processors.
    level : float
        Confidence level of the AUC.
    progress : callable, optional
        Called as progress(fits done, fits in all). An exception raised in it (or Ctrl-C) stops the work.

    Returns
    -------
    NestedResult
        With fewer than `LEAST_EVENT_PATIENTS` event patients nothing is fitted: the AUC is NaN with a note and the
        tables are empty.

    Raises
    ------
    AnalysisError
        Rows that do not match, doubled row labels, infinite features, an outcome other than 0 and 1.
    """
    settings = settings or Settings()
    data = check_features(features, outcome, patients, recipe)
    n_events = event_patients(data.event, data.patient)
    if n_events < LEAST_EVENT_PATIENTS or data.event.all():
        return _empty(data, n_events, level)

    n_folds = min(outer_folds, n_events)
    fewer = (
        f"{n_folds} outer folds instead of {outer_folds}: {n_events} event patients" if n_folds < outer_folds else ""
    )
    folds = [grouped_folds(data.patient, data.event, n_folds, (seed, r), centre=centres) for r in range(repeats)]
    jobs = [OuterJob(folds[r] != k, folds[r] == k, (seed, r, k)) for r in range(repeats) for k in range(n_folds)]
    fits = run_outer(data, jobs, settings, n_jobs=n_jobs, progress=progress)

    note = "; ".join(filter(None, [fewer, data.note, _separated(fits), _empties(fits)]))
    frame, table, position = _tables(features, folds, fits)
    auc = stratified_auc(
        data.event[position],
        frame["linear_predictor"].to_numpy(),
        (frame["repeat"] * n_folds + frame["fold"]).to_numpy(),
        cluster=data.patient[position],
        level=level,
    )
    auc = replace(
        auc,
        method=f"nested cross-validation, {repeats} x {n_folds} folds; {auc.method}",
        n_rows=data.event.size,
        n_events=int(data.event.sum()),
        note="; ".join(filter(None, [note, auc.note])),
    )
    share = np.mean([fit.coef != 0 for fit in fits], axis=0)
    frequency = pd.Series(share, index=data.columns, name="selection_frequency")
    return NestedResult(
        auc,
        frame,
        table,
        frequency.sort_values(ascending=False, kind="stable"),
        note,
        _flagging(data, frame, table, level) if settings.threshold else None,
    )


def _tables(
    features: pd.DataFrame, folds: list[Any], fits: list[OuterFit]
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return the out-of-fold rows, the fits, and the place in the features of each out-of-fold row."""
    n_folds = len(fits) // len(folds)
    out, table, position = [], [], []
    for i, fit in enumerate(fits):
        r, k = divmod(i, n_folds)
        at = np.flatnonzero(folds[r] == k)
        positive = pd.array([None] * at.size if np.isnan(fit.threshold) else fit.scores >= fit.threshold, "boolean")
        columns = {"row": features.index[at], "repeat": r, "fold": k, "linear_predictor": fit.scores}
        out.append(pd.DataFrame(columns | {"positive": positive}))
        table.append({"repeat": r, "fold": k, **fit.line})
        position.append(at)
    return pd.concat(out, ignore_index=True), pd.DataFrame(table), np.concatenate(position)


def _flagging(data: Candidates, frame: pd.DataFrame, table: pd.DataFrame, level: float) -> pd.DataFrame | None:
    """Return how the thresholds of the first repeat's folds classify the rows left out."""
    first = frame[(frame["repeat"] == 0) & frame["positive"].notna()]
    at = data.index.get_indexer(pd.Index(first["row"]))
    event = data.event[at]
    if event.all() or not event.any():
        return None
    flags = first["positive"].astype(float).to_numpy()
    result = classification(event, flags, 0.5, cluster=data.patient[at], level=level)
    empty = int(table.loc[table["repeat"] == 0, "threshold"].isna().sum())
    if empty:
        left = f"{empty} folds whose model is empty flag nobody and are left out"
        result["note"] = [f"{n}; {left}" if n else left for n in result["note"]]
    return result


def _empties(fits: list[OuterFit]) -> str:
    """Return the note on models without a gene: their pairs count 1/2 whatever the patients."""
    n = sum(fit.line["n_genes"] == 0 for fit in fits)
    return f"{n} of {len(fits)} outer fits select no gene (AUC 0.5 by construction)" if n else ""


def _separated(fits: list[OuterFit]) -> str:
    """Return the note on models that separate the classes."""
    n = sum(fit.separated for fit in fits)
    return f"{n} of {len(fits)} outer fits separate their training rows completely" if n else ""


def _empty(data: Candidates, n_events: int, level: float) -> NestedResult:
    """Return the result that says there is too little to learn from."""
    note = f"{n_events} event patients (at least {LEAST_EVENT_PATIENTS} are needed): no nested cross-validation"
    if data.event.all():
        note = "every row is an event: no nested cross-validation"
    auc = Estimate(
        float("nan"),
        level=level,
        method="nested cross-validation",
        n_patients=data.n_patients,
        n_rows=data.event.size,
        n_events=int(data.event.sum()),
        note=note,
    )
    return NestedResult(
        auc,
        pd.DataFrame(columns=["row", "repeat", "fold", "linear_predictor", "positive"]),
        pd.DataFrame(columns=["repeat", "fold", "alpha", "lambda", "n_genes", "threshold"]),
        pd.Series(0.0, index=data.columns, name="selection_frequency"),
        note,
    )
