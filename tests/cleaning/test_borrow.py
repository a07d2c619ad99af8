"""Borrowed courses, on patients made by hand: twelve lend, and the tubes of those who receive say their own story."""

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.borrow import borrow_outcomes, draw_courses
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.errors import AnalysisError
from lumier_analysis.study import load_plan, project_root

PLAN = load_plan(project_root() / "data/synthetic/plan.yml")
VISITS = ["M0", "M3", "M6", "M9", "M12"]
DONORS = [f"T{i:02d}" for i in range(12)]


def tubes_of(patients, labels=VISITS, first_day=1000):
    """Tubes at every visit of `labels`, drawn on days that no visit of a donor has."""
    rows = [(f"{p}.{v}", p, v, first_day + k) for p in patients for k, v in enumerate(labels)]
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "visit", "day"])
    table = table.astype({"sample_id": "string", "patient_id": "string", "visit": "string", "day": "Int64"})
    return table.assign(qc_pass=True, qc_reason=pd.Series("", index=table.index, dtype="string"))


@pytest.fixture
def lent():
    """Patients, visits and flares of twelve donors: each has days of her own, every third a flare after M6."""
    visits, flares = [], []
    for i, patient in enumerate(DONORS):
        visits += [(patient, v, 90 * k + i, 2.0, True) for k, v in enumerate(VISITS)]
        if i % 3 == 0:
            visits.append((patient, "flare", 215 + i, 12.0, False))
            flares.append((patient, 210 + i, 215 + i, 210 + i, True, f"organ {i}"))
    visits = pd.DataFrame(visits, columns=["patient_id", "visit", "day", "sledai", "scheduled"])
    visits = visits.astype({"patient_id": "string", "visit": "string", "day": "Int64", "sledai": "Float64"})
    columns = ["patient_id", "onset_day", "detection_day", "day", "is_flare", "organ"]
    flares = pd.DataFrame(flares, columns=columns).astype({"patient_id": "string", "organ": "string"})
    flares = flares.astype(dict.fromkeys(("onset_day", "detection_day", "day"), "Int64"))
    patients = pd.DataFrame({"patient_id": DONORS, "cohort": "test", "centre": "A", "reason": "", "end_reason": ""})
    patients = patients.astype("string").assign(end_day=range(360, 372), age=range(12))
    return patients.astype({"end_day": "Int64", "age": "Int64"}), visits, flares


def borrow(lent, samples, seed=1):
    return borrow_outcomes(*lent, samples, PLAN.landmarks, PLAN.flare, seed=seed)


def donors_of(found):
    """Receiver -> donor, told by the age that goes with the course."""
    return {p: DONORS[a] for p, a in zip(found.patients["patient_id"], found.patients["age"], strict=True)}


def test_a_course_is_lent_whole_and_judged_as_cleaning_judges_it(lent):
    patients, visits, flares = lent
    receivers = [f"V{i}" for i in range(12)]
    found = borrow(lent, tubes_of(receivers))
    donors = donors_of(found)
    assert sorted(donors) == sorted(receivers) and sorted(donors.values()) == DONORS
    assert (found.n_patients, found.n_donors, found.n_landmarks, found.n_events) == (12, 12, 44, 4)

    own_tubes = tubes_of(DONORS).drop(columns="day").merge(visits[["patient_id", "visit", "day"]], how="left")
    marks = landmark_table(patients, visits, flares, own_tubes, PLAN.landmarks, PLAN.flare)
    told = {"patients": patients, "visits": visits, "flares": flares, "landmarks": marks}
    for name, table in told.items():
        given = getattr(found, name)
        assert list(given.dtypes.items()) == list(table.dtypes.items()), name
        for receiver, donor in donors.items():
            own, his = given[given["patient_id"] == receiver], table[table["patient_id"] == donor]
            moved = [c for c in table if c not in ("patient_id", "cohort", "sample_id")]
            pd.testing.assert_frame_equal(own[moved].reset_index(drop=True), his[moved].reset_index(drop=True))
    assert set(found.patients["cohort"]) == set(found.landmarks["cohort"]) == {"validation"}
    assert (found.landmarks["sample_id"] == found.landmarks["patient_id"] + "." + found.landmarks["visit"]).all()


