from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature import grouped_folds
from lumier_analysis.signature.folds import patient_codes


@pytest.fixture
def rows():
    patients = np.repeat([f"P{i}" for i in range(23)], 3)
    event = np.isin(patients, ["P1", "P5", "P7", "P11", "P13", "P20"]) & (np.arange(69) % 3 == 2)
    return patients, event


@pytest.mark.parametrize("k", [2, 5, 6])
def test_patients_stay_together_and_events_are_spread(rows, k):
    patients, event = rows
    fold = grouped_folds(patients, event, k, seed=1)
    assert set(fold) == set(range(k))
    for p in np.unique(patients):
        assert np.unique(fold[patients == p]).size == 1
    events = np.bincount(fold[event], minlength=k)
    assert events.min() >= 1 and np.ptp(events) <= 1
    sizes = [np.unique(patients[fold == j]).size for j in range(k)]
    assert np.ptp(sizes) <= 1


def test_seed_decides_and_row_order_does_not(rows):
    patients, event = rows
    fold = grouped_folds(patients, event, 5, seed=1)
    order = np.random.default_rng(0).permutation(patients.size)
    np.testing.assert_array_equal(grouped_folds(patients[order], event[order], 5, seed=1), fold[order])
    assert (grouped_folds(patients, event, 5, seed=2) != fold).any()


def test_more_folds_than_event_patients_still_deals_everyone(rows):
    patients, _ = rows
    fold = grouped_folds(patients, np.arange(69) == 0, 10, seed=1)
    assert set(fold) == set(range(10))


@pytest.mark.parametrize("k", [1, 24])
def test_impossible_numbers_of_folds_are_refused(rows, k):
    with pytest.raises(AnalysisError, match="folds"):
        grouped_folds(*rows, k, seed=1)


def test_missing_patient_is_refused():
    with pytest.raises(AnalysisError, match="without a patient"):
        grouped_folds(["a", None], [0, 1], 2, seed=1)


def test_each_centre_is_spread_over_the_folds(rows):
    patients, event = rows
    number = np.array([int(p[1:]) for p in patients])
    centre = np.array(["Lille", "Nice", "Metz"])[number % 3]
    fold = grouped_folds(patients, event, 5, seed=1, centre=centre)
    ever = np.isin(patients, patients[event])
    for c in np.unique(centre):
        for group in (ever, ~ever):
            here = (centre == c) & group
            spread = [np.unique(patients[here & (fold == k)]).size for k in range(5)]
            assert np.ptp(spread) <= 1
    # What holds without centres still holds.
    assert np.ptp([np.unique(patients[event & (fold == k)]).size for k in range(5)]) <= 1
    assert np.ptp([np.unique(patients[fold == k]).size for k in range(5)]) <= 1
    assert (fold != grouped_folds(patients, event, 5, seed=1)).any()


def test_a_patient_has_one_centre(rows):
    patients, event = rows
    centre = np.where(np.arange(69) == 0, "A", "B")
    with pytest.raises(AnalysisError, match="1 patients in more than one"):
        grouped_folds(patients, event, 5, seed=1, centre=centre)
    with pytest.raises(AnalysisError, match="every row needs a centre"):
        grouped_folds(patients, event, 5, seed=1, centre=np.where(np.arange(69) == 0, None, "B"))
    with pytest.raises(AnalysisError, match="68 centres for 69 rows"):
        grouped_folds(patients, event, 5, seed=1, centre=["A"] * 68)


def test_codes_of_codes_are_the_codes(rows):
    patients, event = rows
    codes, k = patient_codes(patients)
    again, _ = patient_codes(codes)
    np.testing.assert_array_equal(again, codes)
    assert k == 23
    np.testing.assert_array_equal(grouped_folds(codes, event, 5, seed=1), grouped_folds(patients, event, 5, seed=1))
