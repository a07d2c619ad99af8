"""The canonical tables, typed: what each column is, whichever export it came from.

A table is checked once, where it is made. The converters of the readers hold the types; what can be wrong is the plan
(a type or a meaning that the analysis does not know, a column that it needs) and rows without a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from lumier_analysis.errors import PlanError, RawDataError

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


@dataclass(frozen=True, slots=True)
class Kind:
    """What a canonical column is: its type, its meanings, whether the table needs it, and every row a value of it."""

    type: str
    meanings: tuple[str, ...] = ()
    needed: bool = False
    filled: bool = False


_TEXT, _NUMBER, _INTEGER, _DATE, _FLAG, _ITEM = (Kind(t) for t in ("text", "number", "integer", "date", "flag", "item"))
_KEY = Kind("text", needed=True, filled=True)
_ITEMS = (
    "seizure", "psychosis", "organic_brain_syndrome", "visual_disturbance", "cranial_nerve_disorder", "lupus_headache",
    "cva", "vasculitis", "arthritis", "myositis", "urinary_casts", "haematuria", "proteinuria", "pyuria", "rash",
    "alopecia", "mucosal_ulcers", "pleurisy", "pericarditis", "low_complement", "increased_dna_binding", "fever",
    "thrombocytopenia", "leukopenia",
)  # fmt: skip
_CRITERIA = (
    "mild_sledai", "mild_manifestation", "mild_prednisone", "mild_nsaid_hcq", "mild_pga", "severe_sledai",
    "severe_manifestation", "severe_prednisone", "severe_immunosuppressant", "severe_hospitalisation", "severe_pga",
    "adjudicated",
)  # fmt: skip
_STATES = ("detected", "not detected", "untrusted")

#: Table -> column -> what it is. A column that is not named here may be anything.
TABLES: Mapping[str, Mapping[str, Kind]] = {
    "patients": {
        "patient_id": _KEY,
        "cohort": Kind("category", ("test", "validation"), needed=True),
        "centre": _TEXT,
        "sex": Kind("category", ("female", "male")),
        "birth_year": _INTEGER,
        "age": _NUMBER,
        "inclusion_date": _DATE,
        "end_date": _DATE,
        "end_reason": Kind("category", ("completed", "lost", "withdrawn", "pregnancy", "death", "other")),
        "disease_duration": _NUMBER,
        **dict.fromkeys(
            ("acr_criteria", "consent", "pregnant", "lactating", "treatment_increase", "flare_at_inclusion"), _FLAG
        ),
    },
    "visits": {
        "patient_id": _KEY,
        "visit": _TEXT,
        "date": _DATE,
        "day": _INTEGER,
        "sledai": Kind("number", needed=True),
        **dict.fromkeys(("pga", "prednisone", "c3", "c4", "anti_dsdna", "neutrophils", "lymphocytes"), _NUMBER),
        "clinical_flare": _FLAG,
        **dict.fromkeys(_ITEMS, _ITEM),
    },
    "samples": {"sample_id": _KEY, "patient_id": _KEY, "visit": _TEXT, "date": _DATE, "day": _INTEGER, "rin": _NUMBER},
    "flares": {
        "patient_id": _KEY,
        "onset_date": _DATE,
        "detection_date": _DATE,
        **dict.fromkeys(_CRITERIA, _FLAG),
    },
    "plate_map": {"chip": _KEY, "inlet": _KEY, "sample_id": _KEY},
    "controls": {"sample_id": _KEY},
    "reactions": {
        "sample": _KEY,
        "assay": _KEY,
        "ct": Kind("number", needed=True),
        "state": Kind("category", _STATES, needed=True, filled=True),
        "well": _KEY,
        "chip": _KEY,
        "file": _KEY,
        "row": Kind("integer", needed=True, filled=True),
    },
}
#: Types of the plan that make a canonical column of a type.
_PLAN_TYPES = {
    "text": "text or category",
    "category": "category",
    "number": "number, integer, censored or titre",
    "integer": "integer",
    "date": "date",
    "flag": "flag, or integer with 0 and 1",
    "item": "flag, or integer: the item's points",
}


def _is(type: str, values: pd.Series) -> bool:
    """Tell whether a column has a canonical type; a flag may be 0 and 1, a SLEDAI item its points."""
    types = pd.api.types
    if type in ("text", "category"):
        return bool(types.is_string_dtype(values.dtype))
    if type == "date":
        return bool(types.is_datetime64_any_dtype(values.dtype))
    if type == "flag":
        return bool(types.is_bool_dtype(values.dtype)) or (
            bool(types.is_numeric_dtype(values.dtype)) and bool(values.dropna().isin([0, 1]).all())
        )
    if type == "item":
        return bool(types.is_bool_dtype(values.dtype)) or bool(types.is_numeric_dtype(values.dtype))
    if type == "integer":
        return bool(types.is_integer_dtype(values.dtype))
    return bool(types.is_numeric_dtype(values.dtype)) and not types.is_bool_dtype(values.dtype)


@cache
def schema(name: str) -> DataFrameSchema:
    """Return the pandera schema of a canonical table.

    pandera is imported here: it takes about half a second, which a command that reads no table need not wait for.
    """
    import pandera.pandas as pa

    columns: dict[str, Any] = {}
    for column, kind in TABLES[name].items():
        checks = [pa.Check(lambda values, t=kind.type: _is(t, values), name="type", ignore_na=False)]
        if kind.meanings:
            checks.append(pa.Check(lambda values, m=kind.meanings: values.isin(m), name="meaning"))
        columns[column] = pa.Column(checks=checks, required=kind.needed, nullable=not kind.filled)
    return pa.DataFrameSchema(columns, name=name)


def check_table(name: str, table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Check a canonical table against its schema; rows are never dropped.

    Parameters
    ----------
    name : str
        A key of `TABLES`.
    table : DataFrame
        With source_row where a line is to be named.
    file : str
        The raw file's key in the plan, for messages.

    Returns
    -------
    DataFrame
        The table, unchanged.

    Raises
    ------
    PlanError
        A column that the analysis needs is not mapped, has a type that it cannot use, or a meaning that it does not
        know.
    RawDataError
        A row without its key.
    """
    from pandera.errors import SchemaErrors

    if {"date", "day"} <= set(TABLES[name]) and not {"date", "day"} & set(table.columns):
        raise PlanError(
            f"The plan maps neither a date nor a day for the table {name}",
            fix=f"add tables.{name}.columns.date: {{from: COLUMN, type: date}}",
        )
    try:
        schema(name).validate(table, lazy=True)
    except SchemaErrors as refused:
        raise _explained(name, table, file, refused.failure_cases) from None
    return table


