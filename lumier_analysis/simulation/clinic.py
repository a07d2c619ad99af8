"""What is written down at a visit: SLEDAI-2K descriptors, laboratory values, treatment, criteria of a flare.

Laboratory levels by interferon status: C3 1.05 (0.24) / 0.90 (0.23) g/L, C4 0.21 (0.08) / 0.18 (0.09) g/L, anti-dsDNA
positive in 23.5 / 50.7 %, neutrophils 4.85 (2.63) / 4.17 (2.12) and lymphocytes 1.41 (0.66) / 1.10 (0.58) G/L
(low / high).
The descriptors "low complement", "increased DNA binding" and "leukopenia" follow from the values beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from lumier_analysis.simulation.course import POST_FLARE, Course, Rows
from lumier_analysis.simulation.descriptors import (
    ITEM,
    ORGAN_SHARE,
    ORGANS,
    SLEDAI,
    WEIGHTS,
    add_flare_items,
    add_quiet_items,
)
from lumier_analysis.simulation.population import Patients
from lumier_analysis.simulation.treatment import treat

C3_LIMIT, C4_LIMIT, DNA_LIMIT, LEUKOCYTE_LIMIT = 0.90, 0.10, 10.0, 3.0
_MEDICATION_ONLY = 0.10


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings at each visit; arrays of length n_rows, `items` of shape (n_rows, 24) in the order of `SLEDAI`.

    Units: PGA 0-3; prednisone mg/day; C3, C4 g/L; anti-dsDNA IU/mL; neutrophils, lymphocytes G/L.
    """

    items: np.ndarray
    sledai: np.ndarray
    clinical_flare: np.ndarray
    pga: np.ndarray
    prednisone: np.ndarray
    hydroxychloroquine: np.ndarray
    immunosuppressant: np.ndarray
    c3: np.ndarray
    c4: np.ndarray
    anti_dsdna: np.ndarray
    neutrophils: np.ndarray
    lymphocytes: np.ndarray


@dataclass(frozen=True, slots=True)
class Flares:
    """Recorded flares, arrays of length n_flares, ordered by patient and number (0, 1).

    `row` is the visit at which a flare was found; `organ` indexes `ORGANS`; `criteria` maps each criterion of the
    SELENA-SLEDAI Flare Index to flags, of which every flare has at least one.
    """

    patient: np.ndarray
    number: np.ndarray
    row: np.ndarray
    severe: np.ndarray
    organ: np.ndarray
    criteria: dict[str, np.ndarray]
    adjudicated: np.ndarray


