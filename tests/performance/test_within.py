from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc, between_patient_auc, last_versus_earlier_auc, within_patient_auc

# Patient a: flare landmark 5 after 3 and 5; b: 1 after 2; c: flare at once; d and e free of flares.
PATIENT = list("aaabbcddee")
TIME = [0, 3, 6, 0, 3, 0, 0, 3, 0, 3]
OUTCOME = [0, 0, 1, 0, 1, 1, 0, 0, 0, 0]
SCORE = [3.0, 5.0, 5.0, 2.0, 1.0, 4.0, 1.0, 6.0, 7.0, 7.0]


def times_of(patient):
    """Number of the row within its patient."""
    return np.array([(patient[:i] == p).sum() for i, p in enumerate(patient)])


def test_within_by_hand():
    e = within_patient_auc(OUTCOME, SCORE, TIME, cluster=PATIENT)
    assert e.value == (1 + 0.5 + 0) / 3  # a: 5 > 3 and a tie; b: 1 < 2
    assert "2 of 5 patients" in e.note and (e.n_patients, e.n_events) == (5, 3)


def test_later_landmarks_are_no_controls():
    later = within_patient_auc([1, 0], [2.0, 1.0], [0, 3], cluster=["a", "a"])
    assert math.isnan(later.value) and "no patient holds a pair" in later.note


def test_negative_control_by_hand():
    e = last_versus_earlier_auc(OUTCOME, SCORE, TIME, cluster=PATIENT)
    assert e.value == (1 + 0.5) / 2  # d rises, e is tied
    assert (e.n_patients, e.n_events) == (2, 0)


def test_between_by_hand():
    e = between_patient_auc(OUTCOME, SCORE, cluster=PATIENT)
    event, score, who = np.array(OUTCOME, bool), np.array(SCORE), np.array(PATIENT)
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, p in zip(score[event], who[event], strict=True)
        for b, q in zip(score[~event], who[~event], strict=True)
        if p != q
    ]
    assert e.value == pytest.approx(np.mean(pairs), abs=1e-15)


def test_within_and_between_make_up_the_whole(visits):
    time = times_of(visits.patient)
    n = (len(visits.event) - visits.event.sum()) * visits.event.sum()
    who = visits.patient
    own = sum(int(visits.event[who == p].sum() * (~visits.event[who == p]).sum()) for p in np.unique(who))
    parts = (
        within_patient_auc(visits.event, visits.score, time, cluster=who).value * own
        + between_patient_auc(visits.event, visits.score, cluster=who).value * (n - own)
    ) / n
    assert parts == pytest.approx(auc(visits.event, visits.score).value, abs=1e-14)


def test_between_is_the_auc_with_one_row_a_patient(visits):
    rows = np.arange(visits.event.size)
    a = between_patient_auc(visits.event, visits.score, cluster=rows)
    b = auc(visits.event, visits.score, cluster=rows, method="jackknife")
    assert (a.value, a.se) == pytest.approx((b.value, b.se), rel=1e-12)


@pytest.mark.parametrize("which", ["within", "control", "between"])
def test_standard_error_is_the_loop_over_patients(visits, which):
    time = times_of(visits.patient)

    def of(kept):
        y, s, t, p = visits.event[kept], visits.score[kept], time[kept], visits.patient[kept]
        if which == "between":
            return between_patient_auc(y, s, cluster=p)
        return (within_patient_auc if which == "within" else last_versus_earlier_auc)(y, s, t, cluster=p)

    whole = of(np.full(time.size, True))
    patients = np.unique(visits.patient)
    if which == "control":
        flared = np.unique(visits.patient[visits.event])
        patients = np.setdiff1d(patients, flared)
    values = np.array([of(visits.patient != p).value for p in patients])
    k = len(values)
    assert whole.se == pytest.approx(math.sqrt((k - 1) / k * np.sum((values - values.mean()) ** 2)), rel=1e-9)


def test_levels_of_patients_cancel_within(visits):
    time = times_of(visits.patient)
    shift = 50.0 * np.unique(visits.patient, return_inverse=True)[1]
    a = within_patient_auc(visits.event, visits.score, time, cluster=visits.patient)
    b = within_patient_auc(visits.event, visits.score + shift, time, cluster=visits.patient)
    assert a == b


def test_every_pair_alike_has_an_exact_interval():
    e = within_patient_auc([0, 1] * 6, [1.0, 2.0] * 6, [0, 3] * 6, cluster=np.repeat(range(6), 2))
    assert e.value == 1 and e.ci_low == pytest.approx(0.025 ** (1 / 6)) and "exact" in e.note


def test_without_event_or_without_controls():
    assert math.isnan(within_patient_auc([0, 0], [1.0, 2.0], [0, 3], cluster=["a", "a"]).value)
    e = last_versus_earlier_auc([0, 1], [1.0, 2.0], [0, 3], cluster=["a", "a"])
    assert math.isnan(e.value) and "every patient has an event" in e.note
    assert "no pair" in between_patient_auc([0, 1], [1.0, 2.0], cluster=["a", "a"]).note


def test_two_rows_at_one_time_are_refused():
    with pytest.raises(AnalysisError, match="same time"):
        within_patient_auc([0, 1], [1.0, 2.0], [3, 3], cluster=["a", "a"])
