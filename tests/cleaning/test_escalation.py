import pandas as pd
import pytest

from lumier_analysis.cleaning.escalation import last_known, raised, treatment_escalations
from lumier_analysis.errors import PlanError

NO_FLARE = pd.DataFrame({"patient_id": [], "day": [], "is_flare": []})


def visits(**columns):
    return pd.DataFrame({"patient_id": "P", "day": [0, 91, 182], **columns}).astype({"day": "Int64"})


def test_the_last_known_dose_is_carried_over_gaps_but_never_between_patients():
    table = pd.concat([visits(prednisone=[5, None, 10]), visits(prednisone=[20, 5, 5]).assign(patient_id="Q")])
    table = table.sample(frac=1, random_state=1).reset_index(drop=True)
    ordered = table.assign(last=last_known(table, "prednisone")).sort_values(["patient_id", "day"])
    assert ordered["last"].fillna(-1).tolist() == [-1, 5, 5, -1, 20, 5]
    up = table.assign(up=raised(table, "prednisone")).sort_values(["patient_id", "day"])["up"]
    assert up.iloc[2] and not up.iloc[4]
    assert up.iloc[[0, 1, 3]].isna().all()


def test_a_visit_without_day_neither_shows_nor_hides_an_escalation():
    table = visits(prednisone=[5.0, 20.0, 5.0]).assign(day=pd.array([0, None, 182], dtype="Int64"))
    assert len(treatment_escalations(table, NO_FLARE)) == 0


def test_the_record_s_own_flag_counts():
    found = treatment_escalations(visits(treatment_increase=[False, True, None]), NO_FLARE)
    assert found[["day", "after_day", "treatments", "with_flare"]].values.tolist() == [
        [91, 0, "treatment_increase", False]
    ]


def test_a_flare_not_yet_over_explains_an_escalation():
    flare = pd.DataFrame({"patient_id": ["P"], "day": [50], "detection_day": [100], "is_flare": True})
    found = treatment_escalations(visits(prednisone=[5, 10, 15]), flare)
    assert found["with_flare"].tolist() == [True, True]
    other = treatment_escalations(visits(prednisone=[5, 10, 15]), flare.assign(patient_id="Q"))
    assert not other["with_flare"].any()


def test_without_treatments_the_plan_is_told():
    with pytest.raises(PlanError, match=r"none of prednisone.*landmarks\.treatment_escalation: ignore"):
        treatment_escalations(visits(), NO_FLARE)
