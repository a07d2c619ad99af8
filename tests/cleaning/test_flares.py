import pandas as pd
import pytest

from lumier_analysis.cleaning.flares import MILD, SEVERE, classify_flares, flares_from_sledai


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
