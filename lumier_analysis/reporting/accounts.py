"""Where every raw row went, as it may be shown: small counts suppressed table by table."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.reporting.disclosure import SUPPRESSION_THRESHOLD, suppress_group


def disclosed_accounts(rows: pd.DataFrame, threshold: int = SUPPRESSION_THRESHOLD) -> pd.DataFrame:
    """Suppress the row accounts of the cleaning.

    Parameters
    ----------
    rows : DataFrame
        table, file, step ("read", "set aside", "used"), reason, rows; every table opens with the rows read, and the
        others of its rows add up to them.
    threshold : int
        Counts from 1 to threshold - 1 are suppressed, and a second one where the first could be worked out from the
        rows read, which are shown.

    Returns
    -------
    DataFrame
        Index table, step, reason; column rows, int or text.
    """
    shown = rows.copy()
    shown["rows"] = shown["rows"].astype(object)
    for _, group in rows[rows["step"] != "read"].groupby("table", sort=False):
        shown.loc[group.index, "rows"] = pd.Series(suppress_group(list(group["rows"]), threshold), group.index)
    return shown.set_index(["table", "step", "reason"])[["rows"]]
