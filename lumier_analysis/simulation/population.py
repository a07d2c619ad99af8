"""Simulated patients, the levels of their blood modules over a year, and the hazard of a flare.

Pure functions on arrays: the same code makes the embedded study of 300 patients and the population of tens of thousands
from which the true AUC is read. Levels are assumptions, anchored where there is literature: covariates by interferon
status (119 low, 150 high), a signature in about 70 % of patients that is stable within a patient, 0.2 to 0.3 flares
a patient-year in quiescent lupus with heterogeneity between patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumier_analysis.simulation.panel import INTERFERON_MODULES, MODULE_NAMES

DAYS_PER_YEAR = 365.25
FIRST_INCLUSION = np.datetime64("2016-11-09")
RECRUITMENT_DAYS = 1095
INTERFERON_HIGH = 0.70

#: Share of a module's variance that lies between patients.
ICC = dict(zip(MODULE_NAMES, (0.85, 0.72, 0.62, 0.60, 0.50, 0.60, 0.50, 0.65, 0.65, 0.65, 0.50), strict=True))
#: Correlation with M1.2 of the part between and the part within patients; with these and the ICCs the levels of M3.4
#: and M5.12 correlate 0.85 and 0.70 with M1.2, and that of M5.15 not at all.
_BETWEEN_M12 = np.array([1.0, 0.88, 0.75, 0.0, 0.30, 0.0, 0.0, -0.25, 0.0, -0.10, 0.0])
_WITHIN_M12 = np.array([1.0, 0.79, 0.65, 0.0, 0.25, 0.0, 0.0, -0.15, 0.0, 0.0, 0.0])
#: Correlation of M3.4 and M5.12 beyond what M1.2 explains.
_REST_M34_M512 = 0.35
#: Distance of the two modes of the M1.2 patient level, in its SD.
_MODE_DISTANCE = 1.95

#: Log-hazard ratio per SD of the current level.
LOG_HAZARD_RATIO = {"interferon": 0.70, "M4.11": 0.15, "M5.15": 0.12}
#: SD of the mean of the three interferon modules (from the correlations above).
INTERFERON_SD = 0.917
#: Mean of the hazards of all patients at inclusion, flares per patient-year.
MEAN_RATE = 0.26
FRAILTY_VARIANCE = 0.5
CENTRE_SD = 0.25
#: log of the hazard of a patient with levels 0 and frailty 1, set so that the mean is MEAN_RATE (checked by a test).
LOG_BASE_RATE = float(np.log(MEAN_RATE)) - 0.297

_CENTRE_WEIGHTS = np.array([0.34, 0.22, 0.16, 0.12, 0.10, 0.06])


@dataclass(frozen=True, slots=True)
class Patients:
    """Fixed characteristics; arrays of length n_patients.

    `patient_id` is "CC-NNN"; `cohort` is test or validation; `age` and `duration` are in years at inclusion;
    `inclusion` and `birth` are days (datetime64[D]); `interferon_high` is the mode of the M1.2 level.
    """

    patient_id: np.ndarray
    cohort: np.ndarray
    centre: np.ndarray
    female: np.ndarray
    age: np.ndarray
    birth: np.ndarray
    inclusion: np.ndarray
    duration: np.ndarray
    past_nephritis: np.ndarray
    interferon_high: np.ndarray
    log_centre_effect: np.ndarray
    frailty: np.ndarray

    def __len__(self) -> int:
        return len(self.patient_id)


@dataclass(frozen=True, slots=True)
class Levels:
    """Module levels in SD units, higher = more RNA.

    Attributes
    ----------
    patient : ndarray, shape (n_patients, n_modules)
        The part that stays.
    visit : ndarray, shape (n_patients, 5, n_modules)
        The part of each scheduled time M0 ... M12.
    """

    patient: np.ndarray
    visit: np.ndarray

    def scheduled(self) -> np.ndarray:
        """Return the level at each scheduled time, shape (n_patients, 5, n_modules)."""
        return self.patient[:, None, :] + self.visit


def draw_patients(n_patients: int, n_centres: int, rng: np.random.Generator) -> Patients:
    """Draw patients in the order of inclusion: the first half is the test cohort, the second the validation cohort.

    Parameters
    ----------
    n_patients, n_centres : int
    rng : numpy Generator

    Returns
    -------
    Patients
    """
    high = rng.random(n_patients) < INTERFERON_HIGH
    age = np.clip(np.where(high, rng.normal(40.7, 12.8, n_patients), rng.normal(49.3, 13.3, n_patients)), 19.2, 80.0)
    mean, sd = np.where(high, 14.6, 18.0), np.where(high, 9.2, 10.3)
    duration = np.clip(rng.gamma((mean / sd) ** 2, sd**2 / mean), 0.3, age - 12.0)
    inclusion = FIRST_INCLUSION + np.sort(rng.integers(0, RECRUITMENT_DAYS, n_patients))
    birth = inclusion - np.round(age * DAYS_PER_YEAR).astype(int)
    weights = np.resize(_CENTRE_WEIGHTS, n_centres)
    centre = rng.choice(n_centres, n_patients, p=weights / weights.sum())
    number = np.zeros(n_patients, int)
    for c in range(n_centres):
        number[centre == c] = np.arange(1, (centre == c).sum() + 1)
    return Patients(
        patient_id=np.array([f"{c + 1:02d}-{k:03d}" for c, k in zip(centre, number, strict=True)]),
        cohort=np.where(np.arange(n_patients) < n_patients // 2, "test", "validation"),
        centre=centre,
        female=rng.random(n_patients) < 0.90,
        age=age,
        birth=birth,
        inclusion=inclusion,
        duration=duration,
        past_nephritis=rng.random(n_patients) < np.where(high, 0.42, 0.30),
        interferon_high=high,
        log_centre_effect=rng.normal(0.0, CENTRE_SD, n_centres)[centre],
        frailty=rng.gamma(1.0 / FRAILTY_VARIANCE, FRAILTY_VARIANCE, n_patients),
    )


def _correlated(first: np.ndarray, with_first: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return unit-variance modules whose correlation with `first` (shape (...,)) is given; last axis = modules."""
    rest = rng.standard_normal((*first.shape, len(with_first)))
    rest[..., 2] = _REST_M34_M512 * rest[..., 1] + np.sqrt(1 - _REST_M34_M512**2) * rest[..., 2]
    return with_first * first[..., None] + np.sqrt(1 - with_first**2) * rest


