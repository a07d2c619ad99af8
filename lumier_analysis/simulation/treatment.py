"""Treatment before, at and after a flare, and the flare criteria that rest on treatment."""

from __future__ import annotations

import numpy as np

from lumier_analysis.simulation.course import Rows
from lumier_analysis.simulation.population import Patients

#: Doses above this are more than 0.5 mg/kg/day for the body weight assumed (65 kg).
_HIGH_DOSE = 32.5


def _dose(rows: Rows, flares: dict[str, np.ndarray], base: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Return prednisone at each visit: a flare's addition, halved at one month, a quarter to four months, then gone."""
    extra = np.zeros((base.shape[0], 2))
    extra[flares["patient"], flares["number"]] = added
    share = np.select([rows.since == 0, rows.since <= 45, rows.since <= 120], [1.0, 0.5, 0.25], 0.0)
    taken = extra[rows.patient, np.maximum(rows.last, 0)] * np.where(rows.last >= 0, share, 0.0)
    return base[rows.patient] + np.round(taken / 2.5) * 2.5


def treat(
    patients: Patients,
    rows: Rows,
    flares: dict[str, np.ndarray],
    before: np.ndarray,
    activity: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return prednisone, hydroxychloroquine, immunosuppressant at each visit, and the criteria that rest on them.

    A flare that meets no criterion of activity is treated, so that it meets one of treatment.
    """
    n, at, severe = len(patients), flares["row"], flares["severe"]
    m = len(at)
    serious = np.any([v for k, v in activity.items() if k.startswith("severe")], axis=0)
    met = np.any(list(activity.values()), axis=0)
    high_dose = severe & (~serious | (rng.random(m) < 0.7))
    low_dose = ~severe & (flares["medication_only"] | ~met | (rng.random(m) < 0.45))
    treated = rng.random(n) < np.where(patients.interferon_high, 0.65, 0.48)
    base = np.where(treated, rng.choice([5.0, 5.0, 5.0, 7.5, 10.0], n), 0.0)
    added = np.where(low_dose, rng.choice([5.0, 10.0, 15.0], m), 0.0)
    added = np.where(high_dose, rng.choice([35.0, 40.0, 50.0], m), added)
    prednisone = _dose(rows, flares, base, added)
    more = prednisone[at] > prednisone[before]
    started = severe & (rng.random(m) < 0.5)
    hcq = (rng.random(n) < 0.75)[rows.patient]
    drug = (rng.random(n) < 0.35)[rows.patient]
    # What is left of an earlier flare's dose can hide a small increase.
    hcq_added = (~severe & (rng.random(m) < 0.15)) | ~(met | more | started)
    for flag, column in ((hcq_added, hcq), (started, drug)):
        first = np.full(n, np.inf)
        np.minimum.at(first, flares["patient"][flag], rows.day[at][flag])
        column |= rows.day >= first[rows.patient]
    criteria = {
        "mild_prednisone": more & (prednisone[at] <= _HIGH_DOSE),
        "mild_nsaid_hcq": hcq_added,
        "severe_prednisone": more & (prednisone[at] > _HIGH_DOSE),
        "severe_immunosuppressant": started,
    }
    return prednisone, hcq, drug, criteria
