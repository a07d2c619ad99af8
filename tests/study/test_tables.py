"""The schemas of the canonical tables: what they refuse, in words, and that they change nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.study.tables import TABLES, check_table, schema


def patients(**columns: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "patient_id": pd.Series(["P1", "P2"], dtype="string"),
            "cohort": pd.Series(["test", pd.NA], dtype="string"),
            "birth_year": pd.Series([1980, pd.NA], dtype="Int64"),
            "inclusion_date": pd.to_datetime(["2018-03-01", None]),
            "consent": pd.Series([True, pd.NA], dtype="boolean"),
            "age": [30.5, float("nan")],
            "anything": [object(), None],
            "source_row": pd.Series([2, 3], dtype="Int64"),
        }
    )
    return table.assign(**columns)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_a_schema(name: str) -> None:
    assert set(schema(name).columns) == set(TABLES[name])


def test_a_right_table_passes_unchanged() -> None:
    table = patients()
    before = table.copy()
    assert check_table("patients", table, "patients") is table
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"birth_year": ["1980", "1981"]}, r"birth_year of the table patients has a type.*birth_year\.type to integer"),
        ({"consent": ["oui", "non"]}, r"consent\.type to flag"),
        ({"consent": [0, 2]}, r"consent\.type to flag"),
        ({"inclusion_date": ["2018", "2019"]}, r"inclusion_date\.type to date"),
        ({"age": [True, False]}, r"age\.type to number"),
        (
            {"cohort": ["test", "tset"]},
            r"cohort .* does not know.*1 beside test, validation.*tables\.patients",
        ),
    ],
)
def test_a_plan_that_reads_a_column_wrongly(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        check_table("patients", patients(**columns), "patients")


def test_flags_may_be_0_and_1_and_items_their_points() -> None:
    check_table("patients", patients(consent=pd.Series([1, 0], dtype="Int64")), "patients")
    visits = pd.DataFrame({"patient_id": ["P1"], "day": [0], "sledai": [8], "seizure": [8]})
    check_table("visits", visits, "visits")


def test_a_column_that_is_needed_is_named() -> None:
    with pytest.raises(PlanError, match=r"no column cohort .* add tables\.patients\.columns\.cohort"):
        check_table("patients", patients().drop(columns="cohort"), "patients")
    with pytest.raises(PlanError, match=r"neither a date nor a day for the table visits.*visits\.columns\.date"):
        check_table("visits", pd.DataFrame({"patient_id": ["P1"], "sledai": [0]}), "visits")


def test_a_row_without_its_key_is_named_and_not_dropped() -> None:
    table = pd.DataFrame({"chip": ["c", "c"], "inlet": ["S01", None], "sample_id": ["a", "b"], "source_row": [2, 3]})
    with pytest.raises(RawDataError, match=r"'plan' has rows without inlet.*1, the first at row 3"):
        check_table("plate_map", table, "plan")


def test_reactions() -> None:
    row = {
        "sample": "a",
        "assay": "IFI44",
        "ct": 20.5,
        "state": "detected",
        "well": "S01-A01",
        "chip": "c",
        "file": "f",
    }
    table = pd.DataFrame([row | {"row": 12}])
    assert check_table("reactions", table, "reactions") is table
    with pytest.raises(PlanError, match="state of the table reactions has meanings"):
        check_table("reactions", table.assign(state="perhaps"), "reactions")


def test_pandera_is_loaded_when_a_table_is_checked_and_not_before() -> None:
    code = "import sys, lumier_analysis.cleaning; assert 'pandera' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
