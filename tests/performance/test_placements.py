from __future__ import annotations

import numpy as np

from lumier_analysis.performance.placements import pair_counts, placements


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
