from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.performance.placements import pair_counts, placements, sorted_placements


def test_placement_values_by_hand():
    event, score = np.array([True, True, False, False]), np.array([3.0, 2.0, 1.0, 2.0])
    v = placements(event, score)
    assert v.events.tolist() == [1.0, 0.75]  # 3 beats both; 2 beats 1 and ties 2
    assert v.others.tolist() == [1.0, 0.75]
    assert v.auc == 0.875


def test_deleting_a_patient_removes_her_pairs(visits):
    codes = np.unique(visits.patient, return_inverse=True)[1]
    k = codes.max() + 1
    whole = pair_counts(visits.event, visits.score, codes, k)
    for i in range(k):
        rest = codes != i
        part = pair_counts(visits.event[rest], visits.score[rest], codes[rest], k)
        assert whole.pairs - whole.pairs_lost[i] == part.pairs
        np.testing.assert_allclose(whole.concordant - whole.concordant_lost[i], part.concordant, rtol=1e-12)


def test_no_pairs_without_both_classes():
    counts = pair_counts(np.array([True, True]), np.array([1.0, 2.0]), np.array([0, 1]), 2)
    assert counts.pairs == 0 and not counts.pairs_lost.any()


@pytest.mark.parametrize("turn", [False, True], ids=["fewer events", "fewer non-events"])
def test_sorted_placements_are_the_placements_in_order_of_score(visits, turn):
    event, score = visits.event ^ turn, visits.score.round(1)
    plain, ordered = placements(event, score), sorted_placements(event, score)
    assert ordered.auc == pytest.approx(plain.auc, abs=1e-15)
    for values, inside, got in ((plain.events, event, ordered.events), (plain.others, ~event, ordered.others)):
        np.testing.assert_allclose(got, values[np.argsort(score[inside], kind="stable")], atol=1e-14)
