"""AUCs of pre-specified single markers; nothing is learned here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import auc


def marker_aucs(
    markers: pd.DataFrame,
    outcome: Any,
    patients: Any,
    *,
    lower_is_risk: Collection[str] = (),
    interval: Any = "logit",
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Return the AUC of each marker on the rows where it was measured.

    Parameters
    ----------
    markers : DataFrame, shape (n, k)
        One column a marker, in its own unit; NaN = not measured.
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
        Clusters of the standard error (Obuchowski).
    lower_is_risk : collection of str
        Markers of which a low value means risk (c3, c4); the plan fixes this, never the data.
    interval, level
        As in `auc`.

    Returns
    -------
    dict of name -> Estimate
        In the order of the columns. The counts are those of the complete rows; `note` says how many were missing.

    Raises
    ------
    AnalysisError
        As `auc`, and for a direction given to a marker that is not there.
    """
    absent = [name for name in lower_is_risk if name not in markers.columns]
    if absent:
        raise AnalysisError("lower_is_risk names markers that are not there", found=", ".join(absent))
    event, who = np.asarray(outcome), np.asarray(patients)
    if not len(markers) == event.size == who.size:
        raise AnalysisError(
            "markers, outcome and patients differ in length", found=f"{len(markers)}, {event.size}, {who.size}"
        )
    results = {}
    for name in markers.columns:
        low = name in lower_is_risk
        value = markers[name].to_numpy(dtype=np.float64, na_value=np.nan)
        there = ~np.isnan(value)
        missing = int((~there).sum())
        gap = f"{missing} of {there.size} rows without {name} left out" if missing else ""
        if not there.any():
            results[str(name)] = Estimate(
                float("nan"), level=level, method="AUC", n_patients=0, n_rows=0, n_events=0, note="never measured"
            )
            continue
        estimate = auc(
            event[there], -value[there] if low else value[there], cluster=who[there], interval=interval, level=level
        )
        note = "; ".join(filter(None, ["low values count as risk" if low else "", gap, estimate.note]))
        results[str(name)] = replace(estimate, note=note)
    return results


def marker_table(estimates: dict[str, Estimate]) -> pd.DataFrame:
    """Return the estimates as rows: auc, se, ci_low, ci_high, n_patients, n_rows, n_events, note; index marker."""
    columns = ["se", "ci_low", "ci_high", "n_patients", "n_rows", "n_events", "note"]
    lines = {n: {"auc": e.value, **{c: getattr(e, c) for c in columns}} for n, e in estimates.items()}
    frame = pd.DataFrame.from_dict(lines, orient="index", columns=["auc", *columns])
    return frame.rename_axis("marker")