def test_tubes_stand_on_the_borrowed_days_and_a_visit_without_one_is_no_landmark(lent):
    samples = tubes_of(["V1"], ["M0", "M6", "M18"])
    samples.loc[1, ["qc_pass", "qc_reason"]] = [False, "RIN below 6"]
    found = borrow(lent, samples)
    day = found.visits.set_index("visit")["day"]
    assert found.samples["day"].tolist() == [day["M0"], day["M6"], 1002]
    pd.testing.assert_frame_equal(found.samples.drop(columns="day"), samples.drop(columns="day"))
    reasons = found.landmarks.set_index("visit")["reason"]
    assert reasons["M3"] == "no sample" and reasons["M6"] == "sample: RIN below 6"
    assert (found.n_patients, found.n_donors, found.n_landmarks) == (1, 1, 1)


def test_a_visit_without_a_day_leaves_the_tube_its_own(lent):
    patients, visits, flares = lent
    visits.loc[visits["visit"] == "M3", "day"] = pd.NA
    found = borrow((patients, visits, flares), tubes_of(["V1"]))
    assert found.samples.set_index("visit").at["M3", "day"] == 1001
    assert found.landmarks.set_index("visit").at["M3", "reason"] == "no usable visit date"


@pytest.mark.parametrize(("receivers", "lent_at_most"), [(5, 1), (12, 1), (13, 2), (30, 3)])
def test_nobody_lends_twice_before_everybody_has_lent(receivers, lent_at_most):
    pairs = draw_courses([f"V{i:02d}" for i in range(receivers)], DONORS, np.random.default_rng(3))
    lent = pairs["patient_id"].value_counts().reindex(DONORS, fill_value=0)
    assert lent.max() == lent_at_most and lent.max() - lent.min() <= 1
    assert pairs["receiver"].is_unique and len(pairs) == receivers


def test_a_course_that_is_lent_twice_is_the_same_for_both(lent):
    found = borrow(lent, tubes_of([f"V{i:02d}" for i in range(18)]))
    assert (found.n_patients, found.n_donors) == (18, 12) and len(found.landmarks) == 18 * 4
    donors = donors_of(found)
    flared = found.landmarks.groupby("patient_id")["event"].sum()
    assert {p for p in donors if flared[p]} == {p for p, d in donors.items() if DONORS.index(d) % 3 == 0}
    assert not found.visits.duplicated(["patient_id", "visit"]).any()


def test_who_is_not_analysed_lends_nothing(lent):
    patients, visits, flares = lent
    patients.loc[:9, "reason"] = "pregnant"
    found = borrow((patients, visits, flares), tubes_of(["V1", "V2", "V3"]))
    assert set(donors_of(found).values()) == {"T10", "T11"} and set(found.patients["reason"]) == {""}
    assert found.n_events == 0 and found.flares.empty


def test_the_seed_decides(lent):
    samples = tubes_of([f"V{i}" for i in range(12)])
    a, b, c = (donors_of(borrow(lent, samples, seed=s)) for s in (1, 1, 2))
    assert a == b != c


def test_who_gets_which_course_has_nothing_to_do_with_the_patient(lent):
    receivers, flared = [f"V{i:02d}" for i in range(12)], pd.Series(0, index=DONORS)
    rounds = [draw_courses(receivers, DONORS, np.random.default_rng(seed)) for seed in range(300)]
    for receiver, pairs in zip(receivers, zip(*(p["patient_id"] for p in rounds), strict=True), strict=True):
        flared[DONORS[receivers.index(receiver)]] = sum(DONORS.index(donor) % 3 == 0 for donor in pairs)
    # A third of the donors flare: 100 of 300 draws are expected, SD 8.2; 3.5 SD, as twelve patients are looked at.
    assert flared.between(100 - 29, 100 + 29).all() and flared.sum() == 300 * 4


def test_without_tubes_or_without_donors_there_is_one_sentence(lent):
    patients, visits, flares = lent
    with pytest.raises(AnalysisError, match="no tube of a scheduled visit, so there is nothing to rehearse on"):
        borrow(lent, tubes_of([]))
    with pytest.raises(AnalysisError, match="test cohort has no analysed patient whose course could be borrowed"):
        borrow((patients.assign(reason="pregnant"), visits, flares), tubes_of(["V1"]))
