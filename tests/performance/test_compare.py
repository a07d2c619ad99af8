from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import auc, compare_auc, compare_independent, compare_several
from lumier_analysis.performance.compare import holm


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


# --- several scores, and independent cohorts ----------------------------------------------------------------------


def test_several_are_pairs_with_holm(visits, other):
    noise = np.random.default_rng(9).standard_normal(visits.event.size)
    scores = {"SLEDAI": other, "noise": noise, "itself": visits.score}
    table = compare_several(visits.event, visits.score, scores, cluster=visits.patient)
    for name, score in scores.items():
        c = compare_auc(visits.event, visits.score, score, cluster=visits.patient)
        assert (table.loc[name, "difference"], table.loc[name, "p_value"]) == (c.difference.value, c.p_value)
    np.testing.assert_allclose(table["p_holm"], holm(table["p_value"].to_numpy()))
    assert (table["p_holm"] >= table["p_value"]).all()


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.04 times 3, 2, 1, kept rising.
    np.testing.assert_allclose(holm(np.array([0.04, np.nan, 0.01, 0.02])), [0.04, np.nan, 0.03, 0.04])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_an_error_names_the_comparator(visits, other):
    other = other.copy()
    other[0] = np.nan
    with pytest.raises(AnalysisError, match="C3 has missing"):
        compare_several(visits.event, visits.score, {"C3": other})
    with pytest.raises(AnalysisError, match="no comparator"):
        compare_several(visits.event, visits.score, {})


def test_independent_cohorts_add_their_variances(visits):
    a = auc(visits.event, visits.score, cluster=visits.patient)
    b = auc(visits.event, -visits.score)
    c = compare_independent(a, b)
    assert c.difference.value == a.value - b.value
    assert c.difference.se == pytest.approx(math.sqrt(a.se**2 + b.se**2))
    assert c.z == pytest.approx(c.difference.value / c.difference.se)
    assert c.difference.n_events == 2 * visits.event.sum()
    same = compare_independent(a, a)
    assert (same.difference.value, same.z, same.p_value) == (0.0, 0.0, 1.0)


def test_independent_cohort_without_event_is_a_stated_result(visits):
    c = compare_independent(auc(visits.event, visits.score), auc([0, 0], [1.0, 2.0]))
    assert math.isnan(c.difference.value) and "b: no event" in c.difference.note


def test_students_t_is_wider(visits, other):
    z = compare_auc(visits.event, visits.score, other, cluster=visits.patient)
    t = compare_auc(visits.event, visits.score, other, cluster=visits.patient, reference="t")
    df = np.unique(visits.patient[visits.event]).size - 1
    assert t.difference.df == df and t.z == z.z
    assert t.p_value == pytest.approx(2 * student.sf(abs(z.z), df))
    half = student.ppf(0.975, df) * z.difference.se
    assert t.difference.ci_high == pytest.approx(z.difference.value + half)
    with pytest.raises(UsageError, match="reference"):
        compare_auc(visits.event, visits.score, other, reference="f")
