from __future__ import annotations

import numpy as np

from lumier_analysis.performance.bootstrap import bootstrap_aucs
from lumier_analysis.performance.placements import placements


def test_a_replicate_is_the_auc_of_copied_rows(visits):
    codes = np.unique(visits.patient, return_inverse=True)[1]
    score, k = visits.score.round(1), int(codes.max()) + 1
    values, void = bootstrap_aucs(visits.event, score, codes, k, n_boot=5, seed=8)
    assert void == 0
    times = np.random.default_rng(8).multinomial(k, np.full(k, 1 / k), size=5)
    for value, t in zip(values, times, strict=True):
        rows = np.repeat(np.arange(codes.size), t[codes])
        np.testing.assert_allclose(value, placements(visits.event[rows], score[rows]).auc, rtol=1e-12)


def test_replicates_without_an_event_are_counted():
    event, score = np.array([True, False, False, False]), np.array([4.0, 1.0, 2.0, 3.0])
    values, void = bootstrap_aucs(event, score, np.arange(4), 4, n_boot=500, seed=1)
    assert values.size + void == 500
    # The one event patient is missed with probability (3/4)^4 = 0.32, and drawn alone with (1/4)^4.
    assert 0.25 < void / 500 < 0.39
