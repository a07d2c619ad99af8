"""Courses lent by the test cohort, so that the validation can be rehearsed while its outcomes are sealed.

What is in clear of a validation patient is her tubes of scheduled visits. She gets the course of a patient of the test
cohort, whole: who he is, his visits, his flares, the end of his follow-up. Her landmarks are judged anew, as cleaning
judges them, on his visits and her tubes; no outcome of hers is known here, so none can be used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.clean import one_sample_a_visit
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.errors import AnalysisError
from lumier_analysis.study.seal import COHORT
from lumier_analysis.study.sections import Flare, Landmarks


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Tables of a validation cohort with the courses of test patients.

    Attributes
    ----------
    landmarks, visits, flares, patients, samples : DataFrame
    n_patients : int
        Validation patients known by a tube.
    n_donors : int
        Test patients whose course was lent; fewer than `n_patients` where the test cohort is the smaller one.
    n_landmarks : int
        Landmarks at risk: borrowed visits with a tube of the patient's own.
    n_events : int
        Those of them that are used and followed by a flare.
    """

    landmarks: pd.DataFrame
    visits: pd.DataFrame
    flares: pd.DataFrame
    patients: pd.DataFrame
    samples: pd.DataFrame
    n_patients: int
    n_donors: int
    n_landmarks: int
    n_events: int


def draw_courses(receivers: list[str], donors: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Draw for each receiver the donor of her course.

    Parameters
    ----------
    receivers, donors : list of str
        Patients; at least one donor.
    rng : Generator

    Returns
    -------
    DataFrame, one row a receiver
        receiver, patient_id (the donor). No donor is drawn a second time before every donor has been drawn once.
    """
    rounds = -(-len(receivers) // len(donors))
    drawn = np.concatenate([rng.permutation(np.array(donors, dtype=object)) for _ in range(rounds)])
    pairs = pd.DataFrame({"receiver": receivers, "patient_id": drawn[: len(receivers)]})
    return pairs.astype("string")


def borrow_outcomes(
    patients: pd.DataFrame,
    visits: pd.DataFrame,
    flares: pd.DataFrame,
    samples: pd.DataFrame,
    rules: Landmarks,
    flare: Flare,
    *,
    seed: int,
) -> Borrowed:
    """Give every validation patient the course of a test patient.

    Parameters
    ----------
    patients, visits, flares : DataFrame
        The tables of the test cohort; only analysed patients lend their course.
    samples : DataFrame
        The validation cohort's tubes of scheduled visits, as `withheld.open_tables` leaves them.
    rules, flare : Landmarks, Flare
        The plan's sections.
    seed : int

    Returns
    -------
    Borrowed
        A tube stands on the day of the borrowed visit of its label (its calendar date is left as it is). A tube
        without such a visit, and a visit without a tube, are no landmark, for the reason that cleaning gives.

    Raises
    ------
    AnalysisError
        There is no tube, or no test patient.
    """
    if samples.empty:
        raise AnalysisError(
            "The validation cohort has no tube of a scheduled visit, so there is nothing to rehearse on",
            fix="look at tables.samples of the plan",
        )
    donors = sorted(map(str, patients.loc[patients["reason"].eq(""), "patient_id"]))
    if not donors:
        raise AnalysisError(
            "The test cohort has no analysed patient whose course could be borrowed",
            fix="look at eligibility and at the cohort column of the plan",
        )
    receivers = sorted(set(map(str, samples["patient_id"])))
    pairs = draw_courses(receivers, donors, np.random.default_rng(seed))
    people = _relabelled(patients, pairs).assign(cohort=pd.Series(COHORT, index=range(len(pairs)), dtype="string"))
    visits, flares = _relabelled(visits, pairs), _relabelled(flares, pairs)
    samples = _dated(samples, visits)
    marks = landmark_table(people, visits, flares, one_sample_a_visit(samples, visits), rules, flare)
    donated, at_risk, events = pairs["patient_id"].nunique(), marks["at_risk"].sum(), marks["event"].sum()
    counts = (len(receivers), donated, int(at_risk), int(events))
    return Borrowed(marks, visits, flares, people, samples, *counts)


def _relabelled(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return each donor's rows under the code of every patient whom they are lent to, in the order of `pairs`."""
    own = pairs.merge(table, on="patient_id", how="inner")
    return own.assign(patient_id=own["receiver"].astype(table["patient_id"].dtype))[list(table.columns)]


def _dated(samples: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Return the tubes on the days of the borrowed visits; where there is none, or it has no day, on their own."""
    planned = visits.loc[visits["scheduled"], ["patient_id", "visit", "day"]]
    found = samples[["patient_id", "visit"]].merge(
        planned, on=["patient_id", "visit"], how="left", validate="many_to_one"
    )
    return samples.assign(day=found["day"].astype("Int64").set_axis(samples.index).fillna(samples["day"]))
