"""How much is missing, variable by visit."""

from __future__ import annotations

import pandas as pd

#: Bookkeeping of the cleaning, not data.
_NOT_DATA = (
    "patient_id", "visit", "date", "day", "scheduled", "source_file", "source_row", "corrected",
    "sledai_items_sum", "clinical_sledai", "lldas", "lldas_unjudged", "doris", "doris_unjudged",
)  # fmt: skip


def missing_by_visit(visits: pd.DataFrame, *, minimum: int = 5, visit_limit: int = 12) -> pd.DataFrame:
    """Return the share of missing values of each variable at each visit.

    Parameters
    ----------
    visits : DataFrame, one row a visit
    minimum : int
        A share is withheld (NaN) where it rests on fewer visits, or where the count behind it is small.
    visit_limit : int
        At most so many visit labels, the first in time.

    Returns
    -------
    DataFrame, index variables, columns visits
        Proportions from 0 to 1; variables that are complete everywhere share one row, ``all others``.
    """
    columns = [
        c for c in visits.columns if c not in _NOT_DATA and not c.endswith(("_censored", "_titre", "_from_time"))
    ]
    order = visits.groupby("visit")["day"].median().sort_values().index[:visit_limit]
    grouped = visits[columns].isna().groupby(visits["visit"])
    count, size = grouped.sum().reindex(order), grouped.size().reindex(order)
    share = count.div(size, axis=0)
    share = share.where(((count == 0) | (count >= minimum)) & (size.to_numpy()[:, None] >= minimum))
    incomplete = count.columns[(count > 0).any()]
    table = share[incomplete].T
    if len(incomplete) < len(columns):
        table.loc[f"{len(columns) - len(incomplete)} others, complete"] = share.drop(columns=incomplete).max(axis=1)
    return table
