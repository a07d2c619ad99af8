"""What is written down at a visit: SLEDAI-2K descriptors, laboratory values, treatment, criteria of a flare.

Laboratory levels by interferon status: C3 1.05 (0.24) / 0.90 (0.23) g/L, C4 0.21 (0.08) / 0.18 (0.09) g/L, anti-dsDNA
positive in 23.5 / 50.7 %, neutrophils 4.85 (2.63) / 4.17 (2.12) and lymphocytes 1.41 (0.66) / 1.10 (0.58) G/L
(low / high).
The descriptors "low complement", "increased DNA binding" and "leukopenia" follow from the values beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

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

C3_LIMIT, C4_LIMIT, DNA_LIMIT, LEUKOCYTE_LIMIT = 0.90, 0.10, 10.0, 3.0
#: Doses above this are more than 0.5 mg/kg/day for the body weight assumed (65 kg).
_HIGH_DOSE = 32.5
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

    `row` is the visit at which a flare was found; `organ` indexes `ORGANS`. `criteria` maps each criterion of the SELENA-SLEDAI Flare Index to flags; every flare meets at least one.
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


def _dose(rows: Rows, flares: dict[str, np.ndarray], base: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Return prednisone at each visit: a flare's addition, halved at one month, a quarter to four months, then gone."""
    extra = np.zeros((base.shape[0], 2))
    extra[flares["patient"], flares["number"]] = added
    share = np.select([rows.since == 0, rows.since <= 45, rows.since <= 120], [1.0, 0.5, 0.25], 0.0)
    taken = extra[rows.patient, np.maximum(rows.last, 0)] * np.where(rows.last >= 0, share, 0.0)
    return base[rows.patient] + np.round(taken / 2.5) * 2.5


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
    n, who = len(patients), rows.patient
    high = patients.interferon_high[who]
    flares = _flare_list(course, rows, rng)
    at, severe = flares["row"], flares["severe"]
    acute = np.zeros(len(rows))
    acute[at] = np.where(severe, 1.0, 0.5)

    mean, sd = np.where(high, 0.90, 1.05), np.where(high, 0.23, 0.24)
    c3 = np.round(np.clip(mean + sd * _mixed(mean, 0.75, who, n, rng) - 0.15 * acute, 0.32, 2.1), 2)
    mean, sd = np.where(high, 0.18, 0.21), np.where(high, 0.09, 0.08)
    c4 = np.round(np.clip(_lognormal(mean, sd, _mixed(mean, 0.75, who, n, rng)) * (1 - 0.2 * acute), 0.02, 0.80), 2)
    mean, sd = np.where(high, np.log(10.0), np.log(4.9)), np.where(high, 1.2, 0.987)
    dna = mean + sd * _mixed(mean, 0.8, who, n, rng) + 0.7 * acute + 2.8 * (rng.random(n) < 0.015)[who]
    anti_dsdna = np.round(np.exp(dna), 1)

    items = np.zeros((len(rows), len(SLEDAI)), bool)
    items[:, ITEM["low_complement"]] = (c3 < C3_LIMIT) | (c4 < C4_LIMIT)
    items[:, ITEM["increased_dna_binding"]] = anti_dsdna > DNA_LIMIT
    add_quiet_items(items, rows.visit == 0, rng)
    add_flare_items(items, rows, flares, rng)
    sledai = items @ WEIGHTS
    before = np.maximum(at - 1, 0)
    rise = sledai[at] - sledai[before]

    lymphocytes = _lognormal(np.where(high, 1.10, 1.41), np.where(high, 0.58, 0.66), _mixed(high, 0.6, who, n, rng))
    lymphocytes = np.round(np.clip(lymphocytes, 0.15, 5.0), 2)
    neutrophils = _lognormal(np.where(high, 4.17, 4.85), np.where(high, 2.12, 2.63), _mixed(high, 0.5, who, n, rng))
    leukopenia = items[:, ITEM["leukopenia"]]
    # The leukocyte count is not exported; it is at least the sum of these two, so they must agree with the descriptor.
    lymphocytes = np.where(leukopenia, np.minimum(lymphocytes, 1.1), lymphocytes)
    room = LEUKOCYTE_LIMIT - lymphocytes
    neutrophils = np.where(leukopenia, np.minimum(neutrophils, room - 0.3), np.maximum(neutrophils, room + 0.2))
    neutrophils = np.round(np.clip(neutrophils, 0.6, 20.0), 2)

    only = flares["medication_only"]
    pga = np.clip(rng.normal(0.25 + 0.06 * np.minimum(sledai, 8), 0.18), 0.0, 1.2)
    pga[at] = np.where(
        severe, np.clip(rng.normal(2.3, 0.35, len(at)), 1.5, 3.0), np.clip(rng.normal(1.5, 0.3, len(at)), 0.9, 2.5)
    )
    pga[at] = np.where(only, np.clip(pga[before] + rng.uniform(0.1, 0.7, len(at)), 0.3, 1.9), pga[at])
    pga = np.round(pga, 1)
    pga_rise = np.round(pga[at] - pga[before], 1)

    criteria = {
        "mild_sledai": (rise >= 3) & (sledai[at] <= 12),
        "mild_manifestation": ~severe
        & ~only
        & np.isin(flares["organ"], [ORGANS.index(o) for o in ("joint", "skin", "serosal")]),
        "mild_pga": (pga_rise >= 1.0) & (pga[at] <= 2.5),
        "severe_sledai": (rise > 0) & (sledai[at] > 12),
        "severe_manifestation": severe
        & ~only
        & ~np.isin(flares["organ"], [ORGANS.index(o) for o in ("joint", "serosal")]),
        "severe_hospitalisation": severe & ~only & (rng.random(len(at)) < 0.35),
        "severe_pga": (pga_rise > 0) & (pga[at] > 2.5),
    }
    serious = (
        criteria["severe_sledai"]
        | criteria["severe_manifestation"]
        | criteria["severe_hospitalisation"]
        | criteria["severe_pga"]
    )
    met = serious | criteria["mild_sledai"] | criteria["mild_manifestation"] | criteria["mild_pga"]
    high_dose = severe & (~serious | (rng.random(len(at)) < 0.7))
    low_dose = ~severe & (only | ~met | (rng.random(len(at)) < 0.45))
    base = np.where(
        rng.random(n) < np.where(patients.interferon_high, 0.65, 0.48), rng.choice([5.0, 5.0, 5.0, 7.5, 10.0], n), 0.0
    )
    added = np.where(
        high_dose,
        rng.choice([35.0, 40.0, 50.0], len(at)),
        np.where(low_dose, rng.choice([5.0, 10.0, 15.0], len(at)), 0.0),
    )
    prednisone = _dose(rows, flares, base, added)
    more = prednisone[at] > prednisone[before]
    started = severe & (rng.random(len(at)) < 0.5)
    hcq_base = rng.random(n) < 0.75
    hcq_added = ~severe & (rng.random(len(at)) < 0.15)
    criteria |= {
        "mild_prednisone": more & (prednisone[at] <= _HIGH_DOSE),
        "mild_nsaid_hcq": hcq_added,
        "severe_prednisone": more & (prednisone[at] > _HIGH_DOSE),
        "severe_immunosuppressant": started,
    }
    hcq, drug = hcq_base[who].copy(), (rng.random(n) < 0.35)[who].copy()
    for flag, column in ((hcq_added, hcq), (started, drug)):
        for p, day in zip(flares["patient"][flag], rows.day[at][flag], strict=True):
            column[(who == p) & (rows.day >= day)] = True

    clinical = rows.flare >= 0
    clinical |= (rows.visit == POST_FLARE) & (sledai > 8)
    findings = Findings(
        items, sledai, clinical, pga, prednisone, hcq, drug, c3, c4, anti_dsdna, neutrophils, lymphocytes
    )
    agrees = rng.random(len(at)) < np.where(only, 0.75, 0.95)
    order = np.lexsort((flares["number"], flares["patient"]))
    listed = Flares(
        patient=flares["patient"][order], number=flares["number"][order], row=at[order], severe=severe[order],
        organ=flares["organ"][order], criteria={k: v[order] for k, v in criteria.items()}, adjudicated=agrees[order],
    )  # fmt: skip
    return findings, listed
