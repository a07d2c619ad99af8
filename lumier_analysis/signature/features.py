"""The rows a model learns from, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import check_rows
from lumier_analysis.signature.folds import patient_codes
from lumier_analysis.signature.recipe import Recipe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Features and outcome, row by row.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        NaN = missing.
    event : ndarray of bool, shape (n,)
    patient : ndarray of int, shape (n,)
        Codes 0 .. n_patients - 1.
    n_patients : int
    index : Index
        Labels of the rows.
    columns : tuple of str
        What the model is offered.
    recipe : Recipe or None
    note : str
        Features that carry nothing.
    """

    x: Floats
    event: Bools
    patient: Ints
    n_patients: int
    index: pd.Index
    columns: tuple[str, ...]
    recipe: Recipe | None
    note: str


def check_features(features: pd.DataFrame, outcome: Any, patients: Any, recipe: Recipe | None) -> Candidates:
    """Return the rows as arrays.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
    recipe : Recipe or None

    Raises
    ------
    AnalysisError
        Doubled row or column labels, lengths that differ, infinite or non-numeric features, an outcome other than 0
        and 1, or features of another width than the recipe's.
    """
    if not features.index.is_unique:
        raise AnalysisError("features has doubled row labels", fix="set_index to the sample")
    rows = check_rows(np.asarray(outcome), {}, patients)
    if len(features) != rows.event.size:
        raise AnalysisError("features and outcome differ in length", found=f"{len(features)} and {rows.event.size}")
    try:
        x = features.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        kinds = sorted({str(d) for d in features.dtypes if not pd.api.types.is_numeric_dtype(d)})
        raise AnalysisError("features must be numbers", found=f"columns of type {', '.join(kinds)}") from None
    if np.isinf(x).any():
        raise AnalysisError("features has infinite values", found=f"{int(np.isinf(x).sum())} values")
    if recipe is not None and x.shape[1] != recipe.n_features:
        raise AnalysisError(
            "features do not fit their recipe", found=f"{x.shape[1]} columns, the recipe has {recipe.n_features}"
        )
    names = tuple(str(c) for c in features.columns)
    codes, k = patient_codes(patients)
    columns = names if recipe is None else recipe.columns
    return Candidates(x, rows.event, codes, k, features.index, columns, recipe, _useless(x, names))


def _useless(x: Floats, names: tuple[str, ...]) -> str:
    """Name the features without a value or with one value only."""
    seen = ~np.isnan(x)
    low = np.where(seen, x, np.inf).min(axis=0, initial=np.inf)
    high = np.where(seen, x, -np.inf).max(axis=0, initial=-np.inf)
    useless = [name for name, a, b in zip(names, low, high, strict=True) if not a < b]
    if not useless:
        return ""
    shown = ", ".join(useless[:5]) + (" ..." if len(useless) > 5 else "")
    return f"{len(useless)} features are constant or empty and cannot be selected: {shown}"
