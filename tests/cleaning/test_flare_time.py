from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study, flare_time, longitudinal_rows
from lumier_analysis.cleaning import flare_time as exported
from lumier_analysis.cleaning.flare_bins import (
    AFTER,
    BEFORE,
    BEYOND_END,
    BINS,
    FLARE,
    FLARE_FREE,
    LATE_FLARE,
    LATER,
    NOT_AT_RISK,
    RECURRED,
    TOO_EARLY,
    UNDATED,
    UNDATED_FLARE,
    UNDER_WAY,
    UNSCHEDULED,
)
from lumier_analysis.cleaning.flare_time import align_to_flare
from lumier_analysis.errors import UsageError
from lumier_analysis.study import open_study

FAR, MIDDLE, NEAR = BEFORE


def rows_of(*samples):
    """Samples as (patient, visit, day); those named M... are scheduled."""
    t = pd.DataFrame(samples, columns=["patient_id", "visit", "day"])
    t["day"] = t["day"].astype("Int64")
    numbered = [f"S{i}" for i in range(len(t))]
    return t.assign(sample_id=numbered, cohort="test", scheduled=t["visit"].str.startswith("M"))


def flares_of(*flares):
    """Flares as (patient, onset, detection)."""
    t = pd.DataFrame(flares, columns=["patient_id", "onset_day", "detection_day"])
    t = t.astype({"onset_day": "Int64", "detection_day": "Int64"})
    return t.assign(day=t["onset_day"].fillna(t["detection_day"]), is_flare=True)


def ends_of(**ends):
    found = [(p, *e) for p, e in ends.items()]
    t = pd.DataFrame(found, columns=["patient_id", "end_day", "end_reason"])
    return t.astype({"patient_id": "string", "end_day": "Int64", "end_reason": "string"})


def align(rows, flares, **ends):
    """Return the bin of each sample, or why it has none, in the order given."""
    found = align_to_flare(rows, flares, ends_of(**ends))
    bins = {**dict(zip(found.aligned["sample_id"], found.aligned["bin"], strict=True))}
    bins |= dict.fromkeys(found.reference["sample_id"], FLARE_FREE)
    return found, [bins.get(s) for s in rows["sample_id"]]


def reasons(found, analysis="aligned"):
    own = found.left_out.loc[[analysis]] if analysis in found.left_out.index.get_level_values(0) else found.left_out[:0]
    return {reason: int(n) for (_, reason), n in own["samples"].items()}


def test_days_fall_into_their_bins_ends_included():
    rows = rows_of(*(("A", f"M{k}", 300 - k) for k in (274, 273, 183, 182, 92, 91, 1)))
    found, bins = align(rows, flares_of(("A", 300, 300)))
    assert bins == [None, FAR, FAR, MIDDLE, MIDDLE, NEAR, NEAR]
    assert reasons(found) == {TOO_EARLY: 1}
    assert found.aligned["days_to_flare"].tolist() == [273, 183, 182, 92, 91, 1]
    assert found.aligned["last_before"].tolist() == [False] * 5 + [True]
    assert found.aligned["lag_days"].unique().tolist() == [1] and found.median_lag == 1
    assert len(found.at_risk) == 7, "at risk however long before"


def test_the_flare_visit_and_the_one_a_month_later():
    rows = rows_of(("A", "M0", 0), ("A", "M3", 90), ("A", "flare", 110), ("A", "post_flare", 141), ("A", "M6", 182))
    found, bins = align(rows, flares_of(("A", 100, 110)))
    assert bins == [MIDDLE, NEAR, FLARE, AFTER, None]
    assert found.aligned["days_to_flare"].tolist() == [100, 10, -10, -41]
    assert found.aligned["step_days"].fillna(-1).tolist() == [-1, -1, 20, 31]
    assert found.aligned["lag_days"].unique().tolist() == [10]
    assert found.aligned["onset_known"].all()
    assert reasons(found) == {LATER: 1} and reasons(found, "at risk") == {NOT_AT_RISK: 3}


def test_onset_stands_before_detection_else_detection_counts():
    rows = rows_of(("A", "M3", 95), ("A", "flare", 110))
    assert align(rows, flares_of(("A", 96, 110)))[0].aligned["days_to_flare"].tolist() == [1, -14]
    found, bins = align(rows, flares_of(("A", None, 110)))
    assert found.aligned["days_to_flare"].tolist() == [15, 0] and not found.aligned["onset_known"].any()
    # A sample from onset to detection is no sample before the flare; the flare's own visit is the flare's sample.
    found, bins = align(rows, flares_of(("A", 90, 110)))
    assert bins == [None, FLARE] and reasons(found) == {UNDER_WAY: 1} and found.lag.empty
    assert np.isnan(found.median_lag)


def test_without_unscheduled_visits_the_flare_is_at_the_visit_that_saw_it():
    rows = rows_of(("A", "M1", 0), ("A", "M2", 90), ("A", "M3", 180), ("A", "M4", 215), ("A", "M5", 300))
    _, bins = align(rows, flares_of(("A", None, 180)))
    assert bins == [MIDDLE, NEAR, FLARE, AFTER, None]


def test_its_own_visit_goes_before_a_nearer_scheduled_one():
    rows = rows_of(("A", "M3", 110), ("A", "flare", 112), ("A", "M6", 140), ("A", "post_flare", 150))
    assert align(rows, flares_of(("A", 100, 110)))[1] == [None, FLARE, None, AFTER]


