from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import auc


def brute_force(event, score):
    """Every pair, one by one."""
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a in score[event] for b in score[~event]]
    return sum(wins) / len(wins)


def test_equals_all_pairs_with_ties(visits):
    score = visits.score.round(0)
    assert np.unique(score).size < 12
    assert auc(visits.event, score).value == pytest.approx(brute_force(visits.event, score), abs=1e-14)


def test_tiny_example_by_hand():
    # events 3, 2; non-events 1, 2: pairs 3>1, 3>2, 2>1 and one tie
    assert auc([1, 1, 0, 0], [3, 2, 1, 2]).value == (1 + 1 + 1 + 0.5) / 4


def test_direction_is_never_turned_round(visits):
    up, down = auc(visits.event, visits.score), auc(visits.event, -visits.score)
    assert up.value > 0.5
    assert down.value == pytest.approx(1 - up.value)
    assert down.se == pytest.approx(up.se)


def test_one_row_a_patient_is_delong(visits):
    alone = auc(visits.event, visits.score)
    clustered = auc(visits.event, visits.score, cluster=np.arange(visits.event.size))
    assert "DeLong" in alone.method and "Obuchowski" in clustered.method
    assert clustered.se == pytest.approx(alone.se, abs=1e-12)
    assert clustered.ci_low == pytest.approx(alone.ci_low, abs=1e-12)


def test_repeating_rows_inside_patients_adds_no_information(visits):
    once = auc(visits.event, visits.score, cluster=visits.patient)
    twice = auc(np.tile(visits.event, 2), np.tile(visits.score, 2), cluster=np.tile(visits.patient, 2))
    assert twice.value == pytest.approx(once.value, abs=1e-14)
    assert twice.se == pytest.approx(once.se, rel=1e-12)
    # ... whereas rows taken as independent seem to tell more.
    assert auc(np.tile(visits.event, 2), np.tile(visits.score, 2)).se < 0.75 * once.se


@pytest.mark.parametrize("method", ["delong", "obuchowski", "jackknife", "bootstrap"])
def test_only_the_order_counts(visits, method):
    def of(score):
        return auc(visits.event, score, cluster=visits.patient, method=method, n_boot=50)

    assert of(np.exp(visits.score)) == of(visits.score)


def test_row_order_and_patient_names_do_not_matter(visits):
    shuffled = np.random.default_rng(3).permutation(visits.event.size)
    names = pd.Series(visits.patient[shuffled]).map(lambda p: (7919 * int(p[1:])) % 10007)
    a = auc(visits.event, visits.score, cluster=visits.patient)
    b = auc(visits.event[shuffled], visits.score[shuffled], cluster=names.to_numpy())
    assert b.se == pytest.approx(a.se, rel=1e-12)


def test_estimators_of_the_standard_error_agree(visits):
    ses = {
        m: auc(visits.event, visits.score, cluster=visits.patient, method=m).se
        for m in ("obuchowski", "jackknife", "bootstrap")
    }
    assert ses["jackknife"] == pytest.approx(ses["obuchowski"], rel=0.05)
    # 2000 replicates: Monte-Carlo error of a standard error is 1/sqrt(2 * 2000) = 1.6 %.
    assert ses["bootstrap"] == pytest.approx(ses["obuchowski"], rel=0.10)


def test_jackknife_is_the_loop_over_patients(visits):
    values = []
    for p in np.unique(visits.patient):
        kept = visits.patient != p
        values.append(brute_force(visits.event[kept], visits.score[kept]))
    k = len(values)
    expected = math.sqrt((k - 1) / k * np.sum((np.array(values) - np.mean(values)) ** 2))
    assert auc(visits.event, visits.score, cluster=visits.patient, method="jackknife").se == pytest.approx(
        expected, rel=1e-10
    )


def test_logit_interval_and_p_value_decide_alike(visits):
    e = auc(visits.event, visits.score, cluster=visits.patient)
    spread = e.se / (e.value * (1 - e.value))
    assert logit(e.ci_high) - logit(e.ci_low) == pytest.approx(2 * 1.959964 * spread, rel=1e-6)
    # An interval at level 1 - p touches 0.5.
    touching = auc(visits.event, visits.score, cluster=visits.patient, level=1 - e.p_value)
    assert touching.ci_low == pytest.approx(0.5, abs=1e-6)


def test_students_t_for_few_patients_with_events(visits):
    z = auc(visits.event, visits.score, cluster=visits.patient)
    t = auc(visits.event, visits.score, cluster=visits.patient, interval="logit t")
    df = np.unique(visits.patient[visits.event]).size - 1
    assert (t.value, t.se, t.df) == (z.value, z.se, df)
    spread = z.se / (z.value * (1 - z.value))
    assert logit(t.ci_high) - logit(z.value) == pytest.approx(student.ppf(0.975, df) * spread, rel=1e-9)
    assert t.p_value == pytest.approx(2 * student.sf(logit(z.value) / spread, df))
    lone = auc([1, 0, 0, 0], [2.0, 1.0, 0.0, 3.0], method="bootstrap", interval="logit t", cluster=[1, 2, 3, 4])
    assert lone.se > 0 and math.isnan(lone.ci_low) and "one patient only" in lone.note