def _explained(name: str, table: pd.DataFrame, file: str, cases: pd.DataFrame) -> PlanError | RawDataError:
    """Say in a sentence what the first of the failed checks means for the plan or the export."""
    absent = cases.loc[cases["check"] == "column_in_dataframe", "failure_case"]
    if len(absent):
        column = str(absent.iloc[0])
        return PlanError(
            f"The plan maps no column {column} for the table {name}, which the analysis needs",
            fix=f"add tables.{name}.columns.{column}: {{from: COLUMN, type: {TABLES[name][column].type}}}",
        )
    order = {"type": 0, "meaning": 1}
    first = cases.assign(rank=cases["check"].map(lambda c: order.get(str(c), 2))).sort_values("rank", kind="stable")
    column, check = str(first["column"].iloc[0]), str(first["check"].iloc[0])
    key, kind = f"tables.{name}.columns.{column}", TABLES[name][column]
    if check == "type":
        return PlanError(
            f"The column {column} of the table {name} has a type that the analysis cannot use",
            found=str(table[column].dtype),
            fix=f"set {key}.type to {_PLAN_TYPES[kind.type]}",
        )
    if check == "meaning":
        strange = sorted(set(table[column].dropna()) - set(kind.meanings))
        return PlanError(
            f"The column {column} of the table {name} has meanings that the analysis does not know",
            # A text column may hold anything, a person's name too: only its number of values is shown.
            found=f"{len(strange)} beside {', '.join(kind.meanings)}",
            fix=f"make {key} a category whose values mean {', '.join(kind.meanings)}",
        )
    empty = table[table[column].isna()]
    row = f"row {empty['source_row'].iloc[0]}" if "source_row" in empty else f"row {empty.index[0] + 1} of the table"
    return RawDataError(
        f"The raw file '{file}' has rows without {column.replace('_', ' ')}",
        found=f"{len(empty)}, the first at {row}",
        fix="complete it in the export",
    )
