"""A model learned anew in bootstrap samples of patients, and what each of these models says of every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance.arrays import check_rows
from lumier_analysis.signature.folds import patient_codes
from lumier_analysis.signature.learners import Bools, Floats, Ints, Learner, LogisticLearner
from lumier_analysis.signature.parallel import in_processes


@dataclass(frozen=True, eq=False)
class BootstrapFits:
    """Models of bootstrap samples, seen on the original rows.

    Attributes
    ----------
    event : ndarray of bool, shape (n,)
    patient : ndarray of int, shape (n,)
    n_patients : int
    apparent : ndarray, shape (n,)
        Log odds from the model of all rows.
    replicates : ndarray, shape (B, n)
        Log odds of every original row from the model of each bootstrap sample; NaN throughout where none could be
        learned.
    times : ndarray of int, shape (B, n_patients)
        How often each patient was drawn.
    rows : Index
        Labels of the rows.
    learner : str
    """

    event: Bools
    patient: Ints
    n_patients: int
    apparent: Floats
    replicates: Floats
    times: Ints
    rows: pd.Index
    learner: str

    @property
    def usable(self) -> Bools:
        """Samples from which a model could be learned, shape (B,)."""
        return np.asarray(~np.isnan(self.replicates).any(axis=1))


def patient_bootstrap(
    features: pd.DataFrame,
    outcome: Any,
    patients: Any,
    *,
    learner: Learner | None = None,
    n_boot: int = 200,
    seed: int = 20160911,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> BootstrapFits:
    """Learn a model on all rows and on `n_boot` bootstrap samples of patients.

    All rows of a drawn patient come along, as often as the patient was drawn; the copies keep one patient code, so that
    folds inside the learning never hold copies of one patient on both sides.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        One row a landmark; NaN = missing.
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
    learner : Learner, optional
        Default `LogisticLearner`.
    n_boot : int
    seed : int
        The result depends on it, not on `n_jobs`.
    n_jobs : int
        Processes; -1 = all processors.
    progress : callable, optional
        Called as progress(samples done, samples in all). An exception raised in it (or Ctrl-C) stops the work.

    Raises
    ------
    AnalysisError
        Rows that do not match, infinite features, or nothing to learn from all rows.
    """
    learner = learner or LogisticLearner()
    if n_boot < 2:
        raise UsageError("n_boot must be 2 or more", found=repr(n_boot), fix="n_boot=200")
    rows = check_rows(np.asarray(outcome), {}, patients)
    x = features.to_numpy(dtype=np.float64, na_value=np.nan)
    if len(x) != rows.event.size or np.isinf(x).any():
        raise AnalysisError(
            "features must have one finite row for each outcome", found=f"{len(x)} rows, {rows.event.size} outcomes"
        )
    codes, k = patient_codes(patients)
    with threadpool_limits(limits=1):
        apparent = learner(x, rows.event, codes, (seed,))(x)
    times = np.stack([_draw(k, (seed, b)) for b in range(n_boot)])
    jobs = [(learner, x, rows.event, codes, times[b], (seed, b)) for b in range(n_boot)]
    replicates = np.empty((n_boot, len(x)))
    for b, scores in enumerate(in_processes(_one, jobs, n_jobs=n_jobs)):
        replicates[b] = scores
        if progress is not None:
            progress(b + 1, n_boot)
    return BootstrapFits(rows.event, codes, k, apparent, replicates, times, features.index, learner.name)


def _draw(k: int, seed: tuple[int, ...]) -> Ints:
    """Return how often each of `k` patients is drawn in one bootstrap sample."""
    return np.bincount(np.random.default_rng(seed).integers(k, size=k), minlength=k).astype(np.intp)


def _one(learner: Learner, x: Floats, event: Bools, patient: Ints, times: Ints, seed: tuple[int, ...]) -> Floats:
    """Return the log odds of all rows from the model of one bootstrap sample; NaN where it teaches nothing."""
    drawn = np.repeat(np.arange(len(x)), times[patient])
    try:
        # One BLAS thread: sums in the same order whatever the machine, and no threads fighting over small matrices.
        with threadpool_limits(limits=1):
            return learner(x[drawn], event[drawn], patient[drawn], seed)(x)
    except AnalysisError:
        return np.full(len(x), np.nan)
