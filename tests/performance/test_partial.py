from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import auc, partial_auc

# pROC 1.18.0, auc(roc, partial.auc=, partial.auc.focus=, partial.auc.correct=) on the fixture, score rounded to 0.1.
PROC = {
    ("specificity", 0.8, 1.0): (0.567598644396, 0.044335511983),
    ("specificity", 0.6, 0.9): (0.629084967320, 0.133088235294),
    ("sensitivity", 0.8, 1.0): (0.615290890019, 0.061504720407),
    ("sensitivity", 0.6, 0.9): (0.668772694263, 0.150947712418),
}


@pytest.mark.parametrize("setting", PROC, ids=str)
def test_values_of_proc(visits, setting):
    of, low, high = setting
    for correct, expected in zip((True, False), PROC[setting], strict=True):
        e = partial_auc(visits.event, visits.score.round(1), region=(low, high), of=of, correct=correct, n_boot=2)
        assert e.value == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("of", ["specificity", "sensitivity"])
@pytest.mark.parametrize("method", ["bootstrap", "jackknife"])
def test_the_whole_range_is_the_auc(visits, of, method):
    a = auc(visits.event, visits.score, cluster=visits.patient, method=method, n_boot=300)
    p = partial_auc(visits.event, visits.score, region=(0, 1), of=of, method=method, cluster=visits.patient, n_boot=300)
    assert p.value == pytest.approx(a.value, abs=1e-14)
    assert p.se == pytest.approx(a.se, rel=1e-9)  # the same resamples


def test_perfect_and_useless_scores():
    event = np.repeat([True, False], 20)
    assert partial_auc(event, event * 1.0, n_boot=20).value == pytest.approx(1.0)
    assert "do not vary" in partial_auc(event, event * 1.0, n_boot=20).note
    assert partial_auc(event, np.ones(40), n_boot=20).value == pytest.approx(0.5)


def test_only_the_order_counts(visits):
    a, b = (partial_auc(visits.event, s, cluster=visits.patient, n_boot=50) for s in (visits.score, visits.score**3))
    assert a == b


def test_jackknife_is_the_loop_over_patients(visits):
    whole = partial_auc(visits.event, visits.score, cluster=visits.patient, method="jackknife")
    patients = np.unique(visits.patient)
    values = []
    for p in patients:
        kept = visits.patient != p
        values.append(partial_auc(visits.event[kept], visits.score[kept], n_boot=2).value)
    k = len(patients)
    assert whole.se == pytest.approx(math.sqrt((k - 1) / k * np.sum((values - np.mean(values)) ** 2)), rel=1e-9)


@pytest.mark.parametrize(("event", "words"), [([0, 0, 0], "no event"), ([1, 1, 1], "every row is an event")])
def test_one_class_is_a_stated_result(event, words):
    e = partial_auc(event, [1.0, 2.0, 3.0])
    assert math.isnan(e.value) and words in e.note


def test_one_event():
    boot, jack = (partial_auc([1, 0, 0, 0], [2.0, 1.0, 0.0, 3.0], method=m) for m in ("bootstrap", "jackknife"))
    assert "bootstrap replicates had no event" in boot.note
    assert math.isnan(jack.se) and "without one patient" in jack.note


@pytest.mark.parametrize(
    "bad", [{"region": (0.9, 0.9)}, {"region": (0.5, 1.2)}, {"of": "x"}, {"method": "x"}, {"n_boot": 1}, {"level": 2}]
)
def test_unknown_settings_are_refused(visits, bad):
    with pytest.raises(UsageError):
        partial_auc(visits.event, visits.score, **bad)


def test_missing_scores_are_refused():
    with pytest.raises(AnalysisError, match="missing"):
        partial_auc([0, 1], [np.nan, 1.0])
