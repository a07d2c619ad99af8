from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import classification
from lumier_analysis.signature import choose_threshold


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
