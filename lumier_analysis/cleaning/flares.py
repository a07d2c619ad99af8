"""What counts as a flare, by the plan's definition.

SELENA-SLEDAI Flare Index: Petri M et al. N Engl J Med 2005;353:2550-8 (criteria in Buyon JP et al. Ann Intern Med
2005;142:953-62): one criterion suffices; a severe criterion overrides the mild or moderate ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.sledai_flares import flares_from_sledai, without_serology
from lumier_analysis.errors import PlanError
from lumier_analysis.study.sections import Flare

#: Mild or moderate criteria: SLEDAI up by 3 but not to above 12; new or worse skin, nasopharyngeal ulcers, pleuritis,
#: pericarditis, arthritis or fever; prednisone up, not to above 0.5 mg/kg/day; NSAID or hydroxychloroquine added; PGA
#: up by 1, not to above 2.5.
MILD = ("mild_sledai", "mild_manifestation", "mild_prednisone", "mild_nsaid_hcq", "mild_pga")
#: Severe criteria: SLEDAI to above 12; new or worse CNS lupus, vasculitis, nephritis, myositis, platelets below 60 G/L
#: or haemolytic anaemia that needs prednisone doubled, above 0.5 mg/kg/day, or hospital; prednisone to above 0.5
#: mg/kg/day; a new immunosuppressant; hospital for lupus; PGA to above 2.5.
SEVERE = (
    "severe_sledai", "severe_manifestation", "severe_prednisone", "severe_immunosuppressant",
    "severe_hospitalisation", "severe_pga",
)  # fmt: skip
#: Criteria met by a change of treatment alone; without them the index is stricter (Thanou 2014, PMC4542656).
MEDICATION = ("mild_prednisone", "mild_nsaid_hcq", "severe_prednisone", "severe_immunosuppressant")


def _flags(flares: pd.DataFrame, criteria: tuple[str, ...]) -> pd.DataFrame:
    """Return the criteria that the table has as plain booleans; a missing flag is not a met criterion."""
    columns = [c for c in criteria if c in flares.columns]
    return flares[columns].astype("boolean").fillna(False).astype(bool)


def _check(flares: pd.DataFrame, definition: str) -> None:
    """Refuse a table that cannot say what the definition asks: no flag at all would read as no flare at all."""
    needed = {"sfi_any": (*MILD, *SEVERE), "sfi_severe": SEVERE, "adjudicated": ("adjudicated",)}[definition]
    if not set(needed) & set(flares.columns):
        raise PlanError(
            f"flare.definition {definition} needs criteria that the flares table does not have",
            found="none of " + ", ".join(needed),
            fix="map them under tables.flares.columns, or choose another flare.definition",
        )


def classify_flares(flares: pd.DataFrame, definition: str, *, medication_criteria: bool = True) -> pd.DataFrame:
    """Say of each recorded flare how severe it is, by which criteria, and whether it counts.

    Parameters
    ----------
    flares : DataFrame, one row a recorded flare
        Criterion flags (`MILD`, `SEVERE`) and, for ``adjudicated``, the adjudication flag.
    definition : {"sfi_any", "sfi_severe", "adjudicated"}
    medication_criteria : bool
        Whether a change of treatment alone makes a flare.

    Returns
    -------
    DataFrame
        The input with ``severe`` and ``is_flare`` (bool), ``severity`` ("severe", "mild or moderate", or missing where
        no criterion is met), ``criteria`` (names of those met, by comma) and ``medication_only`` (bool: a flare whose
        criteria are all changes of treatment).

    Raises
    ------
    PlanError
        The table has none of the flags that the definition rests on.
    """
    _check(flares, definition)
    dropped = () if medication_criteria else MEDICATION
    met = _flags(flares, tuple(c for c in (*MILD, *SEVERE) if c not in dropped))
    severe = met[[c for c in met if c in SEVERE]].any(axis=1)
    met_any = met.any(axis=1)
    by_treatment = met[[c for c in met if c in MEDICATION]].any(axis=1)
    by_activity = met[[c for c in met if c not in MEDICATION]].any(axis=1)
    if definition == "adjudicated":
        counts = _flags(flares, ("adjudicated",))["adjudicated"]
    else:
        counts = severe if definition == "sfi_severe" else met_any
    names = np.array(met.columns, dtype=object)
    listed = [", ".join(names[row]) for row in met.to_numpy()]
    severity = np.where(severe, "severe", np.where(met_any, "mild or moderate", ""))
    return flares.assign(
        severe=severe,
        is_flare=counts,
        severity=pd.array(severity, dtype="string"),
        criteria=pd.array(listed, dtype="string"),
        medication_only=by_treatment & ~by_activity,
    ).pipe(lambda t: t.assign(severity=t["severity"].mask(t["severity"] == "")))


def flares_by_plan(
    recorded: pd.DataFrame | None, visits: pd.DataFrame, rules: Flare, *, quiescent_max: int
) -> pd.DataFrame:
    """Return the flares by the plan's definition, from the record or from SLEDAI.

    Parameters
    ----------
    recorded : DataFrame or None
        Flares of the record: patient_id, onset_day, detection_day, day, criterion flags. Where SLEDAI defines the flare
        they lend their documented onset.
    visits : DataFrame
        patient_id, day, scheduled, sledai; clinical_sledai where ``rules.serology_items`` is false.
    rules : Flare
        The plan's section.
    quiescent_max : int
        Points; a rise of SLEDAI counts from a visit at or below.

    Returns
    -------
    DataFrame
        As `classify_flares` or `flares_from_sledai`.
    """
    if rules.definition == "sledai_increase" or recorded is None:
        return flares_from_sledai(
            visits[visits["scheduled"]] if rules.observed == "at_visits" else visits,
            increase=rules.sledai_increase,
            quiescent_max=quiescent_max,
            clinical=not rules.serology_items,
            recorded=recorded,
        )
    judged = recorded if rules.serology_items else without_serology(recorded, visits)
    return classify_flares(judged, rules.definition, medication_criteria=rules.medication_criteria)