@pytest.mark.parametrize(("day", "bin"), [(124, None), (125, AFTER), (155, AFTER), (156, None)])
def test_a_month_is_15_to_45_days_from_detection(day, bin):
    rows = rows_of(("A", "flare", 110), ("A", "post_flare", day))
    assert align(rows, flares_of(("A", 100, 110)))[1] == [FLARE, bin]


def test_the_first_flare_alone_is_aligned_to():
    rows = rows_of(("A", "M3", 90), ("A", "flare", 100), ("A", "post_flare", 132), ("A", "flare", 131))
    found, bins = align(rows, flares_of(("A", 130, 131), ("A", 100, 100)))
    assert bins == [NEAR, FLARE, None, None] and reasons(found) == {RECURRED: 2}


def test_the_flare_free_are_the_reference_as_they_are():
    rows = rows_of(("A", "M0", 0), ("B", "M0", 0), ("B", "M12", 365), ("B", "flare", 50))
    flares = flares_of(("A", 30, 30), ("B", 45, 50))
    flares.loc[1, "is_flare"] = False  # no flare by the plan's definition
    found, bins = align(rows, flares)
    assert bins == [NEAR, FLARE_FREE, FLARE_FREE, None] and reasons(found) == {UNSCHEDULED: 1}
    assert found.at_risk["sample_id"].tolist() == ["S0", "S1", "S2"]
    assert found.counts["samples"].to_dict() == {FAR: 0, MIDDLE: 0, NEAR: 1, FLARE: 0, AFTER: 0, FLARE_FREE: 2}
    assert found.counts.loc[FLARE_FREE, "patients"] == 1


def test_an_unscheduled_sample_before_the_flare_is_neither_before_nor_at_risk():
    rows = rows_of(("A", "M0", 0), ("A", "flare", 40), ("A", "flare", 100))
    found, bins = align(rows, flares_of(("A", 100, 100)))
    assert bins == [MIDDLE, None, FLARE] and len(found.at_risk) == 1


def test_without_a_date_nothing_is_aligned():
    rows = rows_of(("A", "M0", 0), ("B", "M0", None), ("B", "M3", 90))
    found, bins = align(rows, flares_of(("A", 50, 50), ("A", None, None), ("B", 95, 95)))
    assert bins == [None, None, NEAR]
    assert reasons(found) == reasons(found, "at risk") == {UNDATED_FLARE: 1, UNDATED: 1}


def test_nothing_counts_after_withdrawal():
    rows = rows_of(("A", "M0", 0), ("A", "M3", 90), ("B", "M0", 0))
    found, bins = align(rows, flares_of(("A", 95, 95)), A=(50, "pregnancy"), B=(50, "lost"))
    assert bins == [None, None, FLARE_FREE] and reasons(found) == {LATE_FLARE: 1, BEYOND_END: 1}
    assert found.at_risk["sample_id"].tolist() == ["S0", "S2"]
    none = align(rows.iloc[:0], flares_of(("A", 95, 95)))[0]
    assert len(none.aligned) == len(none.reference) == len(none.left_out) == len(none.at_risk) == 0
    assert align(rows, flares_of(("A", 95, 95)), A=(50, "lost"))[1] == [MIDDLE, NEAR, FLARE_FREE], "seen after a loss"


def test_columns_are_carried_and_bad_rows_refused():
    rows = rows_of(("A", "M0", 0), ("B", "M0", 0)).assign(score=[1.5, 2.5])
    found, _ = align(rows, flares_of(("A", 50, 50)))
    assert found.aligned["score"].tolist() == [1.5] and found.reference["score"].tolist() == [2.5]
    with pytest.raises(UsageError, match="no day"):
        align_to_flare(rows.drop(columns="day"), flares_of(("A", 50, 50)), ends_of())
    with pytest.raises(UsageError, match="1 rows too many"):
        align_to_flare(rows.assign(sample_id="S"), flares_of(("A", 50, 50)), ends_of())
    with pytest.raises(UsageError, match="no onset_day"):
        align_to_flare(rows, flares_of(("A", 50, 50)).drop(columns="onset_day"), ends_of())


@pytest.fixture(scope="module")
def study(simulated, tmp_path_factory):
    import shutil

    folder = tmp_path_factory.mktemp("aligned") / "synthetic"
    shutil.copytree(simulated, folder)
    opened = open_study(folder)
    clean_study(opened).write(opened)
    return opened


def test_every_sample_of_the_simulated_study_is_placed_or_counted(study):
    assert exported is flare_time
    rows = longitudinal_rows(study)
    found = flare_time(study, rows)
    n = sum(len(study.read("samples", c)) for c in ("test", "validation"))
    assert len(found.aligned) + len(found.reference) + found.left_out.loc["aligned", "samples"].sum() == n
    assert len(found.at_risk) + found.left_out.loc["at risk", "samples"].sum() == n
    assert not set(found.aligned["patient_id"]) & set(found.reference["patient_id"])
    assert not found.reference["ever_flare"].any() and found.aligned["ever_flare"].all()
    per_patient = found.aligned.groupby(["bin", "patient_id"], observed=True).size()
    assert per_patient.loc[[FLARE, AFTER]].max() == 1
    assert found.counts["samples"].loc[list(BINS)].sum() == len(found.aligned)
    assert 20 < found.median_lag < 80 and found.lag.index.is_unique
    taken_away = flare_time(study, rows.iloc[5:])
    assert taken_away.left_out.loc[("aligned", "not in the rows given"), "samples"] == 5
    with pytest.raises(UsageError, match="1 rows"):
        flare_time(study, rows.assign(sample_id=["no such tube", *rows["sample_id"][1:]]))
