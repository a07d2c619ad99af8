"""What a plan may say of its exports, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lumier_analysis.study.export_sections import ColumnSpec, FileSpec


def test_auto_is_left_to_be_found() -> None:
    keys = {"separator": "auto", "decimal": "Auto", "encoding": "auto", "dates": "auto", "header": "auto"}
    spec = FileSpec.model_validate({"path": "a.csv", "format": "delimited"} | keys)
    assert all(getattr(spec, key) is None for key in keys)
    assert spec.date_formats == ()
    assert FileSpec(path="a.csv", format="delimited", dates="%d/%m/%Y").date_formats == ("%d/%m/%Y",)
    assert FileSpec(path="a.csv", format="delimited", dates=["excel", "%Y"]).date_formats == ("excel", "%Y")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"format": "sas", "separator": ";"}, "a file of format sas has no separator"),
        ({"format": "delimited", "dictionary": "d.csv"}, "dictionary is for the formats redcap and sas"),
        ({"format": "delimited", "dates": []}, "empty list"),
        ({"format": "geo_series_matrix", "rows": 3}, "rows is not for a series matrix"),
        ({"format": "delimited", "rows": -1}, "greater than or equal to 0"),
        ({"format": "delimited", "header": 0}, "greater than or equal to 1"),
    ],
)
def test_files_that_contradict_themselves(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FileSpec.model_validate({"path": "a"} | keys)


def test_codes_may_be_written_without_quotes_but_not_truth_values() -> None:
    spec = ColumnSpec.model_validate({"from": "SEXE", "type": "category", "values": {1: "female", 2: 3}})
    assert spec.values == {"1": "female", "2": "3"}
    with pytest.raises(ValidationError, match="YAML reads a bare yes"):
        ColumnSpec.model_validate({"from": "X", "type": "flag", "values": {"1": True}})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"type": "category"}, "a category needs its values"),
        ({"type": "flag", "values": {"1": "oui"}}, 'mean "yes" or "no", not oui'),
        ({"type": "text", "unit": "g", "units": {"mg": 0.001}}, "units is for type number or integer or censored"),
        ({"type": "number", "units": {"mg": 0.001}}, "units needs unit"),
        ({"type": "number", "unit": "g", "units": {"mg": 0}}, "above 0"),
        ({"type": "number", "width": 2}, "width is for type text"),
        ({"type": "text", "partial": "keep"}, "partial is for type date"),
        ({"type": "date", "partial": "first"}, "earliest"),
    ],
)
def test_columns_that_contradict_themselves(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ColumnSpec.model_validate({"from": "X"} | keys)
