import numpy as np
import pytest

from lumier_analysis.performance import calibration_groups


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    risk = rng.uniform(0.02, 0.4, 500)
    return rng.binomial(1, risk), risk, np.repeat(np.arange(125), 4)


def test_the_groups_partition_the_rows_and_the_events(data):
    outcome, risk, patient = data
    table = calibration_groups(outcome, risk, cluster=patient)
    assert len(table) == 5
    assert table["n"].sum() == len(outcome)
    assert table["events"].sum() == outcome.sum()
    assert table["predicted"].is_monotonic_increasing


def test_the_proportion_is_events_over_rows_inside_its_interval(data):
    table = calibration_groups(*data[:2])
    np.testing.assert_allclose(table["observed"], table["events"] / table["n"])
    assert ((table["ci_low"] < table["observed"]) & (table["observed"] < table["ci_high"])).all()


def test_no_group_rests_on_fewer_events_than_the_minimum(data):
    outcome, risk, _ = data
    few = outcome.copy()
    few[np.flatnonzero(few)[12:]] = 0
    table = calibration_groups(few, risk, minimum=5)
    assert len(table) == 12 // 5
    assert (table["events"] >= 5).all()


def test_fewer_events_than_the_minimum_give_one_group(data):
    outcome, risk, _ = data
    few = np.zeros_like(outcome)
    few[:2] = 1
    assert len(calibration_groups(few, risk)) == 1


def test_doubling_every_row_within_patients_does_not_narrow_a_clustered_interval(data):
    outcome, risk, patient = data
    one = calibration_groups(outcome, risk, cluster=patient, groups=1)
    two = calibration_groups(np.repeat(outcome, 2), np.repeat(risk, 2), cluster=np.repeat(patient, 2), groups=1)
    width = [(t["ci_high"] - t["ci_low"]).item() for t in (one, two)]
    assert width[1] > 0.9 * width[0]
