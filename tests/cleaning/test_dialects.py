"""What the plan leaves out is found once for a file, whichever of its tables comes first."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lumier_analysis.cleaning.dialects import absent_codes, settled
from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.legend import Legend, with_legend
from lumier_analysis.study.export_sections import FileSpec, TableSpec


def table(**columns: dict[str, Any]) -> TableSpec:
    return TableSpec.model_validate({"file": "f", "columns": columns})


def file(format: str = "delimited", **keys: Any) -> FileSpec:
    return FileSpec.model_validate({"path": "a.csv", "format": format} | keys)


RAW = pd.DataFrame(
    {"D1": ["01/02/2018", "ND"], "D2": ["25/02/2018", ""], "C3": ["0,85", "-9"], "T": ["1.5", "2.5"], "__row__": [2, 3]}
)
DATES = {"from": "D1", "type": "date"}


def test_all_tables_of_a_file_are_looked_at() -> None:
    first, second = table(date=DATES), table(end={"from": "D2", "type": "date"}, c3={"from": "C3", "type": "number"})
    with pytest.raises(RawDataError, match="no day is above 12"):
        settled(RAW, file(), [first], ["ND"])
    got = settled(RAW, file(), [first, second], ["ND"])
    assert (got.decimal, got.date_formats) == (",", ("%d/%m/%Y",))


def test_what_is_stated_is_kept() -> None:
    stated = file(decimal=".", dates="%m/%d/%Y")
    assert settled(RAW, stated, [table(date=DATES)], ["ND"]) is stated
    assert settled(RAW, file(decimal="auto", dates="%d/%m/%Y"), [table(date=DATES)], []).decimal == "."


def test_text_columns_do_not_count() -> None:
    spec = table(c3={"from": "C3", "type": "number"}, note={"from": "T", "type": "text"})
    assert settled(RAW, file(), [spec], []).decimal == ","


def test_true_dates_of_statistical_files_are_iso_beside_the_stated_format() -> None:
    got = settled(RAW, file("sas", dates="%d/%m/%Y"), [table(date=DATES)], [])
    assert got.date_formats == ("%d/%m/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
    assert got.decimal == "."


def test_missing_codes_of_the_plan_the_column_and_the_file() -> None:
    raw = with_legend(RAW.copy(), Legend(missing={"C3": frozenset({"-9"})}))
    spec = table(c3={"from": "C3", "type": "number", "absent": ["NF"]}).columns["c3"]
    assert absent_codes(spec, ["ND"], raw) == ["ND", "NF", "-9"]
