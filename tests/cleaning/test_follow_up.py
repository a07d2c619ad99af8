from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.cleaning.follow_up import NO_FOLLOW_UP, first_flare_follow_up
from lumier_analysis.cleaning.window import NOT_OBSERVED, UNKNOWN_ONSET
from lumier_analysis.errors import AnalysisError
from lumier_analysis.study import Study, load_plan, project_root

#: patient: visit, day, at risk, reason, status, days from the visit, day of the sample.
CASES = {
    "flare": ("M0", 0, True, "", 1, 50, 0),
    "free": ("M0", 0, True, "", 0, 360, 4),
    "death": ("M0", 0, True, "", 2, 200, pd.NA),
    "lost": ("M0", 0, True, NOT_OBSERVED, 0, 40, 0),
    "late": ("M0", 3, True, UNKNOWN_ONSET, 1, 140, 3),
    "vanished": ("M0", 0, True, NOT_OBSERVED, 0, 2, 2),
    "no sample": ("M0", 0, False, "no sample", pd.NA, pd.NA, pd.NA),
    "not quiescent": ("M0", 0, False, "not quiescent: SLEDAI above 4", pd.NA, pd.NA, 0),
    "starts later": ("M3", 91, True, "", 1, 30, 91),
    "not eligible": ("M3", 91, False, "patient: pregnant", pd.NA, pd.NA, 91),
}


def study_of(folder, **changes):
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    for section, values in changes.items():
        plan = plan.model_copy(update={section: getattr(plan, section).model_copy(update=values)})
    made = Study(folder / "synthetic", folder / "raw", plan, folder)
    columns = ["visit", "day", "at_risk", "reason", "follow_up_status", "follow_up_days", "sample_day"]
    marks = pd.DataFrame.from_dict(CASES, orient="index", columns=columns).rename_axis("patient_id").reset_index()
    later = marks[marks["patient_id"] == "flare"].assign(visit="M3", day=91, at_risk=False, reason="after a flare")
    marks = pd.concat([marks, later], ignore_index=True)
    whole = ["day", "follow_up_status", "follow_up_days", "sample_day"]
    marks = marks.astype(dict.fromkeys(whole, "Int64")).assign(centre="C1", cohort="validation")
    marks["sample_id"] = "S" + marks["patient_id"] + marks["visit"]
    marks["included"] = marks["at_risk"] & (marks["reason"] == "")
    samples = marks[["sample_id", "sample_day"]].rename(columns={"sample_day": "day"})
    made.write("samples", "validation", samples)
    made.write("landmarks", "validation", marks.drop(columns="sample_day"))
    people = pd.DataFrame({"patient_id": [*CASES, "never seen"]})
    people["reason"] = [c[3].removeprefix("patient: ") if "patient: " in c[3] else "" for c in CASES.values()] + [""]
    made.write("patients", "validation", people)
    last = {"flare": 91, "free": 340, "lost": 30, "late": 143}
    visits = pd.DataFrame({"patient_id": list(last), "day": list(last.values()), "scheduled": True})
    visits = pd.concat([visits, pd.DataFrame({"patient_id": ["free"], "day": [350], "scheduled": [False]})])
    made.write("visits", "validation", visits)
    return made


def test_time_runs_from_the_sample_and_nobody_is_lost(tmp_path):
    rows, left_out = first_flare_follow_up(study_of(tmp_path), "validation")
    assert dict(zip(rows["patient_id"], zip(rows["time"], rows["event"], strict=True), strict=True)) == {
        "flare": (50, 1), "free": (356, 0), "death": (200, 2), "lost": (40, 0), "late": (140, 1),
    }  # fmt: skip
    assert left_out.to_dict() == {
        "no sample": 1, "not quiescent: SLEDAI above 4": 1, "no visit M0": 2, "patient: pregnant": 1, NO_FOLLOW_UP: 1,
    }  # fmt: skip
    assert len(rows) + left_out.sum() == len(CASES) + 1


def test_rows_point_at_their_landmarks(tmp_path):
    study = study_of(tmp_path)
    rows = first_flare_follow_up(study, "validation").rows
    marks = study.read("landmarks", "validation").loc[rows["landmark"]]
    assert marks["sample_id"].tolist() == rows["sample_id"].tolist()
    assert marks["visit"].eq("M0").all() and rows["patient_id"].is_unique


def test_where_all_visits_are_landmarks_the_earliest_is_the_first(tmp_path):
    rows, left_out = first_flare_follow_up(study_of(tmp_path, landmarks={"visits": "all"}), "validation")
    assert rows.set_index("patient_id").loc["starts later", ["visit", "time"]].tolist() == ["M3", 30]
    assert left_out["no visit"] == 1 and left_out["patient: pregnant"] == 1


def test_flares_seen_at_visits_alone_end_follow_up_at_the_last_scheduled_one(tmp_path):
    rows, left_out = first_flare_follow_up(study_of(tmp_path, flare={"observed": "at_visits"}), "validation")
    time = rows.set_index("patient_id")["time"]
    assert (time["free"], time["lost"], time["flare"], time["death"]) == (336, 30, 50, 200)
    assert left_out[NO_FOLLOW_UP] == 1


def test_no_cohort_is_empty(tmp_path):
    rows, left_out = first_flare_follow_up(study_of(tmp_path), "test")
    assert rows.empty and left_out.empty and {"patient_id", "sample_id", "time", "event"} <= set(rows)


def test_a_cohort_that_nobody_survives_is_empty_and_counted(tmp_path):
    study = study_of(tmp_path)
    marks = study.read("landmarks", "validation")
    study.write("landmarks", "validation", marks.assign(at_risk=False, reason="no sample").iloc[:3])
    rows, left_out = first_flare_follow_up(study, "validation")
    assert rows.empty and rows["time"].dtype == float and left_out.sum() == len(CASES) + 1
    study.write("landmarks", "validation", marks.iloc[:0])
    assert first_flare_follow_up(study, "validation").left_out.to_dict() == {"no visit M0": 10, "patient: pregnant": 1}


def test_what_is_refused(tmp_path):
    study = study_of(tmp_path)
    samples = study.read("samples", "validation")
    study.write("samples", "validation", samples.iloc[1:])
    with pytest.raises(AnalysisError, match="not in the samples table"):
        first_flare_follow_up(study, "validation")
    study.write("samples", "validation", samples.assign(day=60))
    with pytest.raises(AnalysisError, match="on or before the day of its sample"):
        first_flare_follow_up(study, "validation")
