"""Landmarks, as patients drawn on a line: each test is one sentence of the analysis plan."""

from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.study.sections import Flare, Landmarks


def course(visits, flares=(), *, end=400, end_reason="completed", samples=None, rules=None, flare=None, reason=""):
    """One patient: visits are (label, day, SLEDAI), flares are (onset or None, detection); a sample at every visit."""
    visit_table = pd.DataFrame(visits, columns=["visit", "day", "sledai"])
    visit_table["day"] = visit_table["day"].astype("Int64")
    visit_table["patient_id"] = "P"
    visit_table["scheduled"] = ~visit_table["visit"].isin(["flare", "post_flare"])
    visit_table["clinical_flare"] = False
    flare_table = pd.DataFrame(list(flares), columns=["onset_day", "detection_day"]).astype("Int64")
    flare_table["day"] = flare_table["onset_day"].fillna(flare_table["detection_day"])
    flare_table["patient_id"], flare_table["is_flare"] = "P", True
    sampled = samples if samples is not None else [v for v, _, _ in visits]
    sample_table = pd.DataFrame({"visit": sampled})
    sample_table["patient_id"], sample_table["qc_pass"], sample_table["qc_reason"] = "P", True, ""
    sample_table["sample_id"] = "S" + sample_table["visit"]
    sample_table["day"] = pd.array([pd.NA] * len(sample_table), dtype="Int64")
    patients = pd.DataFrame(
        {
            "patient_id": ["P"],
            "cohort": ["test"],
            "centre": ["01"],
            "reason": [reason],
            "end_day": [end],
            "end_reason": [end_reason],
        }
    )
    table = landmark_table(
        patients, visit_table, flare_table, sample_table,
        Landmarks.model_validate(rules or {}), Flare.model_validate(flare or {}),
    )  # fmt: skip
    return table.set_index("visit")


YEAR = [("M0", 0, 2), ("M3", 91, 2), ("M6", 182, 2), ("M9", 273, 2), ("M12", 365, 2)]


def test_a_quiet_year_gives_four_landmarks_without_event():
    table = course(YEAR)
    assert list(table.index) == ["M0", "M3", "M6", "M9"]
    assert table["included"].all()
    assert (table["event"] == 0).all()


def test_a_flare_belongs_to_the_last_landmark_before_it_and_ends_the_follow_up():
    table = course(YEAR, [(120, 122)])
    assert table["event"].tolist()[:2] == [0, 1]
    assert table.loc["M3", "flare_day"] == 120
    assert table.loc[["M6", "M9"], "reason"].eq("after a flare").all()


def test_a_flare_found_at_the_next_visit_counts():
    table = course(YEAR, [(None, 182)])
    assert table.loc["M3", "event"] == 1


def test_the_flare_visit_is_no_landmark_of_its_own():
    table = course(YEAR, [(91, 91)])
    assert table.loc["M0", "event"] == 1
    assert table.loc["M3", "reason"] == "after a flare"


def test_a_missed_visit_opens_the_window_up_to_the_cap_only():
    seen = [v for v in YEAR if v[0] != "M3"]
    assert course(seen, [(100, 101)]).loc["M0", "event"] == 1
    late = course(seen, [(150, 151)])
    assert late.loc["M0", "event"] == 0, "known onset after the cap: no flare within the window"
    assert late.loc["M0", "window_end_day"] == 112


def test_a_flare_of_unknown_onset_after_the_cap_has_an_unknown_window():
    seen = [v for v in YEAR if v[0] != "M3"]
    assert course(seen, [(None, 150)]).loc["M0", "reason"] == "flare of unknown onset, detected after the window"


def test_recurrent_flares_are_a_sensitivity_setting():
    table = course(YEAR, [(40, 41), (200, 201)], rules={"recurrent_flares": True})
    assert table["event"].tolist() == [1, 0, 1, 0]


def test_an_active_patient_is_no_landmark():
    active = [("M0", 0, 2), ("M3", 91, 6), ("M6", 182, 4), ("M9", 273, 2), ("M12", 365, 2)]
    table = course(active)
    assert table.loc["M3", "reason"] == "not quiescent: SLEDAI above 4"
    assert table.loc["M6", "included"]


def test_without_a_sample_there_is_no_landmark_but_the_visit_still_closes_the_window_before_it():
    table = course(YEAR, [(120, 120)], samples=["M0", "M6", "M9"])
    assert table.loc["M3", "reason"] == "no sample"
    assert table.loc["M0", "event"] == 0
    assert table.loc["M0", "window_end_day"] == 91


def test_dropout_without_flare_leaves_the_window_incomplete():
    table = course(YEAR[:2], end=150, end_reason="lost")
    assert table.loc["M3", "reason"] == "window not fully observed"
    assert table.loc["M0", "event"] == 0


def test_dropout_after_a_flare_in_the_window_is_an_event_all_the_same():
    assert course(YEAR[:2], [(130, 131)], end=150, end_reason="lost").loc["M3", "event"] == 1


@pytest.mark.parametrize("end_reason", ["death", "pregnancy"])
def test_a_competing_event_in_the_window_makes_a_non_event_by_the_plan(end_reason):
    table = course(YEAR[:2], end=150, end_reason=end_reason, rules={"competing_events": ["death", "pregnancy"]})
    assert table.loc["M3", "event"] == 0
    assert table.loc["M3", "competing"]


def test_the_fixed_horizon_looks_beyond_the_next_visit():
    rules = {"horizon": "fixed", "horizon_days": 105}
    table = course(YEAR, [(100, 100)], rules=rules)
    assert table.loc[["M0", "M3"], "event"].tolist() == [1, 1]


def test_the_sample_must_precede_the_flare_by_the_minimum_gap():
    table = course(YEAR, [(98, 98)], rules={"minimum_gap_days": 14})
    assert table.loc["M3", "reason"] == "flare within 14 days of the sample"


def test_where_flares_are_known_at_visits_alone_a_late_visit_says_nothing():
    seen = [("V01", 0, 2), ("V02", 150, 8), ("V03", 240, 2)]
    rules = {"visits": "all", "cap_days": 120}
    table = course(seen, [(None, 150)], rules=rules, flare={"observed": "at_visits"})
    assert table.loc["V01", "reason"] == "next visit after day 120"
    assert table.loc["V03", "reason"] == "after a flare"


def test_the_patient_s_own_exclusion_comes_first():
    assert course(YEAR, reason="no consent")["reason"].eq("patient: no consent").all()


def test_a_visit_without_date_is_counted():
    table = course([("M0", 0, 2), ("M3", None, 2), ("M6", 182, 2)])
    assert table.loc["M3", "reason"] == "no usable visit date"
