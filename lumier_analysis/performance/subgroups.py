"""AUC in parts of the rows, and for one kind of event at a time: the rows of a subgroup forest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Bools, check_rows
from lumier_analysis.performance.auc import auc

COLUMNS = (
    "group", "label", "value", "ci_low", "ci_high", "n_patients", "n_rows", "n_events", "withheld", "note",
)  # fmt: skip


def subgroup_aucs(
    outcome: Any,
    score: Any,
    *,
    subgroups: Mapping[str, Any] | None = None,
    events: Mapping[str, Any] | None = None,
    cluster: Any = None,
    minimum: int = 5,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the AUC in every level of some groupings, and of some kinds of event against all non-events.

    Parameters
    ----------
    outcome, score, cluster : array-like, shape (n,)
        As `auc`.
    subgroups : mapping of name -> array-like, shape (n,)
        A level of each row; the AUC of a level takes its rows alone. Rows without a level are one of their own, "not
        recorded", so that the levels add up.
    events : mapping of name -> array-like, shape (n,)
        A kind of each event row (severity, organ); the AUC of a kind takes its events and all non-events, whose entry
        is not looked at.
    minimum : int
        A level with fewer events, or fewer patients without one, is withheld: neither value nor counts.
    level : float

    Returns
    -------
    DataFrame
        group, label, value, ci_low, ci_high, n_patients, n_rows, n_events, withheld, note; one row a level, in the
        order given, levels by name. Where one level of a group is withheld and its counts would follow from those of
        the others, the level with the next fewest events keeps its value and loses its counts.

    Raises
    ------
    AnalysisError
        As `auc`, or a grouping of another length.
    UsageError
        Nothing to group by.
    """
    if not subgroups and not events:
        raise UsageError("No subgroup and no kind of event was given", fix='subgroups={"sex": rows["sex"]}')
    rows = check_rows(outcome, {"score": score}, cluster)
    score_, patient = rows.scores[0], rows.patient if rows.clustered else None
    table = []
    for kind, groupings in (("rows", subgroups or {}), ("events", events or {})):
        for name, values in groupings.items():
            labels = _labels(values, name, rows.event.size)
            lines = []
            for label in _ordered(labels if kind == "rows" else labels[rows.event]):
                at = labels == label if kind == "rows" else (labels == label) | ~rows.event
                lines.append(_line(name, label, at, rows.event, score_, patient, minimum, level))
            table += _secondary(lines)
    return pd.DataFrame(table, columns=list(COLUMNS))


def _labels(values: Any, name: str, n: int) -> np.ndarray:
    """Return a text label a row."""
    if len(values) != n:
        raise AnalysisError(f"the grouping {name} has another length", found=f"{len(values)} for {n} rows")
    column = pd.Series(values if not isinstance(values, pd.Series) else values.to_numpy(), dtype=object)
    return np.array(["not recorded" if pd.isna(v) else str(v) for v in column], dtype=object)


def _ordered(labels: np.ndarray) -> list[str]:
    return sorted(set(labels), key=lambda label: (label == "not recorded", label))


def _line(
    group: str, label: str, at: Bools, event: Bools, score: Any, patient: Any, minimum: int, level: float
) -> dict[str, Any]:
    """Return one level, withheld where it is small."""
    who = np.flatnonzero(at) if patient is None else patient[at]
    others = len(np.unique(who[~event[at]]))
    n_events = int(event[at].sum())
    if n_events < minimum or others < minimum:
        few = "events" if n_events < minimum else "patients without an event"
        estimate = Estimate(math.nan, note=f"fewer than {minimum} {few}: withheld")
    else:
        estimate = auc(event[at], score[at], cluster=None if patient is None else patient[at], level=level)
    line = {name: getattr(estimate, name, None) for name in COLUMNS[2:8]}
    return {"group": group, "label": label, **line, "withheld": n_events < minimum or others < minimum,
            "note": estimate.note, "_events": n_events}  # fmt: skip


def _secondary(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hide the counts of one more level where a single withheld one would follow by subtraction."""
    shown = [line for line in lines if not line["withheld"]]
    if len(lines) - len(shown) == 1 and shown:
        hidden = min(shown, key=lambda line: line["_events"])
        hidden.update(n_patients=None, n_rows=None, n_events=None)
    return [{k: v for k, v in line.items() if k != "_events"} for line in lines]


def subgroup_estimate(line: Any) -> Estimate:
    """Return a row of the table of `subgroup_aucs` (from ``itertuples``) as an `Estimate`; withheld counts are None."""
    counts: dict[str, Any] = {name: None if pd.isna(n := getattr(line, name)) else int(n) for name in COLUMNS[5:8]}
    method = "AUC, Obuchowski clustered; logit interval"
    return Estimate(line.value, ci_low=line.ci_low, ci_high=line.ci_high, method=method, note=line.note, **counts)
