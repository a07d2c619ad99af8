from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.performance import bootstrap
from lumier_analysis.performance.bootstrap import bootstrap_aucs, multiplicities
from lumier_analysis.performance.placements import placements


def test_a_replicate_is_the_auc_of_copied_rows(visits):
    codes = np.unique(visits.patient, return_inverse=True)[1]
    score, k = visits.score.round(1), int(codes.max()) + 1
    values, void = bootstrap_aucs(visits.event, score, codes, k, n_boot=5, seed=8)
    assert void == 0
    times = multiplicities(np.random.default_rng(8), k, 5)
    for value, t in zip(values, times, strict=True):
        rows = np.repeat(np.arange(codes.size), t[codes])
        np.testing.assert_allclose(value, placements(visits.event[rows], score[rows]).auc, rtol=1e-12)


def test_replicates_without_an_event_are_counted():
    event, score = np.array([True, False, False, False]), np.array([4.0, 1.0, 2.0, 3.0])
    values, void = bootstrap_aucs(event, score, np.arange(4), 4, n_boot=500, seed=1)
    assert values.size + void == 500
    # The one event patient is missed with probability (3/4)^4 = 0.32, and drawn alone with (1/4)^4.
    assert 0.25 < void / 500 < 0.39


@pytest.mark.parametrize("exact", [2**24, 0], ids=["single precision", "double precision"])
def test_both_ways_of_counting_agree(visits, monkeypatch, exact):
    monkeypatch.setattr(bootstrap, "_EXACT", exact)
    codes = np.unique(visits.patient, return_inverse=True)[1]
    score, k = visits.score.round(1), int(codes.max()) + 1
    times = multiplicities(np.random.default_rng(4), k, 50)
    ways = [way(visits.event, score, codes, k)(times) for way in (bootstrap._ByPatients, bootstrap._BySortedRows)]
    np.testing.assert_array_equal(ways[0], ways[1])


def test_large_studies_take_the_sorted_rows(visits, monkeypatch):
    codes = np.unique(visits.patient, return_inverse=True)[1]
    few = bootstrap_aucs(visits.event, visits.score, codes, 60, n_boot=20, seed=2)[0]
    monkeypatch.setattr(bootstrap, "_CHUNK", 4000)
    np.testing.assert_allclose(bootstrap_aucs(visits.event, visits.score, codes, 60, n_boot=20, seed=2)[0], few)


def test_multiplicities_are_resamples_of_patients():
    times = multiplicities(np.random.default_rng(1), 7, 20_001)
    assert times.shape == (20_001, 7) and (times.sum(axis=1) == 7).all()
    # Multinomial: mean 1, variance 6/7, covariance -1/7; 20,001 draws leave errors of about 0.01.
    expected = np.eye(7) - 1 / 7
    np.testing.assert_allclose(np.cov(times.T), expected, atol=0.04)
    np.testing.assert_allclose(times.mean(axis=0), 1, atol=0.03)
