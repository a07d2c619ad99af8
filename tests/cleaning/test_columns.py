"""One column, typed: what cannot be read as it stands is a finding; a column that cannot be read at all, an error."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lumier_analysis.cleaning.columns import Column, convert
from lumier_analysis.errors import RawDataError
from lumier_analysis.study.export_sections import ColumnSpec, FileSpec

FILE = FileSpec.model_validate({"path": "a.csv", "format": "delimited", "decimal": ",", "dates": "%d/%m/%Y"})


def read(cells: list[str], labels: dict[str, str] | None = None, **keys: Any) -> Column:
    spec = ColumnSpec.model_validate({"from": "X"} | keys)
    return convert("tables.visits.columns.x", pd.Series(cells, dtype="str"), spec, FILE, ["", "ND"], labels or {})


def found(column: Column) -> dict[str, list[int]]:
    return {f.rule: list(f.rows[f.rows].index) for f in column.findings if f.rows.any()}


def test_identifiers_get_their_zeros_back_and_say_so() -> None:
    column = read(["1", "01", "12", "1", "x1y", "ND"], type="text", width=2)
    assert column.values.tolist()[:5] == ["01", "01", "12", "01", "x1y"]
    notes = {f.severity: f for f in column.findings}
    # One note a value, not one a row: a file may have lost every zero.
    assert list(notes["note"].rows[notes["note"].rows].index) == [0]
    assert notes["note"].value is not None and notes["note"].value[0] == "1 (2 rows)"
    assert list(notes["query"].rows[notes["query"].rows].index) == [4]


def test_identifiers_that_differ_in_zeros_alone_are_queried_without_a_width() -> None:
    column = read(["1", "01", "2", "003"], type="text")
    assert column.values.tolist() == ["1", "01", "2", "003"]
    assert found(column) == {"leading_zero": [0, 1]}


def test_partial_dates_by_the_rule_of_the_plan() -> None:
    values = ["UK/03/2018", "05/03/2018", "NK", "31/02/2018"]
    query = read(values, type="date")
    assert query.values.notna().tolist() == [False, True, False, False]
    assert found(query) == {"partial_date": [0, 2], "date_impossible": [3]} and not query.companions
    keep = read(values, type="date", partial="keep")
    assert keep.values.notna().tolist() == [False, True, False, False]
    assert keep.companions["precision"].fillna("-").tolist() == ["month", "day", "unknown", "-"]
    middle = read(values, type="date", partial="middle")
    assert middle.values[0] == pd.Timestamp(2018, 3, 16)
    assert middle.companions["earliest"][0] == pd.Timestamp(2018, 3, 1)
    assert middle.companions["latest"][0] == pd.Timestamp(2018, 3, 31)
    (finding, *_) = [f for f in middle.findings if f.rule == "partial_date"]
    assert finding.action == "the middle possible day used"
    assert finding.value is not None and finding.value[0] == "UK/03/2018: 2018-03-01 to 2018-03-31"
    # A companion stands there whatever the file holds: the columns of a table follow from its plan.
    assert set(read(["05/03/2018"], type="date", partial="keep").companions) == {"earliest", "latest", "precision"}


def test_units_are_taken_off_converted_or_queried() -> None:
    column = read(
        ["0,5 g/24h", "500 mg/24h", "0,3", "2 g/L", "x"], type="number", unit="g/24h", units={"mg/24h": 0.001}
    )
    assert column.values.tolist()[:3] == [0.5, 0.5, 0.3]
    assert column.values.isna().tolist() == [False] * 3 + [True] * 2
    assert found(column) == {"unit_other": [3], "unreadable_value": [4]}


def test_censored_values_keep_their_sign_through_their_unit() -> None:
    column = read(["<5 UI/mL", ">400", "12,5 IU/ml"], type="censored", unit="IU/mL")
    assert column.values.tolist() == [5, 400, 12.5]
    assert column.companions["censored"].tolist() == ["<", ">", ""]


def test_integers_in_another_unit() -> None:
    column = read(["2 g", "1500 mg", "1 mg"], type="integer", unit="mg", units={"g": 1000})
    assert column.values.tolist() == [2000, 1500, 1]
    odd = read(["1 g", "1 mg"], type="integer", unit="g", units={"mg": 0.001})
    assert odd.values.tolist()[0] == 1 and found(odd) == {"unreadable_value": [1]}


def test_codes_and_labels() -> None:
    column = read(["1", "H", "3"], {"1": "F", "2": "H"}, type="category", values={"F": "female", "H": "male"})
    assert column.values.tolist()[:2] == ["female", "male"]
    assert found(column) == {"unknown_code": [2]}
    flag = read(["1", "2"], type="flag", values={"1": "yes", "2": "no"})
    assert flag.values.tolist() == [True, False]


def test_wrongly_decoded_text_is_read_and_noted() -> None:
    column = read(["DÃ©cÃ¨s", "Suivie", "D\ufffdcès"], type="category", values={"Décès": "death", "Suivie": "followed"})
    assert column.values.tolist()[:2] == ["death", "followed"]
    rules = [(f.rule, f.severity, list(f.rows[f.rows].index)) for f in column.findings if f.rows.any()]
    assert rules == [
        ("unknown_code", "query", [2]),
        ("wrong_encoding", "note", [0]),
        ("wrong_encoding", "query", [2]),
    ]


@pytest.mark.parametrize(
    ("values", "keys", "message"),
    [
        (["1.5"], {"type": "number"}, r"X of a\.csv are not numbers with the decimal mark ','.*30 of 30"),
        (["2018-03-01"], {"type": "date"}, r"are not dates %d/%m/%Y.*dialect of the file"),
        (["03/2018"], {"type": "date"}, r"are not dates.*partial: keep"),
        (["x"], {"type": "category", "values": {"F": "female"}}, r"are not known codes.*from, type, values"),
        (["5 mg"], {"type": "number", "unit": "g"}, r"are not numbers.*unit, units"),
    ],
)
def test_a_column_that_cannot_be_read_stops_the_run(values: list[str], keys: dict[str, Any], message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read(values * 30, **keys)
    # Few values, or a minority, are for the centres to answer.
    read(values * 5, **keys)
    read(values * 30 + ["ND"] * 100 + {"date": ["01/03/2018"], "category": ["F"]}.get(keys["type"], ["1"]) * 30, **keys)
