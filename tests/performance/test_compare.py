from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc, compare_auc


@pytest.fixture
def other(visits):
    return visits.score + np.random.default_rng(4).standard_normal(visits.score.size)


def test_a_score_against_itself(visits):
    c = compare_auc(visits.event, visits.score, np.exp(visits.score), cluster=visits.patient)
    assert (c.difference.value, c.z, c.p_value) == (0.0, 0.0, 1.0)


def test_difference_is_a_minus_b_and_antisymmetric(visits, other):
    ab = compare_auc(visits.event, visits.score, other, cluster=visits.patient)
    ba = compare_auc(visits.event, other, visits.score, cluster=visits.patient)
    assert ab.difference.value == auc(visits.event, visits.score).value - auc(visits.event, other).value
    assert (ba.difference.value, ba.z, ba.p_value) == pytest.approx((-ab.difference.value, -ab.z, ab.p_value))


def test_repeating_rows_inside_patients_adds_no_information(visits, other):
    once = compare_auc(visits.event, visits.score, other, cluster=visits.patient)
    twice = compare_auc(
        *(np.tile(v, 2) for v in (visits.event, visits.score, other)), cluster=np.tile(visits.patient, 2)
    )
    assert twice.difference.se == pytest.approx(once.difference.se, rel=1e-12)


def test_against_the_patient_bootstrap(visits, other):
    rng, ids = np.random.default_rng(6), np.unique(visits.patient)
    rows_of = {p: np.flatnonzero(visits.patient == p) for p in ids}
    values = []
    for _ in range(400):
        rows = np.concatenate([rows_of[p] for p in rng.choice(ids, ids.size)])
        values.append(auc(visits.event[rows], visits.score[rows]).value - auc(visits.event[rows], other[rows]).value)
    c = compare_auc(visits.event, visits.score, other, cluster=visits.patient)
    # 400 replicates: Monte-Carlo error 3.5 %.
    assert c.difference.se == pytest.approx(np.std(values, ddof=1), rel=0.15)


def test_one_class_is_a_stated_result():
    c = compare_auc([0, 0], [1.0, 2.0], [2.0, 1.0])
    assert math.isnan(c.difference.value) and math.isnan(c.p_value) and "no event" in c.difference.note


def test_separated_both_ways_has_no_standard_error():
    c = compare_auc([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0])
    assert c.difference.value == 1.0 and math.isnan(c.z) and c.difference.note


def test_missing_values_are_refused(visits):
    with pytest.raises(AnalysisError, match="score_b has missing"):
        compare_auc(visits.event, visits.score, np.where(visits.event, np.nan, 1.0))
