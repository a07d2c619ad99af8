from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.permute import draw_donors, permute_outcomes


@pytest.fixture
def tables():
    """40 patients with 1 to 4 landmarks; the last one of every third patient is an event, one visit is not at risk."""
    rows, rng = [], np.random.default_rng(1)
    for i in range(40):
        n = 1 + i % 4
        for k in range(n):
            event = int(k == n - 1 and i % 3 == 0)
            day = 90 * k + int(rng.integers(0, 5))
            outcome = (True, "", event, False, day + 90, True, event, 60 + i)
            rows.append((f"P{i:02d}", f"M{3 * k}", f"S{i}.{k}", day, *outcome))
        rows.append((f"P{i:02d}", "M12", None, 360, False, "no sample", None, False, None, False, None, None))
    columns = [
        "patient_id", "visit", "sample_id", "day", "included", "reason", "event", "competing", "window_end_day",
        "at_risk", "follow_up_status", "follow_up_days",
    ]  # fmt: skip
    marks = pd.DataFrame(rows, columns=columns)
    marks["flare_day"] = (marks["day"] + 30).where(marks["event"] == 1)
    marks["flare_after_day"] = marks["flare_day"] - 1
    whole = ["day", "event", "window_end_day", "flare_day", "flare_after_day", "follow_up_status", "follow_up_days"]
    marks = marks.astype(dict.fromkeys(whole, "Int64"))
    visits = marks[["patient_id", "visit", "day"]].assign(sledai=range(len(marks)), c3=range(len(marks)))
    flares = marks.loc[marks["event"] == 1, ["patient_id"]].assign(day=30)
    patients = pd.DataFrame({"patient_id": [f"P{i:02d}" for i in range(40)], "end_day": range(40), "age": range(40)})
    return marks, visits, flares, patients.assign(end_reason="lost")


def test_nothing_is_lost_and_outcomes_move_as_blocks(tables):
    marks, _visits, _flares, _patients = tables
    found = permute_outcomes(*tables, seed=5)
    assert found.n_patients == 40 and 0 < found.n_kept < 12
    before, after = marks[marks["at_risk"]], found.landmarks[found.landmarks["at_risk"]]
    # What a patient is and has stays; the multiset of courses, days relative to the landmark, too.
    pd.testing.assert_frame_equal(after[["patient_id", "sample_id", "day"]], before[["patient_id", "sample_id", "day"]])

    def courses(table):
        days = [(table[c] - table["day"]).fillna(-1) for c in ("flare_day", "flare_after_day", "window_end_day")]
        columns = [table["event"], table["follow_up_status"], table["follow_up_days"], *days]
        rows = pd.Series(list(zip(*columns, strict=True)), index=table.index)
        return sorted(tuple(own) for _, own in rows.groupby(table["patient_id"]))

    assert courses(after) == courses(before)
    moved = (after["follow_up_days"] != before["follow_up_days"]).groupby(before["patient_id"]).all()
    assert moved.sum() == 40 - found.n_kept
    assert list(found.landmarks.dtypes) == list(marks.dtypes)
    rest = ~marks["at_risk"]
    pd.testing.assert_frame_equal(found.landmarks[rest], marks[rest])


def test_flares_and_ends_follow_the_same_permutation(tables):
    found = permute_outcomes(*tables, seed=5)
    with_event = set(found.landmarks.loc[found.landmarks["event"] == 1, "patient_id"])
    assert set(found.flares["patient_id"]) == with_event
    # follow_up_days is 60 + number of the donor, end_day her number.
    last = found.landmarks[found.landmarks["at_risk"]].drop_duplicates("patient_id").set_index("patient_id")
    ends = found.patients.set_index("patient_id")["end_day"]
    assert (last["follow_up_days"] - 60 == ends.reindex(last.index)).all()
    assert found.patients["age"].tolist() == list(range(40))


def test_sledai_goes_its_own_way_and_other_markers_stay(tables):
    _, visits, _, _ = tables
    found = permute_outcomes(*tables, seed=5)
    assert found.visits["c3"].tolist() == visits["c3"].tolist()
    assert sorted(found.visits["sledai"]) == sorted(visits["sledai"])
    assert (found.visits["sledai"] != visits["sledai"]).mean() > 0.7
    donor_of_sledai = found.visits.groupby("patient_id")["sledai"].first() // 1
    own = visits.groupby("patient_id")["sledai"].first()
    by_sledai = {p: own.index[own == v][0] for p, v in donor_of_sledai.items()}
    by_end = {p: f"P{v:02d}" for p, v in found.patients.set_index("patient_id")["end_day"].items()}
    assert sum(by_sledai[p] == by_end[p] for p in by_end) < 20


def test_the_link_to_a_marker_is_gone_on_average(tables):
    marks, *_ = tables
    used = marks["at_risk"]
    marker = marks.loc[used, "event"].astype(float).to_numpy()  # a perfect marker
    means = []
    for seed in range(100):
        event = permute_outcomes(*tables, seed=seed).landmarks.loc[used, "event"].astype(float).to_numpy()
        means.append(np.mean(marker[event == 1]))
    # Blocks keep the place in the course: the last landmark is an event in a third of patients, marker or not.
    assert abs(np.mean(means) - 1 / 3) < 0.06


def test_same_seed_same_permutation(tables):
    a, b, c = (permute_outcomes(*tables, seed=s).landmarks for s in (5, 5, 6))
    pd.testing.assert_frame_equal(a, b)
    assert not a.equals(c)


def test_a_lone_size_keeps_its_own():
    sizes = pd.Series({"A": 1, "B": 1, "C": 7})
    for seed in range(5):
        donors = draw_donors(sizes, np.random.default_rng(seed))
        assert donors["C"] == "C" and sorted(donors.values()) == ["A", "B", "C"]
