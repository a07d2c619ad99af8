from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc, opinion, second_opinion


def test_two_computations_agree_in_an_ordinary_study():
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(400), 3)
    score = rng.standard_normal(400)[patient] + rng.standard_normal(1200)
    event = rng.random(1200) < 1 / (1 + np.exp(2 - score))
    o = second_opinion(event, score, patient, n_boot=2000)
    assert o.agree is True and o.note == ""
    assert o.primary == auc(event, score, cluster=patient)
    assert "jackknife" in o.jackknife.method and "bootstrap" in o.bootstrap.method
    assert str(o).startswith("Second opinion agrees") and "within 0.02" in o.rule
    assert "Second opinion" in o._repr_html_()


def test_disagreement_is_said(visits, monkeypatch):
    def wrong(*args, **kwargs):
        e = auc(*args, **kwargs)
        return dataclasses.replace(e, ci_low=e.ci_low - 0.1) if kwargs.get("method") == "jackknife" else e

    monkeypatch.setattr(opinion, "auc", wrong)
    o = second_opinion(visits.event, visits.score, visits.patient)
    assert o.agree is False and "jackknife: a limit 0.1" in o.note and "DISAGREES" in str(o)


def test_the_side_of_one_half_counts(visits, monkeypatch):
    limits = {"auto": 0.505, "jackknife": 0.495}

    def near(*args, **kwargs):
        e = auc(*args, **kwargs)
        low = 0.505 if kwargs.get("interval") == "percentile" else limits[kwargs.get("method", "auto")]
        return dataclasses.replace(e, ci_low=low, ci_high=0.8)

    monkeypatch.setattr(opinion, "auc", near)
    o = second_opinion(visits.event, visits.score, visits.patient)
    assert o.agree is False and o.note == "jackknife: another side of 0.5"


@pytest.mark.parametrize(
    ("event", "score", "words"),
    [
        ([0, 0, 0], [1.0, 2.0, 3.0], "no event"),
        ([0, 1, 1, 0], [2.0] * 4, "constant"),
        ([1, 0, 0, 0], [2.0, 1.0, 0.0, 3.0], "too few"),
        ([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0], "one exact interval"),
    ],
)
def test_nothing_to_compare_is_said(event, score, words):
    o = second_opinion(event, score, np.arange(len(event)))
    assert o.agree is None and words in o.note and "cannot be given" in str(o)


def test_one_event_patient_to_delete():
    # Two patients with events: the jackknife has an interval, many resamples have no event.
    o = second_opinion([1, 1, 0, 0, 0, 0], [3.0, 1.5, 1.0, 2.0, 0.5, 4.0], np.arange(6), n_boot=500)
    assert o.agree is False and "bootstrap" in o.note


def test_bad_input_is_refused():
    with pytest.raises(AnalysisError, match="missing"):
        second_opinion([0, 1], [np.nan, 1.0], ["a", "b"])