def _mixed(mean: np.ndarray, icc: float, patient: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return standard normal values at visits of which the share `icc` of variance is the patient's."""
    return np.sqrt(icc) * rng.standard_normal(n)[patient] + np.sqrt(1 - icc) * rng.standard_normal(len(mean))


def _lognormal(mean: np.ndarray, sd: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the log-normal value of given mean and SD at the standard normal deviate z."""
    variance = np.log1p((sd / mean) ** 2)
    return mean * np.exp(np.sqrt(variance) * z - variance / 2)


def _flare_list(course: Course, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the recorded flares with severity, organ and whether treatment alone makes them a flare."""
    row = np.flatnonzero(rows.flare >= 0)
    patient, number = rows.patient[row], rows.flare[row]
    severe = course.severe[patient, number]
    u = rng.random(len(row))
    organ = np.empty(len(row), int)
    for kind in (False, True):
        share = np.cumsum(ORGAN_SHARE[kind])
        organ = np.where(severe == kind, np.minimum((share < u[:, None]).sum(axis=1), len(ORGANS) - 1), organ)
    medication_only = rng.random(len(row)) < _MEDICATION_ONLY
    return {
        "row": row,
        "patient": patient,
        "number": number,
        "severe": severe,
        "organ": organ,
        "medication_only": medication_only,
    }


def _serology(
    patients: Patients, who: np.ndarray, acute: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return C3, C4 and anti-dsDNA at each visit; `acute` is 0 without flare, 0.5 at a mild, 1 at a severe one."""
    n, high = len(patients), patients.interferon_high[who]
    mean, sd = np.where(high, 0.90, 1.05), np.where(high, 0.23, 0.24)
    c3 = np.clip(mean + sd * _mixed(mean, 0.75, who, n, rng) - 0.15 * acute, 0.32, 2.1)
    mean, sd = np.where(high, 0.18, 0.21), np.where(high, 0.09, 0.08)
    c4 = np.clip(_lognormal(mean, sd, _mixed(mean, 0.75, who, n, rng)) * (1 - 0.2 * acute), 0.02, 0.80)
    mean, sd = np.where(high, log(10.0), log(4.9)), np.where(high, 1.2, 0.987)
    very_high = 2.8 * (rng.random(n) < 0.015)[who]
    anti_dsdna = np.exp(mean + sd * _mixed(mean, 0.8, who, n, rng) + 0.7 * acute + very_high)
    return np.round(c3, 2), np.round(c4, 2), np.round(anti_dsdna, 1)


def _cells(
    patients: Patients, who: np.ndarray, leukopenia: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return neutrophils and lymphocytes; their sum is below 3 G/L exactly where leukopenia is scored."""
    n, high = len(patients), patients.interferon_high[who]
    lymphocytes = _lognormal(np.where(high, 1.10, 1.41), np.where(high, 0.58, 0.66), _mixed(high, 0.6, who, n, rng))
    neutrophils = _lognormal(np.where(high, 4.17, 4.85), np.where(high, 2.12, 2.63), _mixed(high, 0.5, who, n, rng))
    lymphocytes = np.clip(lymphocytes, 0.15, np.where(leukopenia, 1.1, 5.0))
    room = LEUKOCYTE_LIMIT - lymphocytes
    neutrophils = np.where(leukopenia, np.minimum(neutrophils, room - 0.3), np.maximum(neutrophils, room + 0.2))
    return np.round(np.clip(neutrophils, 0.6, 20.0), 2), np.round(lymphocytes, 2)


def _physician_scale(
    sledai: np.ndarray, flares: dict[str, np.ndarray], before: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the physician's global assessment (0 to 3): low when quiet, near 1.5 at a mild, 2.3 at a severe flare."""
    at, m = flares["row"], len(flares["row"])
    pga = np.clip(rng.normal(0.25 + 0.06 * np.minimum(sledai, 8), 0.18), 0.0, 1.2)
    mild, severe = np.clip(rng.normal(1.5, 0.3, m), 0.9, 2.5), np.clip(rng.normal(2.3, 0.35, m), 1.5, 3.0)
    pga[at] = np.where(flares["severe"], severe, mild)
    unimpressed = np.clip(pga[before] + rng.uniform(0.1, 0.7, m), 0.3, 1.9)
    pga[at] = np.where(flares["medication_only"], unimpressed, pga[at])
    return np.round(pga, 1)


def _criteria_of_activity(
    sledai: np.ndarray, pga: np.ndarray, flares: dict[str, np.ndarray], before: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return the criteria that do not rest on treatment, from the findings at the flare and at the visit before."""
    at, severe, seen = flares["row"], flares["severe"], ~flares["medication_only"]
    rise, pga_rise = sledai[at] - sledai[before], np.round(pga[at] - pga[before], 1)
    mild_organ = np.isin(flares["organ"], [ORGANS.index(o) for o in ("joint", "skin", "serosal")])
    severe_organ = ~np.isin(flares["organ"], [ORGANS.index(o) for o in ("joint", "serosal")])
    return {
        "mild_sledai": (rise >= 3) & (sledai[at] <= 12),
        "mild_manifestation": ~severe & seen & mild_organ,
        "mild_pga": (pga_rise >= 1.0) & (pga[at] <= 2.5),
        "severe_sledai": (rise > 0) & (sledai[at] > 12),
        "severe_manifestation": severe & seen & severe_organ,
        "severe_hospitalisation": severe & seen & (rng.random(len(at)) < 0.35),
        "severe_pga": (pga_rise > 0) & (pga[at] > 2.5),
    }


def examine(patients: Patients, course: Course, rows: Rows, rng: np.random.Generator) -> tuple[Findings, Flares]:
    """Examine the patients at every attended visit.

    Parameters
    ----------
    patients, course, rows : Patients, Course, Rows
    rng : numpy Generator

    Returns
    -------
    Findings
        One entry a visit; SLEDAI is the sum of its descriptors, at most 4 at M0.
    Flares
        One entry a recorded flare, with criteria that follow from the findings at its visit and at the visit before.
    """
    flares = _flare_list(course, rows, rng)
    at = flares["row"]
    # Rows are ordered by patient and day, and M0 always took place: the row before a flare is the patient's.
    before = at - 1
    acute = np.zeros(len(rows))
    acute[at] = np.where(flares["severe"], 1.0, 0.5)
    c3, c4, anti_dsdna = _serology(patients, rows.patient, acute, rng)

    items = np.zeros((len(rows), len(SLEDAI)), bool)
    items[:, ITEM["low_complement"]] = (c3 < C3_LIMIT) | (c4 < C4_LIMIT)
    items[:, ITEM["increased_dna_binding"]] = anti_dsdna > DNA_LIMIT
    add_quiet_items(items, rows.visit == 0, rng)
    add_flare_items(items, rows, flares, rng)
    sledai = items @ WEIGHTS
    neutrophils, lymphocytes = _cells(patients, rows.patient, items[:, ITEM["leukopenia"]], rng)
    pga = _physician_scale(sledai, flares, before, rng)
    criteria = _criteria_of_activity(sledai, pga, flares, before, rng)
    prednisone, hcq, drug, of_treatment = treat(patients, rows, flares, before, criteria, rng)
    criteria |= of_treatment

    clinical = (rows.flare >= 0) | ((rows.visit == POST_FLARE) & (sledai > 8))
    findings = Findings(
        items, sledai, clinical, pga, prednisone, hcq, drug, c3, c4, anti_dsdna, neutrophils, lymphocytes
    )
    agrees = rng.random(len(at)) < np.where(flares["medication_only"], 0.75, 0.95)
    order = np.lexsort((flares["number"], flares["patient"]))
    listed = Flares(
        patient=flares["patient"][order], number=flares["number"][order], row=at[order],
        severe=flares["severe"][order], organ=flares["organ"][order],
        criteria={k: v[order] for k, v in criteria.items()}, adjudicated=agrees[order],
    )  # fmt: skip
    return findings, listed
