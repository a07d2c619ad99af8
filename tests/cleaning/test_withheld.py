"""What may be shown while outcomes are sealed, on rows made by hand."""

from __future__ import annotations

import io
from dataclasses import make_dataclass

import pandas as pd
import pytest

from lumier_analysis.cleaning import withheld
from lumier_analysis.cleaning.measured import Measured

PATIENTS = pd.DataFrame(
    {"patient_id": ["T1", "V1", "B1", "B1", "N1"], "cohort": ["test", "validation", "test", "validation", pd.NA]},
    dtype="string",
)
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["a", "b", "c", "d", "e"],
        "patient_id": ["V1", "V1", "V1", "V1", "T1"],
        "visit": pd.array(["M0", "flare", "post_flare", pd.NA, "flare"], dtype="string"),
        "source_row": range(5),
    }
)


@pytest.mark.parametrize(
    ("rule", "patient", "tube", "shown"),
    [
        ("sledai_total_mismatch", "T1", "", True),
        ("sample_failed", "T1", "e", True),
        ("sledai_total_mismatch", "V1", "", False),
        ("date_order", "B1", "", False),  # in both cohorts
        ("cohort_missing", "N1", "", False),
        ("unknown_patient", "X9", "", False),
        ("unreadable_value", "", "", False),
        ("identifying_column", "", "", True),
        ("free_text_column", "V1", "", False),
        ("unfinished_file", "V1", "", False),  # the last line of the flares file is somebody's flare
        ("end_digit_preference", "", "", False),
        ("centre_query_rate", "", "", False),
        ("sample_failed", "V1", "a", True),
        ("sample_failed", "V1", "b", False),
        ("plate_map_mismatch", "V1", "d", False),
        ("plate_map_mismatch", "", "z", False),
        ("duplicate_key", "V1", "a", False),
        ("a_rule_of_the_plan", "V1", "a", False),
    ],
)
def test_queries(rule, patient, tube, shown):
    query = pd.DataFrame({"rule": [rule], "patient_id": [patient], "sample_id": [tube]})
    assert withheld.open_queries(query, PATIENTS, SAMPLES).tolist() == [shown]


def test_corrections_are_shown_where_they_name_a_test_patient():
    log = pd.DataFrame({"patient": ["T1", "V1", "", "B1"]})
    assert withheld.open_corrections(log, PATIENTS).tolist() == [True, False, False, False]
    assert withheld.open_corrections(pd.DataFrame(), PATIENTS).empty


def test_flow_keeps_inclusion_alone_of_the_validation_cohort():
    flow = [{"cohort": c, "level": v, "step": s} for c in ("test", "validation") for v in ("patients", "visits")
            for s in ("start", "excluded", "end", "of which")]  # fmt: skip
    kept = withheld.open_flow(flow)
    assert [s for s in kept if s["cohort"] == "test"] == flow[:8]
    assert [(s["level"], s["step"]) for s in kept[8:]] == [("patients", s) for s in ("start", "excluded", "end")]


def test_rows_of_visits_flares_and_tubes_are_not_counted():
    names = [
        "patients",
        "visits",
        "flares",
        "flares from SLEDAI",
        "samples",
        "plate_map",
        "controls",
        "measured samples",
    ]
    assert withheld.open_rows(pd.DataFrame({"table": names}))["table"].tolist() == ["patients", "controls"]


def test_tubes_of_scheduled_visits_alone_and_their_expression():
    expression = pd.DataFrame({"G": range(4)}, index=["a", "b", "c", "d"])
    tables = withheld.open_tables({"samples": SAMPLES[:4], "expression": expression, "flares": SAMPLES})
    assert set(tables) == {"samples", "expression"}
    assert tables["samples"]["sample_id"].tolist() == tables["expression"].index.tolist() == ["a"]
    assert "source_row" not in tables["samples"]


def test_numbers_of_all_tubes_are_left_out():
    quality = make_dataclass("Quality", ["findings", "normalisation"], frozen=True)(
        pd.DataFrame({"n": [1, 2], "of": [387, 6], "unit": ["samples", "chips"]}),
        pd.DataFrame({"samples": [387], "sd": [0.5]}),
    )
    nothing = pd.DataFrame()
    measured = Measured(nothing, pd.Series(dtype=str), nothing, {"arrays": 387, "probes": 9}, quality=quality)
    shown = withheld.open_measured(measured)
    assert shown.notes == {"probes": 9}
    assert shown.quality.findings["of"].tolist() == ["sealed", 6]
    assert shown.quality.findings["n"].tolist() == [1, 2]
    assert shown.quality.normalisation["samples"].tolist() == ["sealed"]
    assert withheld.open_measured(Measured(nothing, pd.Series(dtype=str), nothing, {})).quality is None


def test_the_archive_holds_the_full_tables_and_what_was_withheld():
    tables = dict.fromkeys(("patients", "visits", "flares", "landmarks", "samples", "expression"), SAMPLES)
    queries = pd.DataFrame({"rule": ["date_order"], "value": ["été"]})
    files = withheld.sealed_files(tables, queries, pd.DataFrame({"patient": ["V1"]}))
    assert len(files) == 8 and files == withheld.sealed_files(tables, queries, pd.DataFrame({"patient": ["V1"]}))
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(files["tables/flares.parquet"])), SAMPLES)
    assert "été" in files["queries.csv"].decode("utf-8-sig")
