"""From visits to landmarks: at which visits a prediction is made, and whether a flare followed.

One place defines the unit of the primary analysis. Every scheduled visit leaves with ``included`` or with the one
reason that excluded it, the first in the order below; nothing is dropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.escalation import treatment_escalations
from lumier_analysis.cleaning.window import Course, course_of, judge_window
from lumier_analysis.study.sections import Flare, Landmarks

COLUMNS = (
    "patient_id", "cohort", "centre", "visit", "sample_id", "day", "included", "reason", "event", "competing",
    "window_end_day", "flare_day", "flare_after_day", "at_risk", "follow_up_status", "follow_up_days",
)  # fmt: skip
#: "No treatment increase in the past 3 months", in days.
_STABLE_DAYS = 91


def _exclusion(row: Any, course: Course, rules: Landmarks) -> str:
    """Return why a visit cannot be a landmark, or an empty string; the window is judged elsewhere."""
    if row.patient_reason:
        return f"patient: {row.patient_reason}"
    day = row.day
    if pd.isna(day):
        return "no usable visit date"
    if day > course.until:
        return "after the end of follow-up"
    if not rules.recurrent_flares and (course.flare_days <= day).any():
        return "after a flare"
    # From onset to detection a flare is under way, whichever of the two the visit is closer to.
    if not rules.allow_flare_samples and ((course.flare_days <= day) & (course.detection_days >= day)).any():
        return "flare at the visit"
    escalated = course.escalation_days <= day
    if escalated.any() and not (rules.recurrent_flares and rules.treatment_escalation == "composite"):
        return "after a treatment escalation"
    if pd.isna(row.sledai):
        return "SLEDAI missing"
    if row.sledai > rules.quiescent_sledai_max:
        return f"not quiescent: SLEDAI above {rules.quiescent_sledai_max}"
    if row.clinical_flare is True:
        return "clinical flare at the visit"
    if row.recently_increased:
        return "treatment increased"
    if pd.isna(row.sample_id):
        return "no sample"
    if not row.qc_pass:
        return f"sample: {row.qc_reason}"
    sample_day = row.sample_day if pd.notna(row.sample_day) else day
    later = course.flare_days[course.flare_days > day]
    if later.size and later[0] - sample_day < rules.minimum_gap_days:
        if later[0] <= sample_day:
            return "sample not taken before the flare"
        return f"flare within {rules.minimum_gap_days} days of the sample"
    return ""


def _truth(value: object) -> bool | None:
    """Three-valued flag as a Python object, so that ``is True`` is safe."""
    return None if pd.isna(value) else bool(value)  # type: ignore[call-overload]


def _by_patient(table: pd.DataFrame, column: str) -> dict[str, np.ndarray]:
    """Return the known days of each patient, ascending."""
    known = table[["patient_id", column]].dropna(subset=[column]).sort_values(["patient_id", column])
    return {str(p): own.to_numpy(float) for p, own in known.groupby("patient_id")[column]}


def _courses(
    people: pd.DataFrame, visits: pd.DataFrame, counted: pd.DataFrame, escalations: pd.DataFrame
) -> dict[str, Course]:
    """Put together the course of every patient."""
    none = np.array([])
    attended, seen = _by_patient(visits[visits["scheduled"]], "day"), _by_patient(visits, "day")
    escalated = _by_patient(escalations, "day")
    detection = counted["detection_day"].fillna(counted["day"]) if "detection_day" in counted else counted["day"]
    flares = counted.assign(detected=detection, known=counted["onset_day"].notna())
    own = {
        str(p): (f["day"].to_numpy(float), f["detected"].to_numpy(float), f["known"].to_numpy(bool))
        for p, f in flares.sort_values(["patient_id", "day"]).groupby("patient_id")
    }
    courses = {}
    for patient, end, reason in zip(people.index, people["end_day"], people["end_reason"], strict=True):
        courses[str(patient)] = course_of(
            attended.get(patient, none),
            seen.get(patient, none),
            own.get(patient, (none, none, none.astype(bool))),
            escalated.get(patient, none),
            np.nan if pd.isna(end) else float(end),
            "" if pd.isna(reason) else str(reason),
        )
    return courses


def _recently_increased(wanted: pd.DataFrame, escalations: pd.DataFrame) -> np.ndarray:
    """Tell which visits have a treatment increase on their day or in the three months before."""
    found, none = _by_patient(escalations, "day"), np.array([])
    days = wanted["day"].to_numpy(float, na_value=np.nan)
    increased = []
    for patient, day in zip(wanted["patient_id"], days, strict=True):
        own = found.get(patient, none)
        increased.append(bool(((own > day - _STABLE_DAYS) & (own <= day)).any()))
    return np.array(increased, dtype=bool)


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
        patient_id, visit, scheduled, day, sledai and, where the study has them, clinical_flare and treatments.
    flares : DataFrame
        patient_id, onset_day, detection_day, day, is_flare.
    samples : DataFrame
        patient_id, visit, sample_id, day, qc_pass, qc_reason; at most one a visit.
    rules, flare : Landmarks, Flare
        The plan's sections.

    Returns
    -------
    DataFrame, one row a scheduled landmark visit
        patient_id, cohort, centre, visit, sample_id, day, included, reason, event (0, 1; missing if not included),
        competing, window_end_day, flare_day, flare_after_day (the flare lies after this day; the day before it where
        its onset is documented), at_risk (excluded by its window alone, if at all), follow_up_status (0 neither, 1
        flare, 2 competing event; at risk only) and follow_up_days from the landmark to it, beyond the window; ordered
        by patient and day.

    Raises
    ------
    PlanError
        The rules ask for treatments that the visits table does not have.

    Notes
    -----
    Window: from the landmark to the next attended scheduled visit, inclusive, at most `cap_days`; with a fixed horizon
    ``(L, L + horizon_days]``. A flare belongs to the window it falls in. Windows seen incompletely and without flare
    are excluded; a competing event in the window makes a non-event. Nothing counts after death or withdrawal.
    """
    people = patients.set_index("patient_id")
    counted = flares[flares["is_flare"].fillna(False).astype(bool)].dropna(subset=["day"])
    every = pd.DataFrame({"patient_id": [], "day": []})
    if rules.treatment_escalation != "ignore" or rules.require_stable_treatment:
        every = treatment_escalations(visits, counted)
    looked_at = every if rules.treatment_escalation != "ignore" else every.iloc[:0]
    lone = looked_at[~looked_at["with_flare"]] if len(looked_at) else looked_at
    courses = _courses(people, visits, counted, lone)

    # Of some fifty columns these alone are looked at: the others would be copied at every step.
    needed = [c for c in ("patient_id", "visit", "day", "sledai", "clinical_flare") if c in visits]
    scheduled = visits.loc[visits["scheduled"], needed]
    wanted = scheduled if rules.visits == "all" else scheduled[scheduled["visit"].isin(rules.visits)]
    taken = samples.rename(columns={"day": "sample_day"})
    taken = taken[["patient_id", "visit", "sample_id", "sample_day", "qc_pass", "qc_reason"]]
    wanted = wanted.merge(taken, on=["patient_id", "visit"], how="left", validate="one_to_one")
    wanted["clinical_flare"] = (
        wanted["clinical_flare"].map(_truth).astype(object) if "clinical_flare" in wanted else None
    )
    wanted["recently_increased"] = _recently_increased(wanted, every) if rules.require_stable_treatment else False
    wanted["patient_reason"] = wanted["patient_id"].map(people["reason"])
    wanted = wanted.sort_values(["patient_id", "day", "visit"], na_position="last")
    used = [
        "patient_id", "visit", "sample_id", "day", "sledai", "clinical_flare", "recently_increased", "qc_pass",
        "qc_reason", "sample_day", "patient_reason",
    ]  # fmt: skip

    rows = []
    cohorts, centres = people["cohort"].to_dict(), people["centre"].to_dict()
    row: Any
    for row in wanted[used].itertuples(index=False):
        patient = row.patient_id
        reason = _exclusion(row, courses[patient], rules)
        at_risk = not reason
        end, event, competing, flare_day, after_day, status, time = np.nan, None, False, np.nan, np.nan, None, np.nan
        if at_risk:
            reason, end, event, competing, flare_day, after_day, status, time = judge_window(
                float(row.day), courses[patient], rules, at_visits=flare.observed == "at_visits"
            )
        rows.append(
            (
                patient, cohorts[patient], centres[patient], row.visit, row.sample_id, row.day,
                not reason, reason, event, competing, end, flare_day, after_day, at_risk, status, time,
            )
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    texts = dict.fromkeys(("patient_id", "cohort", "centre", "visit", "sample_id", "reason"), "string")
    flags = dict.fromkeys(("included", "competing", "at_risk"), bool)
    days = dict.fromkeys(
        ("day", "event", "window_end_day", "flare_day", "flare_after_day", "follow_up_status", "follow_up_days"),
        "Int64",
    )
    return table.astype(texts | flags | dict.fromkeys(days, "Float64")).astype(days)
