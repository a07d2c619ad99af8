from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc, classification, roc_points


def test_area_under_the_points_is_the_auc(visits):
    score = visits.score.round(1)
    points = roc_points(visits.event, score)
    area = np.trapezoid(points["sensitivity"], 1 - points["specificity"])
    assert area == pytest.approx(auc(visits.event, score).value, abs=1e-12)
    assert points.iloc[-1][["sensitivity", "specificity"]].tolist() == [1.0, 0.0]


def test_points_are_what_classification_gives(visits):
    line = roc_points(visits.event, visits.score).iloc[7]
    t = classification(visits.event, visits.score, line["threshold"])["value"]
    assert (line["sensitivity"], line["specificity"]) == pytest.approx((t["sensitivity"], t["specificity"]))


def test_needs_both_classes():
    with pytest.raises(AnalysisError, match="events and non-events"):
        roc_points([0, 0], [1.0, 2.0])
