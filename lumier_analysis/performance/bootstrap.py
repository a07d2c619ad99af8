"""Patient bootstrap of the AUC, many replicates at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lumier_analysis.performance.arrays import Bools, Floats, Ints, sum_by

# Entries held at once: 4 million float64 are 32 MB, whatever the size of the study.
_CHUNK = 4_000_000
# Fewer entries at once where they are worked on again and again: they stay in the processor's cache.
_CACHE = 150_000
# Largest exact integer of float32.
_EXACT = 2**24


def multiplicities(rng: np.random.Generator, n_patients: int, size: int) -> Ints:
    """Return how often each patient is drawn in `size` resamples with replacement, shape (size, n_patients).

    Patients come from 32 random bits by multiplication (Lemire 2019, ACM TOMACS 29:3): no patient's chance is off by
    more than a factor of 1 + n_patients / 2^32.
    """
    bits = rng.integers(0, 2**64, size=(size * n_patients + 1) // 2, dtype=np.uint64).view(np.uint32)
    drawn = (bits[: size * n_patients].astype(np.uint64) * np.uint64(n_patients)) >> np.uint64(32)
    places = drawn.view(np.int64).reshape(size, n_patients) + n_patients * np.arange(size)[:, None]
    return np.bincount(places.ravel(), minlength=size * n_patients).reshape(size, n_patients)


def bootstrap_aucs(
    event: Bools, score: Floats, patient: Ints, n_patients: int, *, n_boot: int, seed: int
) -> tuple[Floats, int]:
    """Return AUCs of `n_boot` resamples of patients, all rows of a patient together.

    A resample is a vector of multiplicities t, and its AUC a weighted one: no row is copied. Copies of a patient are
    patients of their own. With the concordant pairs C[i, j] of patient i's events and patient j's non-events the
    weighted count is t' C t: one matrix product for many replicates. Where that matrix would be large, weighted
    counts run along the sorted rows instead.

    Returns
    -------
    values : ndarray, shape (<= n_boot,)
        Replicates that have an event and a non-event.
    n_void : int
        Replicates without: counted, left out.
    """
    rng = np.random.default_rng(seed)
    n_pairs = int(event.sum()) * int((~event).sum())
    concordance = _ByPatients if n_pairs <= _CHUNK else _BySortedRows
    count = concordance(event, score, patient, n_patients)
    parts = []
    for start in range(0, n_boot, count.replicates):
        times = multiplicities(rng, n_patients, min(count.replicates, n_boot - start))
        concordant, pairs = count(times)
        parts.append(np.divide(concordant, pairs, out=np.full(pairs.size, np.nan), where=pairs > 0))
    values = np.concatenate(parts)
    kept = values[~np.isnan(values)]
    return kept, values.size - kept.size


class _ByPatients:
    """Concordant and all pairs of resamples from the matrix of patients with an event by patients."""

    def __init__(self, event: Bools, score: Floats, patient: Ints, n_patients: int) -> None:
        order = np.argsort(patient, kind="stable")
        event, score, patient = event[order], score[order], patient[order]
        a, b = score[event][:, None], score[~event][None, :]
        # Twice the concordant pairs: whole numbers, that single precision holds exactly where they are small.
        wins = (a > b).astype(np.int64) + (a >= b)
        self.rows, starts = np.unique(patient[event], return_index=True)
        self.columns, across = np.unique(patient[~event], return_index=True)
        matrix = np.add.reduceat(np.add.reduceat(wins, starts, axis=0), across, axis=1)
        bound = 2 * (n_patients * int(np.bincount(patient, minlength=n_patients).max())) ** 2
        self.dtype = np.float32 if bound < _EXACT else np.float64
        full: npt.NDArray[Any] = np.zeros((n_patients, self.rows.size), dtype=self.dtype)
        full[self.columns] = matrix.T
        self.matrix = full
        self.totals = np.column_stack([sum_by(patient, event, n_patients), sum_by(patient, ~event, n_patients)])
        self.replicates = max(1, _CACHE // n_patients)

    def __call__(self, times: Ints) -> tuple[Floats, Floats]:
        weight: npt.NDArray[Any] = times.astype(self.dtype)
        twice = np.asarray(np.einsum("bi,bi->b", weight @ self.matrix, weight[:, self.rows]), dtype=np.float64)
        totals = weight @ self.totals.astype(self.dtype)
        return twice / 2, totals[:, 0].astype(np.float64) * totals[:, 1]


class _BySortedRows:
    """The same numbers from weights summed along rows in order of score."""

    def __init__(self, event: Bools, score: Floats, patient: Ints, n_patients: int) -> None:
        order = np.argsort(score, kind="stable")
        self.who, self.event = patient[order], event[order]
        self.levels = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
        self.replicates = max(1, _CHUNK // score.size)

    def __call__(self, times: Ints) -> tuple[Floats, Floats]:
        weight = times.astype(np.float64)[:, self.who]
        up = np.add.reduceat(weight * self.event, self.levels, axis=1)
        down = np.add.reduceat(weight * ~self.event, self.levels, axis=1)
        below = np.cumsum(down, axis=1) - down / 2
        return np.einsum("bl,bl->b", up, below), up.sum(axis=1) * down.sum(axis=1)
