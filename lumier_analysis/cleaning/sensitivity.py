"""Landmarks under other rules: one departure from the plan at a time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lumier_analysis.cleaning.clean import one_sample_a_visit
from lumier_analysis.cleaning.flares import classify_flares, flares_from_sledai
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.study import Study
from lumier_analysis.study.sections import Flare, Landmarks


def flares_under(flares: pd.DataFrame, visits: pd.DataFrame, flare: Flare, landmarks: Landmarks) -> pd.DataFrame:
    """Apply a flare definition to the recorded criteria, or to SLEDAI where it defines the flare."""
    if flare.definition == "sledai_increase":
        used = visits[visits["scheduled"]] if flare.observed == "at_visits" else visits
        return flares_from_sledai(used, increase=flare.sledai_increase, quiescent_max=landmarks.quiescent_sledai_max)
    return classify_flares(flares, flare.definition, medication_criteria=flare.medication_criteria)


def landmarks_under(study: Study, cohort: str, changes: dict[str, Any]) -> pd.DataFrame:
    """Recompute the landmarks of a cohort with some rules changed.

    Parameters
    ----------
    study : Study
    cohort : {"test", "validation"}
    changes : dict
        Keys of the plan's landmarks and flare sections, as ``{"landmarks.cap_days": 91}``; empty for the plan itself.

    Returns
    -------
    DataFrame
        As `landmark_table`, of the patients who are analysed.
    """
    landmarks, flare = study.plan.rules_with(changes)
    patients = study.read("patients", cohort)
    visits = study.read("visits", cohort)
    flares = flares_under(study.read("flares", cohort), visits, flare, landmarks)
    samples = one_sample_a_visit(study.read("samples", cohort), visits)
    return landmark_table(patients[patients["reason"] == ""], visits, flares, samples, landmarks, flare)
