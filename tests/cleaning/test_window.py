import numpy as np
import pytest

from lumier_analysis.cleaning.window import course_of, judge_window
from lumier_analysis.study.sections import Landmarks


def course(visits, flares=(), *, end=400.0, end_reason="completed", escalations=(), seen=None):
    """Flares are (day, detection, onset documented)."""
    days = np.array([f[0] for f in flares], float)
    detected = np.array([f[1] for f in flares], float)
    known = np.array([f[2] for f in flares], bool)
    visits = np.array(visits, float)
    return course_of(
        visits, visits if seen is None else np.array(seen, float), (days, detected, known),
        np.array(escalations, float), end, end_reason,
    )  # fmt: skip


def window(day, course_, *, at_visits=False, **rules):
    return judge_window(float(day), course_, Landmarks.model_validate(rules), at_visits=at_visits)


def test_a_visit_proves_that_the_patient_was_still_followed():
    assert course([0, 91, 182], end=150, end_reason="lost").until == 182
    assert course([0, 91, 182], end=np.nan, end_reason="").until == 182
    assert course([0, 91], seen=[0, 91, 120], end=np.nan, end_reason="").until == 120


@pytest.mark.parametrize("end_reason", ["death", "pregnancy", "withdrawn"])
def test_nothing_counts_after_death_or_withdrawal(end_reason):
    after = course([0, 91, 182], [(160, 165, True)], end=150, end_reason=end_reason, escalations=[170])
    assert after.until == 150
    assert after.visit_days.tolist() == [0, 91]
    assert after.flare_days.size == after.escalation_days.size == 0


def test_the_follow_up_is_told_beyond_the_window():
    late = window(0, course([0, 91, 182], [(150, 151, True)]))
    assert (late.event, late.end, late.status, late.time) == (0, 91, 1, 150)
    lost = window(91, course([0, 91], end=150, end_reason="lost"))
    assert (lost.reason, lost.status, lost.time) == ("window not fully observed", 0, 59)
    died = window(91, course([0, 91], end=150, end_reason="death"))
    assert (died.event, died.competing, died.status, died.time) == (0, True, 2, 59)


def test_a_flare_without_onset_lies_after_the_last_visit_without_one():
    found = window(0, course([0, 91, 182], [(182, 182, False)]), horizon="fixed", horizon_days=200)
    assert (found.event, found.after_day, found.flare_day) == (1, 91, 182)
    dated = window(0, course([0, 91, 182], [(80, 91, True)]))
    assert (dated.event, dated.after_day, dated.flare_day) == (1, 79, 80)


@pytest.mark.parametrize(("horizon_days", "reason"), [(85, ""), (91, ""), (95, "unknown"), (109, "unknown"), (110, "")])
def test_a_horizon_that_ends_where_the_onset_may_lie_is_unknown(horizon_days, reason):
    # Seen without flare on day 91, flare found on day 110: it began on days 92 to 110.
    found = window(0, course([0, 91], [(110, 110, False)]), horizon="fixed", horizon_days=horizon_days)
    assert ("unknown onset" in found.reason) == bool(reason)
    assert found.event == (None if reason else int(horizon_days >= 110))


def test_composite_takes_whichever_comes_first():
    both = course([0, 91, 182], [(80, 80, True)], escalations=[60])
    assert window(0, both, treatment_escalation="composite").time == 60
    assert window(0, both, treatment_escalation="ignore").time == 80
    flare_first = course([0, 91, 182], [(50, 50, True)], escalations=[60])
    assert window(0, flare_first, treatment_escalation="composite").time == 50


def test_censoring_ends_the_follow_up_at_the_escalation():
    both = course([0, 91, 182], [(80, 80, True)], escalations=[60])
    cut = window(0, both, treatment_escalation="censor")
    assert (cut.reason, cut.event, cut.status, cut.time) == ("treatment escalated in the window", None, 0, 60)
    later = window(0, course([0, 91, 182], escalations=[182]), treatment_escalation="censor")
    assert (later.event, later.status, later.time) == (0, 0, 182)


def test_where_flares_show_at_visits_alone_a_visit_must_close_the_window():
    assert window(0, course([0, 150]), at_visits=True).reason == "next visit after day 112"
    assert window(150, course([0, 150]), at_visits=True).reason == "no later visit"
