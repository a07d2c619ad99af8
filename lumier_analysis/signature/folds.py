"""Cross-validation folds in which a patient is never on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError

Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


def patient_codes(patients: Any) -> tuple[Ints, int]:
    """Return codes 0 .. k-1 of the patients, in the order of their identifiers, and k.

    Integers are in the order of numbers, so that codes stay what they are; anything else is in the order of its text.
    The order of the rows does not matter: folds depend on who is there and on the seed alone.
    """
    if isinstance(patients, np.ndarray) and np.issubdtype(patients.dtype, np.integer):
        present, codes = np.unique(patients, return_inverse=True)
        return codes.astype(np.intp), present.size
    column = pd.Series(np.asarray(patients, dtype=object))
    if column.isna().any():
        raise AnalysisError("patients has missing values", found=f"{int(column.isna().sum())} rows without a patient")
    codes, labels = pd.factorize(column.astype(str), sort=True)
    return codes.astype(np.intp), len(labels)


def grouped_folds(patients: Any, event: npt.ArrayLike, n_folds: int, seed: Any, *, centre: Any = None) -> Ints:
    """Return the fold of each row; patients are dealt out like cards, those with an event first.

    Parameters
    ----------
    patients : array-like, shape (n,)
        Patient of each row.
    event : array-like of 0/1 or bool, shape (n,)
        1 = event. A patient with any event row is an event patient (ever-flare).
    n_folds : int
        At least 2, at most the number of patients.
    seed : int or sequence of int
        Of numpy's default generator; the same patients, events and seed give the same folds.
    centre : array-like, shape (n,), optional
        Centre of each row: event patients, and the others, are then dealt centre by centre.

    Returns
    -------
    ndarray of int, shape (n,)
        0 .. n_folds - 1. Every patient lies in exactly one fold; the numbers of event patients, and of patients,
        differ by at most one between folds; with `centre` also those of each centre's event patients, and of its
        others.

    Raises
    ------
    AnalysisError
        Fewer patients than folds, fewer than two folds, or a patient without a centre or in two.
    """
    codes, k = patient_codes(patients)
    if not 2 <= n_folds <= k:
        raise AnalysisError(
            "folds must number at least 2 and at most the patients", found=f"{n_folds} folds, {k} patients"
        )
    has_event = np.bincount(codes, weights=np.asarray(event, dtype=np.float64), minlength=k) > 0
    shuffled = np.random.default_rng(seed).permutation(k)
    place = np.zeros(k, dtype=np.intp) if centre is None else centre_of_patients(codes, k, centre)
    dealt = shuffled[np.lexsort((place[shuffled], ~has_event[shuffled]))]
    fold = np.empty(k, dtype=np.intp)
    fold[dealt] = np.arange(k) % n_folds
    return fold[codes]


def centre_of_patients(codes: Ints, k: int, centre: Any) -> Ints:
    """Return the centre of each of k patients as a code, in the order of the centres' names as text.

    Raises
    ------
    AnalysisError
        Lengths that differ, a missing centre, or a patient in two centres.
    """
    column = pd.Series(np.asarray(centre, dtype=object))
    if len(column) != codes.size or column.isna().any():
        raise AnalysisError(
            "every row needs a centre", found=f"{int(column.notna().sum())} centres for {codes.size} rows"
        )
    place, _ = pd.factorize(column.astype(str), sort=True)
    first = np.empty(k, dtype=np.intp)
    first[codes[::-1]] = place[::-1]
    moved = np.unique(codes[first[codes] != place]).size
    if moved:
        raise AnalysisError("a patient belongs to one centre", found=f"{moved} patients in more than one")
    return first
