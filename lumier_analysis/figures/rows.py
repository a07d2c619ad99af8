"""Estimates as the rows that a forest figure draws."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lumier_analysis.estimate import Estimate
from lumier_analysis.study.names import display_name


def forest_rows(
    estimates: Mapping[str, Estimate], *, bold: str = "", minimum: int = 5, rows: str = "landmarks"
) -> pd.DataFrame:
    """Return one row an estimate for `forest_figure`.

    Parameters
    ----------
    estimates : mapping
        Label -> Estimate.
    bold : str
        Label of the row that stands out.
    minimum : int
        An estimate that rests on fewer patients, rows or events is withheld.
    rows : str
        What the rows behind an estimate are.

    Returns
    -------
    DataFrame
        label, value, ci_low, ci_high, n, bold, note.
    """
    table = []
    for label, e in estimates.items():
        small = any(n is not None and 0 < n < minimum for n in (e.n_patients, e.n_rows, e.n_events))
        counts = [f"{n} {what}" for n, what in ((e.n_rows, rows), (e.n_events, "events")) if n is not None]
        shown = Estimate(float("nan"), note="withheld") if small else e
        table.append(
            {
                "label": label,
                "value": shown.value,
                "ci_low": shown.ci_low,
                "ci_high": shown.ci_high,
                "n": "" if small else ", ".join(counts),
                "bold": label == bold,
                "note": shown.note,
            }
        )
    return pd.DataFrame(table)


def subgroup_rows(table: pd.DataFrame, overall: Estimate) -> pd.DataFrame:
    """Return the table of `performance.subgroup_aucs` for `forest_figure`, all rows together first.

    Returns
    -------
    DataFrame
        label, value, ci_low, ci_high, n, bold, note, group.
    """
    first = forest_rows({"All landmarks": overall}, bold="All landmarks", minimum=1).assign(group=None)
    counts = [
        "" if pd.isna(n) or pd.isna(k) else f"{int(n)} landmarks, {int(k)} events"
        for n, k in zip(table["n_rows"], table["n_events"], strict=True)
    ]
    lines = table[["label", "value", "ci_low", "ci_high", "group"]].assign(
        n=counts, bold=False, note=table["note"].where(~table["withheld"], "withheld")
    )
    lines["group"] = [display_name(str(g)) for g in lines["group"]]
    return pd.DataFrame([*first.to_dict("records"), *lines.to_dict("records")])
