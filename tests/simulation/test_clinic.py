from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.simulation.clinic import C3_LIMIT, C4_LIMIT, DNA_LIMIT, LEUKOCYTE_LIMIT, examine
from lumier_analysis.simulation.course import follow, visit_rows
from lumier_analysis.simulation.descriptors import ITEM, SLEDAI, WEIGHTS
from lumier_analysis.simulation.population import draw_levels, draw_patients


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(5)
    people = draw_patients(10_000, 200, rng)
    course = follow(people, draw_levels(people, rng), rng)
    rows = visit_rows(course, rng)
    return people, course, rows, *examine(people, course, rows, rng)


def test_weights_sum_to_105():
    assert WEIGHTS.sum() == 105 and len(SLEDAI) == 24


def test_totals_are_sums_and_inclusion_is_quiescent(made):
    _, _, rows, found, _ = made
    np.testing.assert_array_equal(found.sledai, found.items @ WEIGHTS)
    assert found.sledai[rows.visit == 0].max() == 4
    assert not found.clinical_flare[rows.visit == 0].any()


def test_a_few_later_quiet_visits_have_five_or_six(made):
    _, _, rows, found, _ = made
    quiet = (rows.visit > 0) & (rows.visit < 5) & (rows.last == -1)
    assert found.sledai[quiet].max() == 6
    assert 0.02 < (found.sledai[quiet] > 4).mean() < 0.08


def test_descriptors_agree_with_the_values_beside_them(made):
    _, _, _, found, _ = made
    low = (found.c3 < C3_LIMIT) | (found.c4 < C4_LIMIT)
    np.testing.assert_array_equal(found.items[:, ITEM["low_complement"]], low)
    np.testing.assert_array_equal(found.items[:, ITEM["increased_dna_binding"]], found.anti_dsdna > DNA_LIMIT)
    leukopenia = found.neutrophils + found.lymphocytes < LEUKOCYTE_LIMIT
    np.testing.assert_array_equal(found.items[:, ITEM["leukopenia"]], leukopenia)


def test_levels_by_interferon_status(made):
    people, _, rows, found, _ = made
    first = rows.visit == 0
    high = people.interferon_high[rows.patient]
    for values, low_mean, high_mean, tolerance in (
        (found.c3, 1.05, 0.90, 0.02), (found.c4, 0.21, 0.18, 0.01),
        (found.items[:, ITEM["increased_dna_binding"]], 0.235, 0.507, 0.04),
        (found.items[:, ITEM["low_complement"]], 0.286, 0.56, 0.05),
    ):  # fmt: skip
        assert values[first & ~high].mean() == pytest.approx(low_mean, abs=tolerance)
        assert values[first & high].mean() == pytest.approx(high_mean, abs=tolerance)


def test_every_flare_meets_a_criterion_of_its_severity(made):
    _, _, _, _, flares = made
    mild = np.any([v for k, v in flares.criteria.items() if k.startswith("mild")], axis=0)
    severe = np.any([v for k, v in flares.criteria.items() if k.startswith("severe")], axis=0)
    assert (mild | severe).all()
    # A rise above 0.5 mg/kg in a mild flare on top of a former dose is possible, and rare.
    assert (severe == flares.severe).mean() > 0.98
    assert 0.2 < severe.mean() < 0.3
    medication = ("mild_prednisone", "mild_nsaid_hcq", "severe_prednisone", "severe_immunosuppressant")
    without = np.any([v for k, v in flares.criteria.items() if k not in medication], axis=0)
    assert 0.03 < (~without).mean() < 0.15
    assert 0.88 < flares.adjudicated.mean() < 0.99


def test_criteria_follow_from_the_visits(made):
    _, _, rows, found, flares = made
    at, before = flares.row, flares.row - 1
    np.testing.assert_array_equal(rows.patient[at], rows.patient[before])
    rise = found.sledai[at] - found.sledai[before]
    np.testing.assert_array_equal(flares.criteria["mild_sledai"], (rise >= 3) & (found.sledai[at] <= 12))
    more = found.prednisone[at] > found.prednisone[before]
    np.testing.assert_array_equal(flares.criteria["mild_prednisone"] | flares.criteria["severe_prednisone"], more)
    assert found.clinical_flare[at].all()
