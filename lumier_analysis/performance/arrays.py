"""What the performance functions accept, checked once at the border."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]


class Rows(NamedTuple):
    """Checked input: one entry a row (a landmark, a visit).

    Attributes
    ----------
    event : ndarray of bool, shape (n,)
        True where the outcome is 1.
    scores : tuple of ndarray of float64, each of shape (n,)
        The scores in the order they were given; finite.
    patient : ndarray of int, shape (n,)
        Patient codes 0 .. n_patients - 1; the row number where no cluster was given.
    n_patients : int
        Number of distinct patients.
    clustered : bool
        Whether a cluster was given.
    """

    event: Bools
    scores: tuple[Floats, ...]
    patient: Ints
    n_patients: int
    clustered: bool


def check_level(level: float) -> None:
    """Refuse a confidence level outside (0, 1)."""
    if not 0 < level < 1:
        raise UsageError("level must lie between 0 and 1", found=repr(level), fix="level=0.95")


def _number_array(values: Any, name: str) -> Floats:
    """Return `values` as a float64 vector without missing or infinite entries."""
    try:
        if isinstance(values, pd.Series):
            array = values.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AnalysisError(f"{name} is not a column of numbers", found=str(error)) from None
    if array.ndim != 1:
        raise AnalysisError(f"{name} must have one dimension", found=f"shape {array.shape}")
    missing, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    if missing:
        raise AnalysisError(
            f"{name} has missing values; rows are never dropped silently",
            found=f"{missing} of {array.size} missing",
            fix=f"leave these rows out before, and count them: frame[frame['{name}'].notna()]",
        )
    if infinite:
        raise AnalysisError(f"{name} has infinite values", found=f"{infinite} of {array.size} infinite")
    return array


def check_rows(outcome: Any, scores: dict[str, Any], cluster: Any = None) -> Rows:
    """Check outcome, scores and patients against one another.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
        1 = event.
    scores : dict of name -> array-like of float, shape (n,)
        Columns that run along the outcome.
    cluster : array-like, shape (n,), optional
        Patient of each row.

    Returns
    -------
    Rows

    Raises
    ------
    AnalysisError
        Missing or infinite values, outcomes other than 0 and 1, unequal lengths, pandas columns with different
        row labels, or no row at all.
    """
    given = {"outcome": outcome, **scores} | ({} if cluster is None else {"cluster": cluster})
    labelled = {name: column for name, column in given.items() if isinstance(column, pd.Series)}
    first = next(iter(labelled.values()), None)
    for name, column in labelled.items():
        if first is not None and len(column) == len(first) and not column.index.equals(first.index):
            raise AnalysisError(
                f"the row labels of {name} differ from those of {next(iter(labelled))}",
                fix="take all columns from one table, or pass .to_numpy() to match by position",
            )
    y = _number_array(outcome, "outcome")
    columns = tuple(_number_array(column, name) for name, column in scores.items())
    lengths = {"outcome": y.size} | {name: c.size for name, c in zip(scores, columns, strict=True)}
    if cluster is not None:
        lengths["cluster"] = len(cluster)
    if len(set(lengths.values())) > 1:
        raise AnalysisError("columns differ in length", found=", ".join(f"{k} {v}" for k, v in lengths.items()))
    if y.size == 0:
        raise AnalysisError("there is no row to analyse", fix="look at the participant flow for where the rows went")
    other = np.unique(y[(y != 0) & (y != 1)])
    if other.size:
        raise AnalysisError("outcome must be 0 or 1", found=", ".join(f"{v:g}" for v in other[:5]))
    if cluster is None:
        return Rows(y == 1, columns, np.arange(y.size), y.size, False)
    codes, labels = pd.factorize(pd.Series(np.asarray(cluster, dtype=object)))
    if (codes < 0).any():
        raise AnalysisError("cluster has missing values", found=f"{int((codes < 0).sum())} rows without a patient")
    return Rows(y == 1, columns, codes.astype(np.intp), len(labels), True)


def sum_by(codes: Ints, values: npt.ArrayLike, n: int) -> Floats:
    """Return the sum of `values` in each of the `n` groups `codes`, shape (n,)."""
    # Without a row bincount forgets the weights and returns integers.
    return np.bincount(codes, weights=np.asarray(values, dtype=np.float64), minlength=n).astype(np.float64)
