from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.simulation import population
from lumier_analysis.simulation.panel import MODULE_NAMES

N = 20_000


@pytest.fixture(scope="module")
def people():
    return population.draw_patients(N, 400, np.random.default_rng(7))


@pytest.fixture(scope="module")
def levels(people):
    return population.draw_levels(people, np.random.default_rng(8))


def test_module_levels_have_the_stated_icc(levels):
    # One-way analysis of variance over the five planned times; the SE of an ICC at 20,000 patients is below 0.005.
    z = levels.scheduled()
    within = z.var(axis=1, ddof=1).mean(axis=0)
    between = z.mean(axis=1).var(axis=0, ddof=1) - within / 5
    np.testing.assert_allclose(between / (between + within), list(population.ICC.values()), atol=0.015)


def test_module_levels_have_the_stated_correlations(levels):
    r = np.corrcoef(levels.scheduled()[:, 0].T)[0]
    for module, target in {"M3.4": 0.85, "M5.12": 0.70, "M5.15": 0.0}.items():
        assert r[MODULE_NAMES.index(module)] == pytest.approx(target, abs=0.02)


def test_interferon_sd_is_the_constant(levels):
    assert levels.scheduled()[:, 0, :3].mean(axis=1).std() == pytest.approx(population.INTERFERON_SD, abs=0.02)


def test_m12_is_bimodal(people, levels):
    m12 = levels.scheduled()[:, 0, 0]
    high = people.interferon_high
    assert high.mean() == pytest.approx(0.70, abs=0.01)
    # Modes further apart than two SD of their components make a density with two peaks.
    gap = m12[high].mean() - m12[~high].mean()
    assert gap > 2.5 * max(m12[high].std(), m12[~high].std())


def test_mean_hazard_is_the_constant(people, levels):
    hazard = population.daily_hazard(people, levels) * population.DAYS_PER_YEAR
    assert hazard[:, 0].mean() == pytest.approx(population.MEAN_RATE, rel=0.05)


def test_flare_times_follow_the_hazard():
    days = np.tile([0.0, 91.0, 182.0, 273.0, 365.0], (N, 1))
    hazard = np.tile([0.001, 0.004, 0.0, 0.002], (N, 1)) + 1e-12
    day = population.next_flare(hazard, days, np.zeros(N), np.random.default_rng(1))
    for at, cumulative in ((91, 0.091), (182, 0.455), (273, 0.455), (364, 0.455 + 0.182)):
        assert (day <= at).mean() == pytest.approx(1 - np.exp(-cumulative), abs=0.012)
    assert day.min() >= 1


def test_a_later_start_conditions_on_no_flare_before():
    days = np.tile([0.0, 91.0, 182.0, 273.0, 365.0], (N, 1))
    hazard = np.full((N, 4), 0.003)
    day = population.next_flare(hazard, days, np.full(N, 200.0), np.random.default_rng(2))
    assert day.min() > 200
    assert np.isfinite(day).mean() == pytest.approx(1 - np.exp(-0.003 * 165), abs=0.012)
    assert np.isinf(population.next_flare(hazard, days, np.full(N, np.inf), np.random.default_rng(2))).all()


def test_levels_of_the_covariates(people):
    high = people.interferon_high
    assert people.female.mean() == pytest.approx(0.90, abs=0.01)
    assert people.age[high].mean() == pytest.approx(41.5, abs=1.0)  # 40.7 before the cut at 19 years
    assert people.age[~high].mean() == pytest.approx(49.3, abs=1.0)
    assert people.age.min() > 19
    assert (people.inclusion >= np.datetime64("2016-11-09")).all()
    assert np.unique(people.patient_id).size == N
