"""Outcomes given to other patients, so that an analysis can be rehearsed without seeing a result.

A patient keeps her samples and covariates and gets the course of another patient with as many landmarks at risk, whole
and in order: the dependence inside a course stays, its link to any marker goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: What a landmark's outcome is; the days are taken relative to the landmark.
_OUTCOME = ("included", "reason", "event", "competing", "follow_up_status", "follow_up_days")
_DAYS = ("window_end_day", "flare_day", "flare_after_day")
#: From these a flare can be told again, and they are a marker too: they go to a second, independent permutation.
_ACTIVITY = ("sledai", "sledai_entered", "sledai_items_sum", "clinical_sledai", "clinical_flare")


@dataclass(frozen=True, slots=True)
class Permuted:
    """Tables of a cohort with permuted outcomes.

    Attributes
    ----------
    landmarks, visits, flares, patients : DataFrame
    n_patients, n_kept : int
        Patients with a landmark at risk, and those who kept their own outcomes by chance or for want of a match.
    """

    landmarks: pd.DataFrame
    visits: pd.DataFrame
    flares: pd.DataFrame
    patients: pd.DataFrame
    n_patients: int
    n_kept: int


def draw_donors(sizes: pd.Series, rng: np.random.Generator) -> dict[str, str]:
    """Return patient -> the patient whose outcomes she gets; a permutation within equal `sizes` (by patient)."""
    donors: dict[str, str] = {}
    for _, own in sizes.sort_index().groupby(sizes):
        people = own.index.to_numpy(dtype=object)
        donors.update(zip(people, rng.permutation(people), strict=True))
    return donors


def permute_outcomes(
    landmarks: pd.DataFrame, visits: pd.DataFrame, flares: pd.DataFrame, patients: pd.DataFrame, *, seed: int
) -> Permuted:
    """Permute outcomes between patients with equally many landmarks at risk.

    Parameters
    ----------
    landmarks, visits, flares, patients : DataFrame
        The tables of one cohort.
    seed : int

    Returns
    -------
    Permuted
        Landmarks at risk carry the donor's outcomes, in the order of days. Flares and ends of follow-up are the
        donor's. SLEDAI courses, from which flares may be told, follow a permutation of their own, between patients
        with equally many visits.
    """
    rng = np.random.default_rng(seed)
    people = pd.Index(patients["patient_id"].astype(object))
    at_risk = landmarks[landmarks["at_risk"]].sort_values(["patient_id", "day"])
    counts = at_risk["patient_id"].astype(object).value_counts().reindex(people, fill_value=0)
    donors = draw_donors(counts, rng)
    landmarks = _moved(landmarks, at_risk, donors)
    receivers = {donor: patient for patient, donor in donors.items()}
    flares = flares.assign(patient_id=flares["patient_id"].map(receivers).astype("string"))
    ends = patients.set_index("patient_id")
    ends = ends.loc[[donors[p] for p in people], [c for c in ("end_day", "end_reason") if c in patients]]
    patients = patients.assign(**{str(c): ends[c].array for c in ends})
    attended = visits["patient_id"].astype(object).value_counts().reindex(people, fill_value=0)
    visits = _active(visits.sort_values(["patient_id", "day"], na_position="last"), draw_donors(attended, rng))
    own = [p for p in people if counts[p] > 0]
    return Permuted(landmarks, visits, flares, patients, len(own), sum(donors[p] == p for p in own))


def _blocks(table: pd.DataFrame, donors: dict[str, str]) -> np.ndarray:
    """Return for every row, patients in order of the table, the place of the donor's row of the same rank."""
    places: dict[str, list[int]] = {}
    for place, patient in enumerate(table["patient_id"].astype(str)):
        places.setdefault(patient, []).append(place)
    return np.array([place for patient in places for place in places[donors[patient]]], dtype=np.intp)


def _moved(landmarks: pd.DataFrame, at_risk: pd.DataFrame, donors: dict[str, str]) -> pd.DataFrame:
    """Return the landmarks with the donors' outcomes in the rows at risk."""
    source = at_risk.iloc[_blocks(at_risk, donors)]
    given = source[list(_OUTCOME)].set_axis(at_risk.index)
    for name in _DAYS:
        given[name] = (source[name] - source["day"]).set_axis(at_risk.index) + at_risk["day"]
    result = landmarks.copy()
    for column in given:
        result.loc[given.index, column] = given[column]
    return result


def _active(visits: pd.DataFrame, donors: dict[str, str]) -> pd.DataFrame:
    """Return the visits with the donors' SLEDAI."""
    columns = [c for c in _ACTIVITY if c in visits]
    source = visits.iloc[_blocks(visits, donors)]
    return visits.assign(**{c: source[c].array for c in columns}).sort_index()
