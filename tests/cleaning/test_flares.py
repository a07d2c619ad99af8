import pandas as pd
import pytest

from lumier_analysis.cleaning.flares import MILD, SEVERE, classify_flares, flares_by_plan
from lumier_analysis.cleaning.sledai_flares import flares_from_sledai
from lumier_analysis.errors import PlanError
from lumier_analysis.study.sections import Flare


def recorded(**flags):
    row = dict.fromkeys((*MILD, *SEVERE, "adjudicated"), False) | flags
    return pd.DataFrame([row]).astype("boolean")


@pytest.mark.parametrize("criterion", MILD)
def test_one_mild_criterion_makes_a_mild_flare(criterion):
    row = classify_flares(recorded(**{criterion: True}), "sfi_any").iloc[0]
    assert row["is_flare"] and not row["severe"]


@pytest.mark.parametrize("criterion", SEVERE)
def test_one_severe_criterion_makes_a_severe_flare(criterion):
    row = classify_flares(recorded(**{criterion: True}), "sfi_severe").iloc[0]
    assert row["is_flare"] and row["severe"]


def test_without_medication_criteria_a_steroid_rise_alone_is_no_flare():
    assert not classify_flares(recorded(mild_prednisone=True), "sfi_any", medication_criteria=False).iloc[0]["is_flare"]


def test_the_adjudicated_flag_stands_for_itself():
    table = classify_flares(recorded(severe_sledai=True), "adjudicated")
    assert not table.iloc[0]["is_flare"]


def test_severe_overrides_mild_and_every_criterion_met_is_listed():
    row = classify_flares(recorded(mild_pga=True, severe_prednisone=True), "sfi_any").iloc[0]
    assert row["severity"] == "severe"
    assert row["criteria"] == "mild_pga, severe_prednisone"
    assert not row["medication_only"]


def test_a_flare_by_treatment_alone_is_marked():
    assert classify_flares(recorded(mild_nsaid_hcq=True), "sfi_any").iloc[0]["medication_only"]


def test_a_flare_that_meets_no_criterion_has_no_severity():
    row = classify_flares(recorded(adjudicated=True), "adjudicated").iloc[0]
    assert row["is_flare"] and pd.isna(row["severity"]) and row["criteria"] == ""


@pytest.mark.parametrize(
    ("definition", "columns"), [("sfi_any", []), ("sfi_severe", ["mild_pga"]), ("adjudicated", ["severe_pga"])]
)
def test_a_definition_whose_flags_are_not_there_is_refused(definition, columns):
    with pytest.raises(PlanError, match=rf"flare\.definition {definition} needs criteria.*tables\.flares\.columns"):
        classify_flares(recorded()[columns], definition)


def test_the_plan_chooses_between_record_and_sledai():
    visits = pd.DataFrame({"patient_id": "P", "day": [0, 91], "sledai": [2, 8], "scheduled": True})
    visits = visits.assign(clinical_sledai=[2, 2]).astype({"day": "Int64"})
    flares = recorded(mild_sledai=True).assign(patient_id="P", onset_day=85, detection_day=91, day=85)

    def days(**rules):
        found = flares_by_plan(flares, visits, Flare.model_validate(rules), quiescent_max=4)
        return found.loc[found["is_flare"], "day"].tolist()

    assert days(definition="sfi_any") == [85]
    assert days(definition="sfi_any", serology_items=False) == []
    assert days(definition="sledai_increase") == [85], "the record documents the onset"
    assert days(definition="sledai_increase", sledai_increase=7) == []
    assert days(definition="sledai_increase", serology_items=False) == []


def test_a_missing_flag_is_not_a_met_criterion():
    assert not classify_flares(recorded(mild_pga=pd.NA), "sfi_any").iloc[0]["is_flare"]


def test_a_flare_is_a_rise_of_three_from_a_quiescent_visit():
    visits = pd.DataFrame(
        {"patient_id": ["A"] * 4 + ["B"] * 2, "day": [0, 90, 180, 270, 0, 90], "sledai": [2, 5, 9, 4, 4, 6]}
    ).astype({"day": "Int64", "sledai": "Float64"})
    found = flares_from_sledai(visits, increase=3, quiescent_max=4)
    # A rises 2 -> 5 from quiescence; 5 -> 9 starts from an active visit; B rises by 2 only.
    assert found[["patient_id", "day"]].values.tolist() == [["A", 90]]
    assert found["onset_day"].isna().all()
