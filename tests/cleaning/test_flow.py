import pandas as pd
import pytest

from lumier_analysis.cleaning.flow import participant_flow, window_counts
from lumier_analysis.errors import AnalysisError


def tables():
    patients = pd.DataFrame({"patient_id": list("ABC"), "cohort": "test", "reason": ["", "", "no consent"]})
    marks = pd.DataFrame(
        {
            "patient_id": ["A", "A", "B", "C"],
            "cohort": "test",
            "included": [True, False, False, False],
            "reason": ["", "no sample", "no sample", "patient: no consent"],
            "event": pd.array([1, None, None, None], dtype="Int64"),
        }
    )
    return patients, marks


def test_both_levels_add_up_and_name_their_ends():
    flow = pd.DataFrame(participant_flow(*tables()))
    ends = flow[flow["step"] == "end"].set_index("level")["n"]
    assert ends["patients"] == 3 - 1
    assert ends["visits"] == 4 - 3
    for level in ("patients", "visits"):
        own = flow[flow["level"] == level]
        start = own.loc[own["step"] == "start", "n"].item()
        assert start - own.loc[own["step"] == "excluded", "n"].sum() == ends[level]


def test_events_and_contributing_patients_are_described_not_subtracted():
    flow = pd.DataFrame(participant_flow(*tables()))
    of_which = flow[flow["step"] == "of which"].set_index("reason")["n"]
    assert of_which["with at least one landmark"] == 1
    assert of_which["followed by a flare"] == 1


def test_the_largest_exclusion_comes_first():
    flow = pd.DataFrame(participant_flow(*tables()))
    visits = flow[(flow["level"] == "visits") & (flow["step"] == "excluded")]
    assert visits["reason"].tolist() == ["no sample", "patient: no consent"]


@pytest.mark.parametrize("cohort", ["test"])
def test_remaining_falls_with_every_exclusion(cohort):
    flow = pd.DataFrame(participant_flow(*tables()))
    own = flow[(flow["cohort"] == cohort) & (flow["level"] == "visits") & flow["step"].isin(["start", "excluded"])]
    assert own["remaining"].tolist() == [4, 2, 1]


def windows():
    return pd.DataFrame(
        {
            "cohort": "test",
            "visit": ["M0", "M0", "M9", "M9", "M9", "M9"],
            "at_risk": [True, True, True, True, True, False],
            "included": [True, True, True, False, False, False],
            "reason": ["", "", "", "window not fully observed", "window not fully observed", "no sample"],
            "event": pd.array([1, 0, 0, None, None, None], dtype="Int64"),
            "competing": [False, False, True, False, False, False],
        }
    )


def test_the_windows_of_each_visit_are_counted_by_what_became_of_them():
    counts = window_counts(windows()).set_index("visit")
    assert counts.loc["M0", ["at_risk", "flare", "no flare", "competing event"]].tolist() == [2, 1, 1, 0]
    late = ["at_risk", "flare", "no flare", "competing event", "window not fully observed"]
    assert counts.loc["M9", late].tolist() == [3, 0, 0, 1, 2]
    assert "no sample" not in counts


def test_windows_that_do_not_add_up_stop_the_run():
    broken = windows()
    broken.loc[3, "reason"] = None
    with pytest.raises(AnalysisError, match="do not add up"):
        window_counts(broken)
