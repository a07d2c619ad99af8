"""One patient's course and the window that opens at a landmark: did a flare follow, and was it seen to the end?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lumier_analysis.study.sections import Landmarks

#: Ends after which nothing recorded counts; after the others a visit proves that the patient was still followed.
FINAL = ("death", "pregnancy", "withdrawn")
UNKNOWN_ONSET = "flare of unknown onset, detected after the window"
NOT_OBSERVED = "window not fully observed"
ESCALATED = "treatment escalated in the window"


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of one patient, in days since inclusion; arrays ascend by day.

    Attributes
    ----------
    visit_days : ndarray
        Attended scheduled visits up to the end of observation.
    flare_days, detection_days : ndarray
        Flares by the plan's definition: documented onset, else detection; and detection.
    onset_known : ndarray of bool
    escalation_days : ndarray
        Treatment escalations without flare, where the plan looks at them; else empty.
    until : float
        Last day under observation.
    end_reason : str
    """

    visit_days: np.ndarray
    flare_days: np.ndarray
    detection_days: np.ndarray
    onset_known: np.ndarray
    escalation_days: np.ndarray
    until: float
    end_reason: str


class Window(NamedTuple):
    """What followed a landmark.

    ``reason`` is empty where the window can be used, and then ``event`` is 0 or 1. ``status`` and ``time`` (days from
    the landmark) describe the follow-up whatever the window: 1 flare (or escalation, where it counts as one), 2
    competing event, 0 neither by the last day observed. ``after_day`` is the last day known to be free of the flare on
    ``flare_day``.
    """

    reason: str
    end: float
    event: int | None
    competing: bool
    flare_day: float
    after_day: float
    status: int
    time: float


def course_of(
    visit_days: np.ndarray,
    seen_days: np.ndarray,
    flares: tuple[np.ndarray, np.ndarray, np.ndarray],
    escalation_days: np.ndarray,
    end_day: float,
    end_reason: str,
) -> Course:
    """Put a patient's course together, up to the last day under observation.

    Parameters
    ----------
    visit_days : ndarray
        Attended scheduled visits, ascending.
    seen_days : ndarray
        All attended visits.
    flares : tuple of ndarray
        Day, detection day and whether the onset is documented, ordered by day.
    escalation_days : ndarray
        Ascending.
    end_day : float
        End of follow-up by the record; NaN where unknown.
    end_reason : str
    """
    seen = float(seen_days.max()) if seen_days.size else -np.inf
    if end_reason in FINAL and np.isfinite(end_day):
        until = end_day
    else:
        until = max(seen, end_day) if np.isfinite(end_day) else seen
    days, detected, known = flares
    counts = days <= until if end_reason in FINAL else np.ones(len(days), bool)
    return Course(
        visit_days[visit_days <= until], days[counts], detected[counts], known[counts],
        escalation_days[escalation_days <= until], until, end_reason,
    )  # fmt: skip


def judge_window(day: float, course: Course, rules: Landmarks, *, at_visits: bool) -> Window:
    """Judge the window that opens at `day`.

    Parameters
    ----------
    day : float
        The landmark.
    course : Course
    rules : Landmarks
        The plan's section.
    at_visits : bool
        Whether flares come to notice at visits alone, so that a window no visit closes says nothing.

    Returns
    -------
    Window
        A flare counts where its documented onset, else its detection, lies in (day, end]. A flare without documented
        onset lies somewhere after the last attended visit before its detection; where the window ends in that gap,
        whether it holds the flare is unknown.
    """
    later = course.visit_days[course.visit_days > day]
    next_visit = float(later[0]) if later.size else np.inf
    limit = day + (rules.cap_days if rules.horizon == "next_visit" else rules.horizon_days)
    end = min(next_visit, limit) if rules.horizon == "next_visit" else limit
    after = np.flatnonzero(course.flare_days > day)
    first = float(course.flare_days[after[0]]) if after.size else np.inf
    known = bool(course.onset_known[after[0]]) if after.size else True
    free_until = first - 1
    if not known:
        free_until = max(day, float(np.max(course.visit_days[course.visit_days < first], initial=day)))
    until = course.until
    escalations = course.escalation_days[course.escalation_days > day]
    escalated = float(escalations[0]) if escalations.size else np.inf
    if rules.treatment_escalation == "composite" and escalated < first:
        first, known, free_until = escalated, True, escalated - 1
    censored = rules.treatment_escalation == "censor" and escalated < first and escalated <= until
    if censored:
        until = escalated
    flare_day = first if np.isfinite(first) else np.nan
    after_day = free_until if np.isfinite(first) else np.nan
    competes = course.end_reason in rules.competing_events and not censored
    if np.isfinite(first) and not censored:
        status, time = 1, first - day
    else:
        status, time = (2 if competes else 0), max(until - day, 0.0)

    def window(reason: str, event: int | None = None, competing: bool = False, flare: bool = False) -> Window:
        shown = (flare_day, after_day) if flare else (np.nan, np.nan)
        return Window(reason, end, event, competing, *shown, status, time)

    if at_visits and next_visit > limit:
        return window("no later visit" if np.isinf(next_visit) else f"next visit after day {limit - day:.0f}")
    if censored and escalated <= end:
        return window(ESCALATED)
    if first <= end:
        return window("", 1, flare=True)
    if not known and free_until < end:
        return window(UNKNOWN_ONSET, flare=True)
    if until >= end:
        return window("", 0)
    if competes:
        return window("", 0, competing=True)
    return window(NOT_OBSERVED)