def draw_levels(patients: Patients, rng: np.random.Generator) -> Levels:
    """Draw the module levels; the M1.2 level of patients is a mixture of two normals, all others normal given it."""
    n = len(patients)
    high = patients.interferon_high
    # A two-point variable of mean 0 plus normal noise, of variance 1 together.
    centre = np.where(high, 1 - INTERFERON_HIGH, -INTERFERON_HIGH) * _MODE_DISTANCE
    noise = np.sqrt(1 - INTERFERON_HIGH * (1 - INTERFERON_HIGH) * _MODE_DISTANCE**2)
    between = _correlated(centre + noise * rng.standard_normal(n), _BETWEEN_M12, rng)
    within = _correlated(rng.standard_normal((n, 5)), _WITHIN_M12, rng)
    icc = np.array(list(ICC.values()))
    return Levels(np.sqrt(icc) * between, np.sqrt(1 - icc) * within)


def daily_hazard(patients: Patients, levels: Levels) -> np.ndarray:
    """Return flares per day after each of M0, M3, M6, M9, shape (n_patients, 4).

    The hazard between two scheduled times follows the levels at the first of them:
    log hazard = base + 0.70 interferon / SD + 0.15 M4.11 + 0.12 M5.15 + centre + log frailty.
    """
    z = levels.scheduled()[:, :4, :]
    interferon = z[..., [MODULE_NAMES.index(m) for m in INTERFERON_MODULES]].mean(axis=-1) / INTERFERON_SD
    log_rate = LOG_BASE_RATE + LOG_HAZARD_RATIO["interferon"] * interferon + patients.log_centre_effect[:, None]
    for module in ("M4.11", "M5.15"):
        log_rate = log_rate + LOG_HAZARD_RATIO[module] * z[..., MODULE_NAMES.index(module)]
    return np.exp(log_rate) * patients.frailty[:, None] / DAYS_PER_YEAR


def next_flare(hazard: np.ndarray, days: np.ndarray, start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the day of the first flare after `start` by inverting the cumulative hazard.

    Parameters
    ----------
    hazard : ndarray, shape (n, 4)
        Per day, constant between scheduled days.
    days : ndarray, shape (n, 5)
        Scheduled days, ascending, the first 0.
    start : ndarray, shape (n,)
        Day after which the patient is at risk; infinite for not at all.
    rng : numpy Generator

    Returns
    -------
    ndarray, shape (n,)
        Whole day, at least start + 1; infinite where no flare comes before the last scheduled day.
    """
    cumulative = np.concatenate([np.zeros((len(days), 1)), np.cumsum(hazard * np.diff(days, axis=1), axis=1)], axis=1)
    at_risk = start < days[:, -1]
    begin = np.where(at_risk, start, 0.0)
    piece = np.clip((days <= begin[:, None]).sum(axis=1) - 1, 0, 3)
    row = np.arange(len(days))
    spent = cumulative[row, piece] + hazard[row, piece] * (begin - days[row, piece])
    target = spent + rng.standard_exponential(len(days))
    piece = np.clip((cumulative <= target[:, None]).sum(axis=1) - 1, 0, 3)
    day = np.ceil(days[row, piece] + (target - cumulative[row, piece]) / hazard[row, piece])
    reached = at_risk & (target < cumulative[:, -1])
    return np.where(reached, np.clip(day, begin + 1, days[:, -1]), np.inf)
