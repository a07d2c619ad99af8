from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import classification
from lumier_analysis.signature.threshold import choose_threshold, threshold_distribution


def test_highest_threshold_that_reaches_the_target():
    event, score = [1, 1, 1, 1, 1, 0, 0, 0], [9.0, 7, 5, 3, 1, 4, 2, 0]
    t = choose_threshold(event, score, target=0.8)
    assert t.value == 3.0  # 4 of 5 events
    assert (t.sensitivity, t.specificity) == pytest.approx((0.8, 2 / 3))
    assert choose_threshold(event, score, target=0.81).value == 1.0
    assert t.sentence.startswith("Threshold 3.000: ") and "80%" in t.sentence


@pytest.mark.parametrize("rule", ["sensitivity", "youden"])
def test_against_every_threshold(cohort, rule):
    score = cohort.features["a1"].to_numpy().round(1)
    t = choose_threshold(cohort.event, score, rule=rule, target=0.8)
    tables = {c: classification(cohort.event, score, c)["value"] for c in np.unique(score)}
    if rule == "sensitivity":
        assert t.value == max(c for c, v in tables.items() if v["sensitivity"] >= 0.8)
    else:
        best = max(v["sensitivity"] + v["specificity"] for v in tables.values())
        assert t.sensitivity + t.specificity == pytest.approx(best)
    assert tables[float(t)]["sensitivity"] == pytest.approx(t.sensitivity)


def test_refusals():
    with pytest.raises(AnalysisError):
        choose_threshold([0, 0], [1.0, 2.0])
    with pytest.raises(UsageError, match="rule"):
        choose_threshold([0, 1], [1.0, 2.0], rule="best")
    with pytest.raises(UsageError, match="target"):
        choose_threshold([0, 1], [1.0, 2.0], target=80)


# --- its distribution -------------------------------------------------------------------------------------------------


def test_replicates_are_the_rule_on_resampled_patients(cohort):
    """Rebuilt by copying rows, with the same draws."""
    score = cohort.features["a1"].round(1).to_numpy()
    for rule in ("sensitivity", "youden"):
        result = threshold_distribution(cohort.event, score, cohort.patients, rule=rule, n_boot=8, seed=4)
        rng = np.random.default_rng(4)
        for line in result.replicates.itertuples():
            times = np.bincount(rng.integers(80, size=80), minlength=80)
            copies = np.repeat(np.arange(240), times[np.repeat(np.arange(80), 3)])
            expected = choose_threshold(cohort.event[copies], score[copies], rule=rule)
            assert line.threshold == expected.value
            assert line.sensitivity == pytest.approx((score[cohort.event] >= expected.value).mean())
            assert line.specificity == pytest.approx((score[~cohort.event] < expected.value).mean())


def test_the_estimate_carries_the_chosen_threshold_and_its_spread(cohort):
    score = cohort.features["a1"]
    result = threshold_distribution(cohort.event, score, cohort.patients, n_boot=300)
    best = choose_threshold(cohort.event, score)
    assert result.threshold.value == best.value
    assert result.threshold.ci_low < best.value < result.threshold.ci_high
    assert result.threshold.method.startswith("the highest threshold with a sensitivity of at least 80%")
    assert f"between {result.threshold.ci_low:.3f} and {result.threshold.ci_high:.3f}" in result.sentence


def test_samples_without_events_are_counted():
    event = np.array([1, 0, 0, 0, 0, 0])
    result = threshold_distribution(event, np.arange(6.0)[::-1], list("aabbcc"), n_boot=100, seed=1)
    void = 100 - len(result.replicates)
    assert void > 0 and result.threshold.note == f"{void} of 100 bootstrap samples had no event or no non-event"
    with pytest.raises(UsageError, match="n_boot"):
        threshold_distribution(event, np.arange(6.0), list("aabbcc"), n_boot=1)
