"""Nested cross-validation: the honest AUC of a signature that is still to be learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import stratified_auc
from lumier_analysis.performance.arrays import check_rows
from lumier_analysis.signature.folds import grouped_folds, patient_codes
from lumier_analysis.signature.tuning import Bools, Floats, Ints, Settings, event_patients, tune_elastic_net

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
        the model that never saw this patient; higher = higher risk).
    folds : DataFrame
        One row an outer fit: repeat, fold, alpha, lambda, n_genes, n_patients_train, n_event_patients_train,
        n_patients_test.
    selection_frequency : Series
        Share of outer fits in which a gene was selected, by gene, falling.
    note : str
        A stated degradation.
    """

    auc: Estimate
    out_of_fold: pd.DataFrame
    folds: pd.DataFrame
    selection_frequency: pd.Series
    note: str = ""

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
    seed: int = 20160911,
    n_jobs: int = 1,
    level: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> NestedResult:
    """Estimate by nested cross-validation how an elastic net learned on these rows would predict.

    Folds keep a patient together and are stratified by ever-flare. Imputation, scaling and tuning are learned inside
    each outer training set.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        One row a landmark, one column a gene; NaN = missing.
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
    outer_folds, repeats : int
        Fewer folds where there are fewer event patients, with a note.
    settings : Settings, optional
        Of the inner tuning.
    seed : int
        The result depends on it, not on `n_jobs`.
    n_jobs : int
        Processes; -1 = all processors.
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
    if not features.index.is_unique:
        raise AnalysisError("features has doubled row labels", fix="set_index to the sample")
    rows = check_rows(np.asarray(outcome), {}, patients)
    x = features.to_numpy(dtype=np.float64, na_value=np.nan)
    if len(x) != rows.event.size:
        raise AnalysisError("features and outcome differ in length", found=f"{len(x)} and {rows.event.size}")
    if np.isinf(x).any():
        raise AnalysisError("features has infinite values", found=f"{int(np.isinf(x).sum())} values")
    codes, _ = patient_codes(patients)
    n_events = event_patients(rows.event, codes)
    if n_events < LEAST_EVENT_PATIENTS or rows.event.all():
        return _empty(features, rows.event, rows.n_patients, n_events, level)

    n_folds = min(outer_folds, n_events)
    note = f"{n_folds} outer folds instead of {outer_folds}: {n_events} event patients" if n_folds < outer_folds else ""
    assignment = [grouped_folds(codes, rows.event, n_folds, (seed, r)) for r in range(repeats)]
    jobs = [
        (x, rows.event, codes, assignment[r], k, settings, (seed, r, k)) for r in range(repeats) for k in range(n_folds)
    ]
    fits = []
    for done, fit in enumerate(_run(jobs, n_jobs), start=1):
        fits.append(fit)
        if progress is not None:
            progress(done, len(jobs))

    out, table, selected = [], [], np.zeros(x.shape[1])
    for (_, _, _, fold, k, _, (_, r, _)), (scores, line, coef) in zip(jobs, fits, strict=True):
        labels = features.index[fold == k]
        out.append(pd.DataFrame({"row": labels, "repeat": r, "fold": k, "linear_predictor": scores}))
        table.append({"repeat": r, "fold": k, **line})
        selected += coef != 0
    frame = pd.concat(out, ignore_index=True)
    position = features.index.get_indexer(pd.Index(frame["row"]))
    auc = stratified_auc(
        rows.event[position],
        frame["linear_predictor"].to_numpy(),
        (frame["repeat"] * n_folds + frame["fold"]).to_numpy(),
        cluster=codes[position],
        level=level,
    )
    auc = replace(
        auc,
        method=f"nested cross-validation, {repeats} x {n_folds} folds; {auc.method}",
        n_rows=rows.event.size,
        n_events=int(rows.event.sum()),
        note="; ".join(filter(None, [note, auc.note])),
    )
    frequency = pd.Series(selected / len(fits), index=features.columns, name="selection_frequency")
    return NestedResult(auc, frame, pd.DataFrame(table), frequency.sort_values(ascending=False, kind="stable"), note)


def _run(jobs: list[tuple[Any, ...]], n_jobs: int) -> Iterator[Any]:
    """Yield the fits in the order of the jobs, in this process or in several."""
    if n_jobs == 1:
        yield from (_outer_fit(*job) for job in jobs)
    else:
        yield from Parallel(n_jobs=n_jobs, return_as="generator")(delayed(_outer_fit)(*job) for job in jobs)


def _outer_fit(
    x: Floats, event: Bools, patient: Ints, fold: Ints, k: int, settings: Settings, seed: tuple[int, ...]
) -> tuple[Floats, dict[str, Any], Floats]:
    """Learn on the rows outside fold `k`; return the scores of those inside, what was chosen, and coefficients."""
    train, test = fold != k, fold == k
    # One BLAS thread: sums in the same order whatever the machine, and no threads fighting over small matrices.
    with threadpool_limits(limits=1):
        fit = tune_elastic_net(x[train], event[train], patient[train], settings, seed)
        scores = fit.linear_predictor(x[test])
    line = {
        "alpha": fit.alpha,
        "lambda": fit.lambda_,
        "n_genes": int((fit.coef != 0).sum()),
        "n_patients_train": int(np.unique(patient[train]).size),
        "n_event_patients_train": event_patients(event[train], patient[train]),
        "n_patients_test": int(np.unique(patient[test]).size),
    }
    return scores, line, fit.coef


def _empty(features: pd.DataFrame, event: Bools, n_patients: int, n_events: int, level: float) -> NestedResult:
    """Return the result that says there is too little to learn from."""
    note = f"{n_events} event patients (at least {LEAST_EVENT_PATIENTS} are needed): no nested cross-validation"
    if event.all():
        note = "every row is an event: no nested cross-validation"
    auc = Estimate(
        float("nan"),
        level=level,
        method="nested cross-validation",
        n_patients=n_patients,
        n_rows=event.size,
        n_events=int(event.sum()),
        note=note,
    )
    return NestedResult(
        auc,
        pd.DataFrame(columns=["row", "repeat", "fold", "linear_predictor"]),
        pd.DataFrame(columns=["repeat", "fold", "alpha", "lambda", "n_genes"]),
        pd.Series(0.0, index=features.columns, name="selection_frequency"),
        note,
    )