def test_counts(visits):
    e = auc(visits.event, visits.score, cluster=visits.patient)
    assert (e.n_patients, e.n_rows, e.n_events) == (60, visits.event.size, visits.event.sum())
    assert auc(visits.event, visits.score).n_patients == visits.event.size


def test_percentile_interval_comes_from_the_bootstrap(visits):
    e = auc(visits.event, visits.score, cluster=visits.patient, interval="percentile", n_boot=200)
    assert "bootstrap" in e.method and e.p_value is None
    assert e.ci_low < e.value < e.ci_high
    with pytest.raises(UsageError, match="bootstrap"):
        auc(visits.event, visits.score, method="delong", interval="percentile")


def test_bootstrap_depends_on_the_seed_alone(visits):
    def of(seed):
        return auc(visits.event, visits.score, cluster=visits.patient, method="bootstrap", n_boot=100, seed=seed).se

    assert of(1) == of(1) != of(2)


@pytest.mark.parametrize("bad", [{"method": "hanley"}, {"interval": "exact"}, {"level": 95}, {"n_boot": 0}])
def test_unknown_settings_are_refused(visits, bad):
    with pytest.raises(UsageError):
        auc(visits.event, visits.score, **bad)


# --- where there is little or nothing to estimate -----------------------------------------------------------------


@pytest.mark.parametrize(("event", "words"), [([0, 0, 0], "no event"), ([1, 1, 1], "every row is an event")])
def test_one_class_is_a_stated_result(event, words):
    e = auc(event, [1.0, 2.0, 3.0], cluster=[1, 2, 3])
    assert math.isnan(e.value) and words in e.note and e.n_rows == 3


def test_constant_score_is_one_half_without_interval():
    e = auc([0, 1, 0, 1], [2.0] * 4)
    assert e.value == 0.5 and math.isnan(e.ci_low) and "constant" in e.note


@pytest.mark.parametrize("turn", [1, -1])
def test_perfect_separation_has_an_exact_interval(turn):
    event, score = np.repeat([True, False], [4, 30]), turn * np.r_[np.full(4, 9.0) + np.arange(4), np.arange(30) / 10]
    e = auc(event, score)
    assert e.value == (turn == 1)
    assert math.isnan(e.se)
    low, high = (0.025 ** (1 / 4), 1.0) if turn == 1 else (0.0, 1 - 0.025 ** (1 / 4))
    assert (e.ci_low, e.ci_high) == pytest.approx((low, high))
    assert e.p_value == pytest.approx(2 * 0.5**4)
    assert "4 disjoint pairs" in e.note


def test_exact_interval_counts_patients_not_rows():
    # Two patients, each with events and non-events: one pair of distinct patients.
    e = auc([1, 0, 1, 0], [2.0, 1.0, 2.5, 0.5], cluster=["a", "a", "b", "b"])
    assert (e.ci_low, e.ci_high) == (pytest.approx(0.025), 1.0)


@pytest.mark.parametrize("method", ["auto", "jackknife", "bootstrap"])
def test_single_patient_has_no_interval(method):
    e = auc([1, 0, 1, 0], [3.0, 1.0, 2.0, 2.5], cluster=["a"] * 4, method=method)
    assert e.value == 0.75
    assert math.isnan(e.se) and math.isnan(e.ci_low) and e.note


def test_one_event_patient_has_no_standard_error():
    e = auc([1, 0, 0, 0], [2.0, 1.0, 0.0, 3.0], cluster=[1, 2, 3, 4])
    assert e.value == pytest.approx(2 / 3) and math.isnan(e.se) and "too few" in e.note


@pytest.mark.parametrize(
    ("outcome", "score", "words"),
    [
        ([0, 1, 1], [1.0, np.nan, 2.0], "missing"),
        ([0, 1, 1], [1.0, np.inf, 2.0], "infinite"),
        ([0, 1, np.nan], [1.0, 3.0, 2.0], "missing"),
        ([0, 1, 2], [1.0, 3.0, 2.0], "0 or 1"),
        ([0, 1], [1.0, 3.0, 2.0], "length"),
        ([], [], "no row"),
        ([0, 1, 1], ["a", "b", "c"], "numbers"),
        ([[0, 1]], [[1.0, 2.0]], "one dimension"),
    ],
)
def test_bad_input_is_refused_in_words(outcome, score, words):
    with pytest.raises(AnalysisError, match=words):
        auc(outcome, score)


def test_missing_patient_is_refused():
    with pytest.raises(AnalysisError, match="without a patient"):
        auc([0, 1], [1.0, 2.0], cluster=["a", None])


def test_differently_labelled_columns_are_refused():
    with pytest.raises(AnalysisError, match="row labels"):
        auc(pd.Series([0, 1]), pd.Series([1.0, 2.0], index=[1, 0]))


def test_pandas_types():
    frame = pd.DataFrame({"y": pd.array([True, False, True], dtype="boolean"), "s": pd.array([3, 1, 2], dtype="Int64")})
    assert auc(frame["y"], frame["s"], cluster=pd.Series(["a", "b", "c"], dtype="string")).value == 1.0
    frame.loc[0, "y"] = pd.NA
    with pytest.raises(AnalysisError, match="missing"):
        auc(frame["y"], frame["s"])
