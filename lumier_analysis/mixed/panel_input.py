"""What a panel is given: responses beside their data, families, and what of it cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def aligned(responses: pd.DataFrame, data: pd.DataFrame) -> tuple[Floats, list[str], pd.DataFrame]:
    """Return the values, rows in the order of the data, names, and the data with rows numbered from 0."""
    if not isinstance(responses, pd.DataFrame) or responses.shape[1] == 0:
        raise UsageError("responses are a table with one column a gene", found=type(responses).__name__)
    names = [str(c) for c in responses.columns]
    if len(set(names)) < len(names):
        twice = pd.Index(names)
        raise AnalysisError("a response stands twice", found=", ".join(twice[twice.duplicated()].unique()[:3]))
    wrong = [
        n for n, t in zip(names, responses.dtypes, strict=True)
        if not pd.api.types.is_numeric_dtype(t) or pd.api.types.is_complex_dtype(t)
    ]  # fmt: skip
    if wrong:
        raise AnalysisError(
            "responses are not numbers", found=", ".join(wrong[:5]), fix="drop or convert these columns"
        )
    if not responses.index.equals(data.index):
        same = responses.index.is_unique and data.index.is_unique and len(responses) == len(data)
        if same and responses.index.isin(data.index).all():
            responses = responses.loc[data.index]
        elif len(responses) != len(data) or not any(
            index.equals(pd.RangeIndex(len(index))) for index in (responses.index, data.index)
        ):
            raise AnalysisError(
                "responses and data do not have the same rows",
                found=f"{len(responses)} and {len(data)} rows, "
                f"{len(responses.index.unique().intersection(data.index.unique()))} labels of the index in common",
                fix="responses.loc[data.index]",
            )
    return responses.to_numpy(dtype=np.float64, na_value=np.nan), names, data.reset_index(drop=True)


def families_of(names: list[str], families: Mapping[str, str] | pd.Series | None) -> npt.NDArray[Any]:
    """Return the family of each response."""
    if families is None:
        return np.zeros(len(names), dtype=np.int64)
    mapping = {str(name): label for name, label in families.items()}
    absent = [name for name in names if name not in mapping or pd.isna(mapping[name])]
    if absent:
        raise AnalysisError(
            "responses without a family", found=f"{len(absent)}: {', '.join(absent[:5])}", fix="name a family for each"
        )
    return np.array([str(mapping[name]) for name in names], dtype=object)


def check_values(values: Floats, rows: Ints, names: list[str]) -> None:
    """Refuse infinite values."""
    # Finite numbers have a finite sum of halves unless they are huge; only then is it worth looking closer.
    with np.errstate(invalid="ignore", over="ignore"):
        suspect = np.flatnonzero(~np.isfinite(values.sum(axis=0)))
    bad = [names[i] for i in suspect if np.isinf(values[rows, i]).any()]
    if bad:
        raise AnalysisError(
            "responses have infinite values",
            found=f"{len(bad)}: {', '.join(bad[:5])}",
            fix="NaN where nothing was measured",
        )
