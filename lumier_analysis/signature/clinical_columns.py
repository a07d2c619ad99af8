"""The columns of the clinical model: their scale, and the imputation of their missing values on that scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import impute_visits
from lumier_analysis.performance.auc import DEFAULT_SEED

Scale = Literal["log2(1 + x)", "none"]
#: Concentrations and titres over orders of magnitude: always log2(1 + x), whatever the data look like. Chosen by name,
#: so that the scale is learned neither from the outcome nor from the cohort.
LOG2_COLUMNS = ("anti_dsdna",)
LOG2: Scale = "log2(1 + x)"


def transformation_of(columns: Sequence[str]) -> dict[str, Scale]:
    """Return the scale of each column in the model."""
    return {c: LOG2 if c in LOG2_COLUMNS else "none" for c in columns}


def numeric_columns(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the columns as float64, missing as NaN.

    Raises
    ------
    AnalysisError
        A column that is not there, not numeric, or infinite somewhere.
    """
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise AnalysisError("columns of the clinical model are not there", found=f"no {', '.join(absent)}")
    done = {}
    for c in columns:
        try:
            done[c] = frame[c].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            raise AnalysisError(
                f"{c} of the clinical model is not a column of numbers", found=str(frame[c].dtype), fix="code it as 0/1"
            ) from None
        if np.isinf(done[c]).any():
            raise AnalysisError(f"{c} has infinite values", found=f"{int(np.isinf(done[c]).sum())} of {len(frame)}")
    return pd.DataFrame(done, index=frame.index)


def to_scale(x: pd.DataFrame, transformation: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns on the scale they enter the model.

    Raises
    ------
    AnalysisError
        A value of -1 or less where a logarithm is to be taken.
    """
    done = x.copy()
    for c in (c for c in x.columns if transformation[c] == LOG2):
        # An imputed value may lie just below 0, never at -1: it was drawn as a logarithm.
        if (x[c] <= -1).any():
            raise AnalysisError(f"{c} has no {LOG2}", found=f"lowest value {x[c].min():g}", fix="correct the value")
        done[c] = np.log2(1 + x[c])
    return done


def constant_columns(x: pd.DataFrame, patient: pd.Series) -> list[str]:
    """Return the columns that never differ within a patient; none where every patient has a single row."""
    if not patient.duplicated().any():
        return []
    return [str(c) for c in x.columns if x[c].groupby(patient.to_numpy()).nunique().max() <= 1]


def impute_clinical(
    rows: pd.DataFrame,
    columns: Sequence[str],
    *,
    outcome: str | None,
    patient: str = "patient_id",
    visit: str = "visit",
    helpers: Sequence[str] = (),
    m: int = 20,
    seed: int = DEFAULT_SEED,
) -> list[pd.DataFrame]:
    """Return `m` copies of `rows` with the missing values of the clinical columns drawn, in their own units.

    Chained imputation of `performance.impute_visits`, on the scale of the model (log2 for `LOG2_COLUMNS`).

    Parameters
    ----------
    rows : DataFrame
        One row a patient and visit.
    columns : sequence of str
        Of the model. One that never differs within a patient is imputed as a constant of hers.
    outcome : str or None
        None in derivation, the flare indicator in validation (statistical plan, missing data).
    helpers : sequence of str
        Complete numeric columns by visit that the imputation uses: the score in validation, since values drawn without
        it would weaken what is common to score and clinical model.
    m, seed : int

    Raises
    ------
    AnalysisError
        As `linear_predictor` but for missing values, as `impute_visits`, and for a helper with missing values.
    """
    transformation = transformation_of(columns)
    x = to_scale(numeric_columns(rows, columns), transformation)
    known = numeric_columns(rows, helpers)
    gaps = [c for c in helpers if known[c].isna().any()]
    if gaps:
        raise AnalysisError(
            "a helper of the imputation has missing values, and is not to be imputed",
            found=", ".join(f"{c} missing in {int(known[c].isna().sum())} rows" for c in gaps),
            fix="leave these rows out before, and count them",
        )
    constant = constant_columns(x, rows[patient])
    drawn = impute_visits(
        rows.assign(**{c: x[c] for c in columns}, **{c: known[c] for c in helpers}),
        patient=patient,
        visit=visit,
        outcome=outcome,
        measured=[c for c in (*columns, *helpers) if c not in constant],
        constant=constant,
        m=m,
        seed=seed,
    )
    for frame in drawn:
        for c in (c for c in columns if transformation[c] == LOG2):
            frame[c] = 2 ** frame[c] - 1
    return drawn
