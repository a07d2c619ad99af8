"""Participant flow at two levels, patients and visits, whose counts add up or stop the run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lumier_analysis.errors import AnalysisError


def _steps(cohort: str, level: str, start: str, total: int, reasons: pd.Series, end: str) -> list[dict[str, Any]]:
    """Return the steps of one level: start, each exclusion with what remains, end."""
    counts = reasons[reasons != ""].value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    remaining = total
    steps = [{"cohort": cohort, "level": level, "step": "start", "reason": start, "n": total, "remaining": total}]
    for reason, n in ordered:
        remaining -= int(n)
        steps.append(
            {
                "cohort": cohort,
                "level": level,
                "step": "excluded",
                "reason": str(reason),
                "n": int(n),
                "remaining": remaining,
            }
        )
    left = int((reasons == "").sum())
    if remaining != left:
        raise AnalysisError(
            f"The {level} flow of the {cohort} cohort does not add up", found=f"{remaining} against {left}"
        )
    steps.append({"cohort": cohort, "level": level, "step": "end", "reason": end, "n": left, "remaining": left})
    return steps


def participant_flow(patients: pd.DataFrame, landmarks: pd.DataFrame) -> list[dict[str, Any]]:
    """Count who and what was excluded, and why.

    Parameters
    ----------
    patients : DataFrame
        patient_id, cohort, reason (empty if analysed).
    landmarks : DataFrame
        As `landmark_table` returns.

    Returns
    -------
    list of dict
        cohort, level ("patients" or "visits"), step ("start", "excluded", "end", "of which"), reason, n, remaining.
        Patients and visits are never mixed. Visits of patients who are not analysed are excluded under the patient's
        reason, so that both levels account for every row.

    Raises
    ------
    AnalysisError
        The counts do not add up.
    """
    flow: list[dict[str, Any]] = []
    for cohort in sorted(patients["cohort"].unique()):
        own = patients[patients["cohort"] == cohort]
        marks = landmarks[landmarks["cohort"] == cohort]
        flow += _steps(cohort, "patients", "patients in the export", len(own), own["reason"], "patients analysed")
        used = marks.loc[marks["included"]]
        flow.append(_of_which(cohort, "patients", "with at least one landmark", used["patient_id"].nunique()))
        flow += _steps(
            cohort, "visits", "scheduled visits that may be landmarks", len(marks), marks["reason"], "landmarks"
        )
        flow.append(_of_which(cohort, "visits", "followed by a flare", int(used["event"].sum())))
    return flow


def window_counts(landmarks: pd.DataFrame) -> pd.DataFrame:
    """Count, visit by visit, what became of the windows of the landmarks at risk.

    Late windows are often cut by the end of follow-up; these counts say whether their risk can be told at all.

    Parameters
    ----------
    landmarks : DataFrame
        As `landmark_table` returns.

    Returns
    -------
    DataFrame, one row a cohort and visit
        at_risk, flare, no flare, competing event (a non-event, counted apart), and one column for each reason that
        left the window out; the last ones add up to at_risk.

    Raises
    ------
    AnalysisError
        They do not.
    """
    own = landmarks[landmarks["at_risk"]]
    outcome = own["reason"].astype(object).where(~own["included"], "no flare")
    outcome = outcome.mask(own["competing"], "competing event").mask((own["event"] == 1).fillna(False), "flare")
    table = pd.crosstab([own["cohort"], own["visit"]], outcome)
    first = ["flare", "no flare", "competing event"]
    table = table.reindex(columns=[*first, *sorted(set(table.columns) - set(first))], fill_value=0)
    table.columns.name = None
    sizes = own.groupby(["cohort", "visit"]).size()
    if not (table.sum(axis=1) == sizes.reindex(table.index)).all():
        raise AnalysisError("The counts of the windows do not add up", found=f"{table.to_numpy().sum()} of {len(own)}")
    table.insert(0, "at_risk", sizes.reindex(table.index))
    return table.reset_index()


def _of_which(cohort: str, level: str, reason: str, n: int) -> dict[str, Any]:
    """Return a step that describes the end and excludes nothing."""
    return {"cohort": cohort, "level": level, "step": "of which", "reason": reason, "n": int(n), "remaining": int(n)}
