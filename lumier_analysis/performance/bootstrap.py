"""Patient bootstrap of the AUC, many replicates at a time."""

from __future__ import annotations

import numpy as np

from lumier_analysis.performance.arrays import Bools, Floats, Ints

# Rows x replicates held at once: 4 million float64 are 32 MB, whatever the size of the study.
_CHUNK = 4_000_000


def bootstrap_aucs(
    event: Bools, score: Floats, patient: Ints, n_patients: int, *, n_boot: int, seed: int
) -> tuple[Floats, int]:
    """Return AUCs of `n_boot` resamples of patients, all rows of a patient together.

    A resample is a vector of multiplicities (multinomial), and its AUC a weighted one: no row is copied. Copies of a
    patient are patients of their own.

    Returns
    -------
    values : ndarray, shape (<= n_boot,)
        Replicates that have an event and a non-event.
    n_void : int
        Replicates without: counted, left out.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(score, kind="stable")
    who, is_event = patient[order], event[order]
    levels = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    chance = np.full(n_patients, 1.0 / n_patients)
    size = max(1, _CHUNK // score.size)
    parts = []
    for start in range(0, n_boot, size):
        times = rng.multinomial(n_patients, chance, size=min(size, n_boot - start)).astype(np.float64)
        weight = times[:, who]
        up = np.add.reduceat(weight * is_event, levels, axis=1)
        down = np.add.reduceat(weight * ~is_event, levels, axis=1)
        below = np.cumsum(down, axis=1) - down / 2
        pairs = up.sum(axis=1) * down.sum(axis=1)
        concordant = np.einsum("bl,bl->b", up, below)
        parts.append(np.divide(concordant, pairs, out=np.full(pairs.size, np.nan), where=pairs > 0))
    values = np.concatenate(parts)
    kept = values[~np.isnan(values)]
    return kept, values.size - kept.size
