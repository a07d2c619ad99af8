"""Stability selection: how often each gene is selected in random halves of the patients, and how often wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance.arrays import check_rows
from lumier_analysis.signature.elastic_net import fit_path, lambda_grid
from lumier_analysis.signature.error_bounds import ErrorBounds, error_bounds
from lumier_analysis.signature.folds import patient_codes
from lumier_analysis.signature.learners import Bools, Floats, Ints
from lumier_analysis.signature.parallel import in_processes
from lumier_analysis.signature.preparation import learn_preparation

# Penalties tried on the way to the q-th gene, and the smallest as a share of the largest.
_N_LAMBDAS, _MIN_RATIO = 100, 0.01


@dataclass(frozen=True, slots=True)
class StabilitySelection:
    """What the halves selected.

    Attributes
    ----------
    frequency : Series
        Share of the 2B halves in which a gene was selected, by gene, falling.
    stable : tuple of str
        Genes at or above the threshold.
    threshold : float
    n_pairs : int
    mean_selected : float
        Genes a half selected, on average.
    bounds : ErrorBounds
        On the expected number of wrongly selected genes among the stable ones.
    note : str
        A stated degradation.
    """

    frequency: pd.Series
    stable: tuple[str, ...]
    threshold: float
    n_pairs: int
    mean_selected: float
    bounds: ErrorBounds
    note: str = ""

    @property
    def sentence(self) -> str:
        """The result with its bounds, for the report."""
        b, n = self.bounds, len(self.stable)
        shown = ["not proved here" if np.isnan(v) else f"{v:.2g}" for v in (b.unimodal, b.r_concave)]
        text = (
            f"{n} of {len(self.frequency)} genes were selected in at least {self.threshold:.0%} of the halves"
            f" ({self.n_pairs} complementary pairs of patients, {self.mean_selected:.1f} genes a half); expected number"
            f" of wrongly selected ones at most {b.meinshausen_buhlmann:.2g} (Meinshausen-Bühlmann), {shown[0]}"
            f" (unimodal), {shown[1]} (r-concave)."
        )
        return f"{text} {self.note[:1].upper()}{self.note[1:]}." if self.note else text


def stability_selection(
    features: pd.DataFrame,
    outcome: Any,
    patients: Any,
    *,
    n_selected: int = 10,
    alpha: float = 0.5,
    threshold: float = 0.75,
    n_pairs: int = 50,
    seed: int = 20160911,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> StabilitySelection:
    """Select genes in complementary halves of the patients (Shah and Samworth 2013).

    Patients are the units: all rows of a patient lie in one half (with an odd number one patient sits out). A half
    selects the first `n_selected` genes that enter its own elastic-net path, imputed and standardised on that half.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        One row a landmark, one column a gene; NaN = missing.
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
    n_selected : int
        Genes a half may select (q).
    alpha : float
        Share of the lasso in the penalty.
    threshold : float
        In (0.5, 1].
    n_pairs : int
    seed : int
        The result depends on it, not on `n_jobs`.
    n_jobs : int
        Processes; -1 = all processors.
    progress : callable, optional
        Called as progress(pairs done, pairs in all); an exception raised in it stops the work.

    Returns
    -------
    StabilitySelection
        A half with fewer than two event rows, or without a non-event, selects nothing, and the note counts it.

    Raises
    ------
    AnalysisError
        Rows that do not match, infinite features, fewer than four event patients.
    UsageError
        As `error_bounds`.
    """
    rows = check_rows(np.asarray(outcome), {}, patients)
    x = features.to_numpy(dtype=np.float64, na_value=np.nan)
    if len(x) != rows.event.size or np.isinf(x).any():
        raise AnalysisError(
            "features must have one finite row for each outcome", found=f"{len(x)} rows, {rows.event.size} outcomes"
        )
    if not 1 <= n_selected <= x.shape[1]:
        raise UsageError("n_selected must lie between 1 and the number of genes", found=repr(n_selected))
    error_bounds(n_selected, x.shape[1], threshold, n_pairs)  # refuses impossible settings before the work
    codes, k = patient_codes(patients)
    n_events = int(np.unique(codes[rows.event]).size)
    if n_events < 4:
        raise AnalysisError("stability selection needs four event patients", found=f"{n_events} event patients")
    jobs = [(x, rows.event, codes, k, n_selected, alpha, (seed, b)) for b in range(n_pairs)]
    counts, sizes = np.zeros(x.shape[1]), []
    for done, halves in enumerate(in_processes(_pair, jobs, n_jobs=n_jobs), start=1):
        counts += halves.sum(axis=0)
        sizes += halves.sum(axis=1).tolist()
        if progress is not None:
            progress(done, n_pairs)
    frequency = pd.Series(counts / (2 * n_pairs), index=features.columns, name="selection_frequency")
    frequency = frequency.sort_values(ascending=False, kind="stable")
    empty, mean = sizes.count(0), float(np.mean(sizes))
    if mean == 0:
        raise AnalysisError("no half of the patients selected a gene", found=f"{n_events} event patients")
    return StabilitySelection(
        frequency,
        # A share of exactly the threshold counts, whatever its rounding.
        tuple(str(g) for g in frequency.index[frequency >= threshold - 1e-12]),
        threshold,
        n_pairs,
        mean,
        error_bounds(mean, x.shape[1], threshold, n_pairs),
        f"{empty} of {2 * n_pairs} halves had too few events and selected nothing" if empty else "",
    )


def _pair(
    x: Floats, event: Bools, patient: Ints, k: int, q: int, alpha: float, seed: tuple[int, ...]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return what the two halves of one random split selected, shape (2, p)."""
    order = np.random.default_rng(seed).permutation(k)
    half = k // 2
    with threadpool_limits(limits=1):
        return np.stack(
            [
                first_selected(x[inside], event[inside], q, alpha)
                for part in (order[:half], order[half : 2 * half])
                for inside in (np.isin(patient, part),)
            ]
        )


def first_selected(x: Floats, event: Bools, q: int, alpha: float) -> Bools:
    """Return the first `q` columns that enter the elastic-net path, shape (p,); none without two events.

    Columns that enter at one penalty are ordered by the size of their coefficient there. Fewer where the path ends
    before the q-th.
    """
    chosen = np.zeros(x.shape[1], dtype=bool)
    if event.sum() < 2 or event.all():
        return chosen
    z = learn_preparation(x).apply(x)
    grid = lambda_grid(z, event, alpha, _N_LAMBDAS, _MIN_RATIO)
    # The end of a path costs most: go down only as far as needed.
    for stop in (_N_LAMBDAS // 4, _N_LAMBDAS // 2, _N_LAMBDAS):
        coefs = fit_path(z, event, alpha, grid[:stop]).coefs
        inside = coefs != 0
        if inside.any(axis=0).sum() >= q:
            break
    ever = np.flatnonzero(inside.any(axis=0))
    entry = inside[:, ever].argmax(axis=0)
    size = np.abs(coefs[entry, ever])
    chosen[ever[np.lexsort((-size, entry))][:q]] = True
    return chosen
