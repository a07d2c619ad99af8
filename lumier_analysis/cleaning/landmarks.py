"""From visits to landmarks: at which visits a prediction is made, and whether a flare followed.

One place defines the unit of the primary analysis. Every scheduled visit leaves with ``included`` or with the one
reason that excluded it, the first in the order below; nothing is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.study.sections import Flare, Landmarks

COLUMNS = (
    "patient_id", "cohort", "centre", "visit", "sample_id", "day", "included", "reason", "event", "competing",
    "window_end_day", "flare_day",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Course:
    """What is known of one patient, in days since inclusion."""

    visit_days: np.ndarray  # attended scheduled visits, ascending
    flare_days: np.ndarray  # flares by the plan's definition: onset, else detection; ascending
    flare_onset_known: np.ndarray
    end_day: float  # last day under observation
    end_reason: str


def _window(day: float, course: _Course, rules: Landmarks, flare: Flare) -> tuple[str, float, int | None, bool, float]:
    """Judge the window that opens at `day`: reason (empty if usable), its end, event, competing, day of the flare."""
    later = course.visit_days[course.visit_days > day]
    next_visit = float(later[0]) if later.size else np.inf
    limit = day + (rules.cap_days if rules.horizon == "next_visit" else rules.horizon_days)
    end = min(next_visit, limit) if rules.horizon == "next_visit" else limit
    after = np.flatnonzero(course.flare_days > day)
    first = float(course.flare_days[after[0]]) if after.size else np.inf

    if flare.observed == "at_visits" and next_visit > limit:
        # Between visits nothing is known: a window that no visit closes says neither flare nor no flare.
        return (
            ("no later visit" if np.isinf(next_visit) else f"next visit after day {limit - day:.0f}"),
            end,
            None,
            False,
            np.nan,
        )
    if first <= end:
        return "", end, 1, False, first
    if after.size and not course.flare_onset_known[after[0]] and next_visit > limit and np.isfinite(first):
        return "flare of unknown onset, detected after the cap", end, None, False, first
    if max(course.end_day, float(course.visit_days[-1])) >= end:
        return "", end, 0, False, np.nan
    if course.end_reason in rules.competing_events:
        return "", end, 0, True, np.nan
    return "window not fully observed", end, None, False, np.nan


def _exclusion(row: pd.Series, course: _Course, rules: Landmarks) -> str:
    """Return why a visit cannot be a landmark, or an empty string; the window is judged elsewhere."""
    if row["patient_reason"]:
        return f"patient: {row['patient_reason']}"
    day = row["day"]
    if pd.isna(day):
        return "no usable visit date"
    if not rules.recurrent_flares and (course.flare_days <= day).any():
        return "after a flare"
    if not rules.allow_flare_samples and (course.flare_days == day).any():
        return "flare at the visit"
    if pd.isna(row["sledai"]):
        return "SLEDAI missing"
    if row["sledai"] > rules.quiescent_sledai_max:
        return f"not quiescent: SLEDAI above {rules.quiescent_sledai_max}"
    if row["clinical_flare"] is True:
        return "clinical flare at the visit"
    if rules.require_stable_treatment and row["treatment_increase"] is True:
        return "treatment increased"
    if pd.isna(row["sample_id"]):
        return "no sample"
    if not row["qc_pass"]:
        return f"sample: {row['qc_reason']}"
    sample_day = row["sample_day"] if pd.notna(row["sample_day"]) else day
    if (day < course.flare_days).any():
        gap = course.flare_days[course.flare_days > day][0] - sample_day
        if gap < rules.minimum_gap_days:
            return f"flare within {rules.minimum_gap_days} days of the sample"
    return ""


def _truth(value: object) -> bool | None:
    """Three-valued flag as a Python object, so that ``is True`` is safe."""
    return None if pd.isna(value) else bool(value)  # type: ignore[call-overload]


def landmark_table(
    patients: pd.DataFrame,
    visits: pd.DataFrame,
    flares: pd.DataFrame,
    samples: pd.DataFrame,
    rules: Landmarks,
    flare: Flare,
) -> pd.DataFrame:
    """Judge every scheduled visit that the plan lists as a landmark.

    Parameters
    ----------
    patients : DataFrame
        patient_id, cohort, centre, reason (why the patient is not analysed, else empty), end_day, end_reason.
    visits : DataFrame
        patient_id, visit, scheduled, day, sledai and, where the study has it, clinical_flare.
    flares : DataFrame
        patient_id, onset_day, day, is_flare.
    samples : DataFrame
        patient_id, visit, sample_id, day, qc_pass, qc_reason; at most one a visit.
    rules, flare : Landmarks, Flare
        The plan's sections.

    Returns
    -------
    DataFrame, one row a scheduled landmark visit
        patient_id, cohort, centre, visit, sample_id, day, included, reason, event (0, 1; missing if not included),
        competing, window_end_day, flare_day; ordered by patient and day.

    Notes
    -----
    Window: from the landmark to the next attended scheduled visit, inclusive, at most `cap_days`; with a fixed horizon
    ``(L, L + horizon_days]``. A flare belongs to the window it falls in. Windows seen incompletely and without flare
    are excluded; a competing event in the window makes a non-event.
    """
    scheduled = visits[visits["scheduled"]].copy()
    attended = {p: np.sort(d.to_numpy(float)) for p, d in scheduled.dropna(subset=["day"]).groupby("patient_id")["day"]}
    counted = (
        flares[flares["is_flare"].fillna(False).astype(bool)].dropna(subset=["day"]).sort_values(["patient_id", "day"])
    )
    flare_groups = dict(tuple(counted.groupby("patient_id"))) if len(counted) else {}
    people = patients.set_index("patient_id")

    wanted = scheduled if rules.visits == "all" else scheduled[scheduled["visit"].isin(rules.visits)]
    taken = samples.rename(columns={"day": "sample_day"})
    taken = taken[["patient_id", "visit", "sample_id", "sample_day", "qc_pass", "qc_reason"]]
    wanted = wanted.merge(taken, on=["patient_id", "visit"], how="left", validate="one_to_one")
    for column in ("clinical_flare", "treatment_increase"):
        wanted[column] = wanted[column].map(_truth).astype(object) if column in wanted else None
    wanted["patient_reason"] = wanted["patient_id"].map(people["reason"])
    wanted = wanted.sort_values(["patient_id", "day", "visit"], na_position="last")

    rows = []
    courses: dict[str, _Course] = {}
    for _, row in wanted.iterrows():
        patient = row["patient_id"]
        if patient not in courses:
            own = flare_groups.get(patient)
            end_day: Any = people.at[patient, "end_day"]
            courses[patient] = _Course(
                visit_days=attended.get(patient, np.array([])),
                flare_days=own["day"].to_numpy(float) if own is not None else np.array([]),
                flare_onset_known=own["onset_day"].notna().to_numpy() if own is not None else np.array([], bool),
                end_day=float(end_day) if pd.notna(end_day) else -np.inf,
                end_reason=str(people.at[patient, "end_reason"]),
            )
        course = courses[patient]
        reason = _exclusion(row, course, rules)
        end, event, competing, flare_day = np.nan, None, False, np.nan
        if not reason:
            reason, end, event, competing, flare_day = _window(float(row["day"]), course, rules, flare)
        rows.append(
            (
                patient, people.at[patient, "cohort"], people.at[patient, "centre"], row["visit"], row["sample_id"],
                row["day"], not reason, reason, None if reason else event, competing and not reason, end, flare_day,
            )
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    texts = dict.fromkeys(("patient_id", "cohort", "centre", "visit", "sample_id", "reason"), "string")
    days = dict.fromkeys(("day", "event", "window_end_day", "flare_day"), "Int64")
    return table.astype(texts | {"included": bool, "competing": bool} | dict.fromkeys(days, "Float64")).astype(days)
