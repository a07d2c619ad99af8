from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.simulation import course as course_module
from lumier_analysis.simulation.course import FLARE, POST_FLARE, follow, levels_at, visit_rows
from lumier_analysis.simulation.population import draw_levels, draw_patients

N = 10_000


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(3)
    people = draw_patients(N, 200, rng)
    levels = draw_levels(people, rng)
    course = follow(people, levels, rng)
    rows = visit_rows(course, rng)
    return people, levels, course, rows


def test_visits_drift_and_are_missed(made):
    _, _, course, _ = made
    drift = course.days[:, 1:] - [91, 182, 273, 365]
    assert drift.std() == pytest.approx(9, abs=0.5) and np.abs(drift).max() <= 25
    assert course.attended[:, 0].all()
    complete = course.end_reason == 0
    assert 1 - course.attended[complete, 1:].mean() == pytest.approx(0.03, abs=0.005)


def test_dropout_and_its_reasons(made):
    people, _, course, _ = made
    assert (course.end_reason > 0).mean() == pytest.approx(0.08, abs=0.015)
    assert set(np.unique(course.end_reason)) == {0, 1, 2, 3, 4}
    assert people.female[course.end_reason == 3].all()
    assert (course.end_reason == 4).mean() < 0.01


def test_flares_in_order_and_inside_follow_up(made):
    _, _, course, _ = made
    seen = np.isfinite(course.detection)
    np.testing.assert_array_equal(seen, np.isfinite(course.onset))
    assert (course.detection >= course.onset)[seen].all() and course.onset[seen].min() >= 1
    assert (course.detection <= course.end_day[:, None])[seen].all()
    both = seen[:, 1]
    assert both.any() and seen[both, 0].all()
    assert (course.onset[both, 1] > course.detection[both, 0] + 59).all()
    assert course.documented.mean() == pytest.approx(0.85, abs=0.01)
    assert course.severe[seen].mean() == pytest.approx(0.25, abs=0.03)


def test_no_planned_visit_between_onset_and_detection(made):
    # A patient seen in mid-flare would be found there, or a landmark would stand inside a flare.
    _, _, course, _ = made
    for k in range(2):
        hidden = (course.days >= course.onset[:, [k]]) & (course.days < course.detection[:, [k]]) & course.attended
        assert not hidden[np.isfinite(course.detection[:, k])].any()


def test_rows_are_ordered_and_one_a_day(made):
    _, _, _, rows = made
    key = rows.patient * 1000 + rows.day
    assert (np.diff(key) > 0).all()
    first = np.r_[True, np.diff(rows.patient) > 0]
    assert (rows.visit[first] == 0).all()
    assert rows.sampled.mean() == pytest.approx(0.97, abs=0.005)


def test_every_recorded_flare_has_its_visit(made):
    _, _, course, rows = made
    at = rows.flare >= 0
    assert at.sum() == np.isfinite(course.detection).sum()
    assert (rows.visit[at] != POST_FLARE).all()
    np.testing.assert_array_equal(at[rows.visit == FLARE], True)
    assert (rows.since[rows.visit == POST_FLARE] >= 20).all() and (rows.since[rows.visit == POST_FLARE] <= 43).all()


def test_scores_rise_at_a_flare_and_interferon_falls_after(made):
    _, levels, course, rows = made
    z = levels_at(rows, levels, course.severe, np.random.default_rng(4))
    usual = levels.patient[rows.patient]
    at, after = rows.flare >= 0, rows.visit == POST_FLARE
    rise, left = (z - usual)[at].mean(axis=0), (z - usual)[after].mean(axis=0)
    assert rise[0] > 0.2 and rise[4] > 0.4
    assert left[0] < 0 and left[6] > 0.4
    assert rise.shape == (len(course_module.FLARE_EFFECT),)
