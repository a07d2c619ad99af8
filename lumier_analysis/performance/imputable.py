"""Which columns can be imputed: one that hardly anyone has says too little of itself."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lumier_analysis.errors import AnalysisError

#: A column seen in fewer patients (at a visit) is not imputed.
FEWEST_SEEN = 5


def imputable(rows: pd.DataFrame, *, visit: str, columns: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the visit-wise columns that `impute_visits` can fill, and why it cannot fill the others.

    Parameters
    ----------
    rows : DataFrame
        One row a patient and visit.
    visit : str
    columns : sequence of str

    Returns
    -------
    list of str, dict of str -> str
        In the order given; the reasons name no visit, as a visit with few values may have few patients.
    """
    reasons = {}
    for name in columns:
        try:
            check_seen(rows, "", visit, [name], [])
        except AnalysisError:
            reasons[name] = f"at a visit where it is missing, fewer than {FEWEST_SEEN} patients have it"
    return [name for name in columns if name not in reasons], reasons


def check_seen(table: pd.DataFrame, patient: str, visit: str, measured: Sequence[str], constant: Sequence[str]) -> None:
    """Refuse to impute a column (at a visit) that hardly anyone has."""
    for name in measured:
        for v, part in table.groupby(visit):
            seen = int(part[name].notna().sum())
            if part[name].isna().any() and seen < FEWEST_SEEN:
                raise AnalysisError(
                    f"{name} at {v} cannot be imputed",
                    found=f"measured in {seen} patients, fewer than {FEWEST_SEEN}",
                    fix=f"leave {name} or the visit {v} out",
                )
    for name in constant:
        seen = int(table.groupby(patient)[name].count().gt(0).sum())
        if table[name].isna().any() and seen < FEWEST_SEEN:
            raise AnalysisError(
                f"{name} cannot be imputed", found=f"known in {seen} patients, fewer than {FEWEST_SEEN}",
                fix=f"leave {name} out",
            )  # fmt: skip
