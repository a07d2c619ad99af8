"""Who is analysed: the inclusion criteria of the record, and cohorts that do not overlap."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError
from lumier_analysis.study.sections import Eligibility

CRITERIA = {
    "age": "under the minimum age",
    "acr_criteria": "ACR criteria not met",
    "consent": "no consent",
    "pregnant": "pregnant",
    "lactating": "lactating",
    "treatment_increase": "treatment increased before inclusion",
    "flare_at_inclusion": "clinical flare at inclusion",
    "sledai": "SLEDAI above the limit at inclusion",
}


def both_cohorts(patients: pd.DataFrame) -> pd.Series:
    """Tell which rows are of a patient listed in more than one cohort."""
    return patients.groupby("patient_id")["cohort"].transform("nunique") > 1


def failed_criteria(patients: pd.DataFrame, inclusion_sledai: pd.Series, rules: Eligibility) -> pd.DataFrame:
    """Check each criterion of the record.

    Parameters
    ----------
    patients : DataFrame
        One row a patient, with age (years) and the flags that the plan names.
    inclusion_sledai : Series
        SLEDAI (points) at the first visit, indexed by patient_id; missing where unknown.
    rules : Eligibility

    Returns
    -------
    DataFrame of bool, shape (n_patients, n_criteria)
        True where a criterion is known to be violated; a missing answer violates nothing.

    Raises
    ------
    PlanError
        The plan names a criterion that the patients table does not have.
    """
    failed = {}
    needed = {name: f"eligibility.{key}" for key in ("require", "forbid") for name in getattr(rules, key)}
    if rules.minimum_age is not None:
        needed["age"] = "eligibility.minimum_age"
    absent = [name for name in needed if name not in patients]
    if absent:
        raise PlanError(
            f"{needed[absent[0]]} needs the column {absent[0]}, which the patients table does not have",
            fix="map "
            + ("age, or birth_year and inclusion_date," if absent[0] == "age" else absent[0])
            + f" under tables.patients.columns, or take it out of {needed[absent[0]]}",
        )
    if rules.minimum_age is not None:
        failed["age"] = patients["age"] < rules.minimum_age
    for name in rules.require:
        failed[name] = ~patients[name].astype("boolean")
    for name in rules.forbid:
        failed[name] = patients[name].astype("boolean")
    if rules.sledai_max is not None:
        failed["sledai"] = patients["patient_id"].map(inclusion_sledai) > rules.sledai_max
    table = pd.DataFrame(failed, index=patients.index)
    return table.astype("boolean").fillna(False).astype(bool)


def sledai_at_inclusion(visits: pd.DataFrame, schedule_days: dict[str, int]) -> pd.Series:
    """Return the SLEDAI of each patient's inclusion visit.

    Parameters
    ----------
    visits : DataFrame
        patient_id, visit, day, scheduled, sledai; one row a scheduled visit.
    schedule_days : dict
        Visit label -> planned day; the label planned first is the inclusion visit, dated or not. Empty where visits
        have no labels of their own: then it is the first by day.

    Returns
    -------
    Series of Float64, indexed by patient_id
        Points; missing where unknown, and absent where the patient has no such visit.
    """
    scheduled = visits[visits["scheduled"]]
    if schedule_days:
        scheduled = scheduled[scheduled["visit"] == min(schedule_days, key=lambda label: schedule_days[label])]
    first = scheduled.sort_values(["patient_id", "day"], kind="stable").drop_duplicates("patient_id")
    return first.set_index("patient_id")["sledai"].astype("Float64")


def judge_patients(
    patients: pd.DataFrame, inclusion_sledai: pd.Series, rules: Eligibility | None, queries: Queries
) -> pd.DataFrame:
    """Add ``reason`` (why a patient is not analysed; empty if analysed) and raise the queries.

    A patient in both cohorts is excluded from both: no rule can say where she belongs. Otherwise the first failed
    criterion is the reason, in the plan's order.
    """
    judged = patients.assign(reason=pd.Series("", index=patients.index, dtype="string"))
    both = both_cohorts(patients)
    # One query a patient, not one a cohort.
    queries.add(
        "patient_in_both_cohorts",
        patients[both].drop_duplicates("patient_id", keep="last"),
        field="cohort",
        value="test and validation",
        expected="one cohort",
        action="excluded from both cohorts",
    )
    judged.loc[both, "reason"] = "in both cohorts"
    if rules is None:
        return judged
    failed = failed_criteria(patients, inclusion_sledai, rules)
    for name in failed.columns:
        wrong = patients[failed[name] & ~both]
        queries.add(
            "ineligible",
            wrong,
            field=name,
            value=wrong["patient_id"].map(inclusion_sledai) if name == "sledai" else None,
            expected=f"not: {CRITERIA.get(name, name)}",
            action="patient excluded",
        )
        first = failed[name] & (judged["reason"] == "")
        judged.loc[first, "reason"] = CRITERIA.get(name, name)
    return judged
