"""Change from a patient's own first sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError


def first_values(values: pd.DataFrame, patients: Sequence[object], day: Sequence[float]) -> pd.DataFrame:
    """Return, for each row, the values of the same patient's earliest row; at that row itself, its own.

    Parameters
    ----------
    values : DataFrame, shape (n, k)
    patients, day : sequence, shape (n,)
        Patient and study day of each row.

    Raises
    ------
    AnalysisError
        Two rows of a patient on the first day, or a row without patient or day.
    """
    key = pd.DataFrame({"patient": np.asarray(patients), "day": np.asarray(day, dtype=np.float64)}, index=values.index)
    if key.isna().any(axis=None):
        raise AnalysisError("every row needs a patient and a day", found=f"{int(key.isna().any(axis=1).sum())} without")
    if key.duplicated().any():
        raise AnalysisError("a patient has two rows on one day", found=f"{int(key.duplicated().sum())} such rows")
    order = key.reset_index(drop=True).sort_values(["patient", "day"], kind="stable")
    first = order.drop_duplicates("patient")
    at = key["patient"].map(pd.Series(first.index.to_numpy(), index=first["patient"].to_numpy())).to_numpy()
    return values.iloc[at].set_axis(values.index)


def change_from_first(values: pd.DataFrame, patients: Sequence[object], day: Sequence[float]) -> pd.DataFrame:
    """Return each row's values minus those of the patient's first row, as single markers: NaN at the first row."""
    change = values - first_values(values, patients, day)
    key = pd.DataFrame({"patient": np.asarray(patients), "day": np.asarray(day, dtype=np.float64)}, index=values.index)
    later = key["day"] > key.groupby("patient")["day"].transform("min")
    return change.where(later).add_suffix("_change")
