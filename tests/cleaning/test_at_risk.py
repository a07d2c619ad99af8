from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.cleaning.at_risk import at_risk_rows, flare_kinds, subgroups_of, window_outcomes
from lumier_analysis.cleaning.window import ESCALATED, NOT_OBSERVED, UNKNOWN_ONSET
from lumier_analysis.errors import PlanError
from lumier_analysis.performance import observation_weights
from lumier_analysis.study import Study, load_plan, project_root

#: The landmark is day 10. Columns: `marks`.
CASES = {
    "flare": ("", True, True, 1, False, 101, 60, 59, 1, 50),
    "none": ("", True, True, 0, False, 101, pd.NA, pd.NA, 0, 200),
    "death": ("", True, True, 0, True, 122, pd.NA, pd.NA, 2, 30),
    "lost": (NOT_OBSERVED, False, True, pd.NA, False, 122, pd.NA, pd.NA, 0, 40),
    "seen later": ("next visit after day 112", False, True, pd.NA, False, 122, pd.NA, pd.NA, 1, 300),
    "unknown": (UNKNOWN_ONSET, False, True, pd.NA, False, 122, 150, 70, 1, 140),
    "escalated": (ESCALATED, False, True, pd.NA, False, 101, pd.NA, pd.NA, 0, 25),
    "no sample": ("no sample", False, False, pd.NA, False, pd.NA, pd.NA, pd.NA, pd.NA, pd.NA),
}


@pytest.fixture
def marks():
    columns = [
        "reason", "included", "at_risk", "event", "competing", "window_end_day", "flare_day", "flare_after_day",
        "follow_up_status", "follow_up_days",
    ]  # fmt: skip
    table = pd.DataFrame.from_dict(CASES, orient="index", columns=columns)
    whole = [c for c in columns if c not in ("reason", "included", "at_risk", "competing")]
    table = table.astype(dict.fromkeys(whole, "Int64"))
    return table.assign(day=pd.array([10] * len(table), dtype="Int64"))


@pytest.fixture
def study(tmp_path, marks):
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    made = Study(tmp_path / "synthetic", tmp_path / "raw", plan, tmp_path)
    who = [f"P{i}" for i in range(len(marks))]
    fixed = {"patient_id": who, "visit": "M0", "cohort": "validation", "centre": "C1", "sample_id": "S"}
    made.write("landmarks", "validation", marks.assign(**fixed).reset_index(drop=True))
    visits = {"patient_id": who, "visit": "M0", "day": 10, "scheduled": True}
    made.write("visits", "validation", pd.DataFrame(visits).assign(prednisone=[5.0, 4.9, None] + [0.0] * 5))
    people = {"patient_id": who, "sex": "female", "age": [39, 40] + [50] * 6}
    people["past_nephritis"] = [True, None] + [False] * 6
    made.write("patients", "validation", pd.DataFrame(people).astype({"past_nephritis": "boolean"}))
    flares = {"patient_id": ["P0", "P5"], "day": [60, 150], "is_flare": True, "severity": ["severe", "mild"]}
    flares["organ"] = "skin"
    made.write("flares", "validation", pd.DataFrame(flares).astype({"day": "Int64"}))
    return made


def test_outcome_and_days(marks):
    found = window_outcomes(marks)
    assert found["observed_days"].to_dict() == {
        "flare": 50, "none": 91, "death": 30, "lost": 40, "seen later": 0, "unknown": 60, "escalated": 25,
    }  # fmt: skip
    assert found["outcome"].dropna().to_dict() == {"flare": 1, "none": 0, "death": 0}


def test_rows_at_risk_carry_what_the_weights_need(study):
    rows = at_risk_rows(study, "validation")
    assert len(rows) == 7 and "event" not in rows and rows["prednisone"].notna().sum() == 6
    weight = observation_weights(rows["outcome"], rows["observed_days"])
    assert (weight > 0).sum() == 3


def test_kinds_of_flare(study):
    rows = at_risk_rows(study, "validation")
    kinds = flare_kinds(study, "validation", rows)
    assert kinds["severity"].tolist()[0] == "severe" and kinds["severity"].isna().sum() == 5
    study.write("flares", "validation", study.read("flares", "validation").drop(columns="organ"))
    with pytest.raises(PlanError, match=r"flare_kinds names organ"):
        flare_kinds(study, "validation", rows)


def test_subgroups(study):
    rows = at_risk_rows(study, "validation")
    levels = subgroups_of(study, rows)
    assert levels["age"].tolist()[:3] == ["under 40", "40 or more", "40 or more"]
    assert levels["prednisone"].tolist()[:2] == ["5 or more", "under 5"] and pd.isna(levels["prednisone"][2])
    assert levels["past_nephritis"].tolist()[0] == "yes" and pd.isna(levels["past_nephritis"][1])


@pytest.mark.parametrize(
    ("subgroups", "message"),
    [
        ({"weight": []}, "names weight"),
        ({"age": []}, "numbers, and has no limits"),
        ({"sex": [1.0]}, "categories, and has limits"),
    ],
)
def test_subgroups_that_cannot_be_made(study, subgroups, message):
    validation = study.plan.validation.model_copy(update={"subgroups": subgroups})
    other = Study(study.folder, study.raw, study.plan.model_copy(update={"validation": validation}), study.root)
    with pytest.raises(PlanError, match=message):
        subgroups_of(other, at_risk_rows(study, "validation"))


def test_limits_must_rise():
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    with pytest.raises(ValueError, match="limits of age must rise"):
        type(plan.validation).model_validate({"subgroups": {"age": [40, 30]}})
