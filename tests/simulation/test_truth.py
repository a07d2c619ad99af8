from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.simulation import true_auc
from lumier_analysis.simulation.course import Course
from lumier_analysis.simulation.truth import clustered_auc, landmark_events


@pytest.fixture(scope="module")
def truth():
    return true_auc(12_000, seed=3)


def test_true_auc_is_where_it_was_tuned_to(truth):
    # Monte-Carlo SE about 0.006.
    assert truth.se < 0.008
    assert 0.66 < truth.value < 0.71


def test_share_of_events(truth):
    assert 0.045 < truth.n_events / truth.n_landmarks < 0.07
    assert 3.0 < truth.n_landmarks / truth.n_patients < 3.6


def test_true_auc_repeats():
    assert true_auc(500, seed=4) == true_auc(500, seed=4)
    assert true_auc(500, seed=4) != true_auc(500, seed=5)


def test_small_population_is_refused():
    with pytest.raises(UsageError, match="at least 200"):
        true_auc(10)


def test_clustered_auc_counts_pairs_and_ties():
    event = np.array([True, True, False, False, False])
    score = np.array([3.0, 1.0, 1.0, 0.0, 4.0])
    # Pairs won: 3 > 1, 0 (2 of 3); 1 = 1, 1 > 0 (1.5 of 3).
    value, se = clustered_auc(event, score, np.arange(5))
    assert value == pytest.approx(3.5 / 6)
    assert se > 0


def test_clustered_se_grows_with_copies_in_a_cluster():
    rng = np.random.default_rng(1)
    event, score = rng.random(300) < 0.2, rng.standard_normal(300)
    single = clustered_auc(event, score, np.arange(300))
    tripled = clustered_auc(np.tile(event, 3), np.tile(score, 3), np.tile(np.arange(300), 3))
    assert tripled == pytest.approx(single)


def _one(days=(0, 90, 180, 270, 365), attended=(1, 1, 1, 1, 1), onset=np.inf, found=np.inf, known=True, end=365, why=0):
    return Course(
        days=np.array([days], float), attended=np.array([attended], bool), end_day=np.array([end], float),
        end_reason=np.array([why]), onset=np.array([[onset, np.inf]], float),
        detection=np.array([[found, np.inf]], float), documented=np.array([[known, True]]),
        severe=np.zeros((1, 2), bool), at_visit=np.zeros((1, 2), bool), post_day=np.full((1, 2), np.inf),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("course", "day", "usable", "event"),
    [
        (_one(), 0, True, False),
        (_one(onset=50, found=55), 0, True, True),
        (_one(onset=90, found=90), 0, True, True),  # at the next visit: still this window
        (_one(onset=90, found=90), 90, False, False),  # the flare's own visit is no landmark
        (_one(onset=120, found=125), 0, True, False),
        (_one(onset=50, found=55), 90, False, False),  # after the first flare
        (_one(attended=(1, 0, 1, 1, 1), onset=105, found=108), 0, True, True),  # M1 missed: up to 112 days
        (_one(attended=(1, 0, 1, 1, 1), onset=120, found=125), 0, True, False),
        (_one(attended=(1, 0, 1, 1, 1), onset=100, found=180, known=False), 0, False, False),  # window unknown
        (_one(attended=(1, 1, 0, 0, 0), end=150, why=1), 90, False, False),  # lost before the window closed
        (_one(attended=(1, 1, 0, 0, 0), end=150, why=4), 90, True, False),  # death: a non-event
        (_one(attended=(1, 1, 0, 0, 0), end=210, why=1), 90, True, False),  # seen for 112 days
    ],
)
def test_landmark_rule(course, day, usable, event):
    got_usable, got_event = landmark_events(course, np.array([0]), np.array([float(day)]))
    assert (bool(got_usable[0]), bool(got_event[0] and got_usable[0])) == (usable, event)
