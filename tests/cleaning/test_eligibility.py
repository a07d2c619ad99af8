import pandas as pd
import pytest

from lumier_analysis.cleaning.eligibility import both_cohorts, failed_criteria, judge_patients, sledai_at_inclusion
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError
from lumier_analysis.study.sections import Eligibility

RULES = Eligibility.model_validate(
    {
        "minimum_age": 18,
        "require": ["acr_criteria", "consent"],
        "forbid": ["pregnant", "lactating", "treatment_increase", "flare_at_inclusion"],
        "sledai_max": 4,
    }
)
ELIGIBLE = {
    "age": 40, "acr_criteria": True, "consent": True, "pregnant": False, "lactating": False,
    "treatment_increase": False, "flare_at_inclusion": False,
}  # fmt: skip


def patients(*changes):
    rows = [ELIGIBLE | change for change in changes]
    return pd.DataFrame(rows).assign(patient_id=[f"P{i}" for i in range(len(rows))], cohort="test")


def sledai(**points):
    return pd.Series(points, dtype="Float64")


@pytest.mark.parametrize(
    ("change", "points", "reason"),
    [
        ({}, 4, ""),
        ({"age": 17}, 2, "under the minimum age"),
        ({"age": 18}, 2, ""),
        ({"acr_criteria": False}, 2, "ACR criteria not met"),
        ({"consent": False}, 2, "no consent"),
        ({"pregnant": True}, 2, "pregnant"),
        ({"lactating": True}, 2, "lactating"),
        ({"treatment_increase": True}, 2, "treatment increased before inclusion"),
        ({"flare_at_inclusion": True}, 2, "clinical flare at inclusion"),
        ({}, 5, "SLEDAI above the limit at inclusion"),
    ],
)
def test_each_criterion_of_the_record(change, points, reason):
    queries = Queries()
    judged = judge_patients(patients(change), sledai(P0=points), RULES, queries)
    assert judged["reason"].item() == reason
    assert len(queries.frame(pd.Series({"P0": "01"}))) == (reason != "")


def test_a_missing_answer_violates_nothing():
    table = patients({"consent": pd.NA, "age": pd.NA})
    assert not failed_criteria(table, sledai(), RULES).any(axis=None)


def test_a_patient_in_both_cohorts_is_excluded_from_both():
    table = pd.concat([patients({}), patients({}).assign(cohort="validation")], ignore_index=True)
    assert both_cohorts(table).all()
    assert judge_patients(table, sledai(P0=2), RULES, Queries())["reason"].eq("in both cohorts").all()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("consent", r"eligibility\.require needs the column consent.*map consent under tables\.patients\.columns"),
        ("pregnant", r"eligibility\.forbid needs the column pregnant"),
        ("age", r"eligibility\.minimum_age needs the column age.*birth_year and inclusion_date"),
    ],
)
def test_a_criterion_that_the_study_does_not_record_is_refused(column, message):
    with pytest.raises(PlanError, match=message):
        failed_criteria(patients({}).drop(columns=column), sledai(), RULES)


def test_the_inclusion_visit_is_the_one_planned_first_even_without_date():
    visits = pd.DataFrame(
        {"patient_id": "P", "visit": ["M3", "M0"], "day": [91, None], "sledai": [8, 2], "scheduled": True}
    ).astype({"day": "Int64"})
    assert sledai_at_inclusion(visits, {"M0": 0, "M3": 91})["P"] == 2
    # Visits that carry no labels of their own: the first by day.
    assert sledai_at_inclusion(visits, {})["P"] == 8
