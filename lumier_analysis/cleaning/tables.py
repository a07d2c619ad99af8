"""From raw text to the canonical tables, as the plan maps them; what cannot be read becomes a query."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.titres import to_titre
from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers import values
from lumier_analysis.study.sections import ColumnSpec, FileSpec, TableSpec


@dataclass(frozen=True, slots=True)
class RowAccount:
    """Where the rows of a raw file went; ``read = other + repeated + duplicates + used``."""

    table: str
    file: str
    read: int
    other: int
    repeated: int
    duplicates: int
    used: int

    def __post_init__(self) -> None:
        if self.read != self.other + self.repeated + self.duplicates + self.used:
            raise RawDataError(f"The rows of {self.file} do not add up for table {self.table}", found=str(self))


def _select(raw: pd.DataFrame, table: str, spec: TableSpec) -> pd.DataFrame:
    """Return the rows that the plan's ``where`` keeps, after checking that every named column exists."""
    wanted = {c.source: f"tables.{table}.columns.{name}.from" for name, c in spec.columns.items()}
    wanted |= dict.fromkeys(spec.where, f"tables.{table}.where")
    if spec.one_row_per:
        wanted[spec.one_row_per] = f"tables.{table}.one_row_per"
    if spec.order_by:
        wanted[spec.order_by] = f"tables.{table}.order_by"
    for column, key in wanted.items():
        if column not in raw.columns:
            present = [c for c in raw.columns if not c.startswith("__")]
            near = difflib.get_close_matches(column, present, n=1)
            raise RawDataError(
                f"The raw file '{spec.file}' has no column {column}, which the plan names at {key}",
                found=f"columns {', '.join(present[:12])}{' ...' if len(present) > 12 else ''}",
                fix=f"correct {key} in the plan" + (f"; did you mean {near[0]}?" if near else ""),
            )
    keep = pd.Series(True, index=raw.index)
    for column, allowed in spec.where.items():
        keep &= raw[column].isin(allowed)
    return raw[keep]


def _convert(text: pd.Series, spec: ColumnSpec, file: FileSpec, missing: list[str]) -> tuple[pd.DataFrame, pd.Series]:
    """Return the typed column (and its companions) and which values could not be read."""
    missing = [*missing, *spec.absent]
    if spec.type == "text":
        stripped = text.str.strip()
        return stripped.where(~stripped.isin(missing)).astype("string").to_frame("value"), pd.Series(
            False, index=text.index
        )
    if spec.type == "category":
        column, bad = values.to_category(text, spec.values or {}, missing)
    elif spec.type == "flag":
        column, bad = values.to_flag(text, missing)
    elif spec.type == "date":
        column, bad = values.to_date(text, file.dates, missing)
    elif spec.type == "integer":
        column, bad = values.to_integer(text, file.decimal, missing)
    elif spec.type == "number":
        column, bad = values.to_number(text, file.decimal, missing)
    elif spec.type == "censored":
        column, sign, bad = values.to_censored(text, file.decimal, missing)
        return pd.DataFrame({"value": column, "censored": sign}), bad
    else:
        column, titre, mangled, bad = to_titre(text, file.decimal, missing)
        return pd.DataFrame({"value": column, "titre": titre, "from_time": mangled}), bad
    return column.to_frame("value"), bad


def canonical_table(
    raw: pd.DataFrame, name: str, spec: TableSpec, file: FileSpec, missing: list[str], queries: Queries
) -> tuple[pd.DataFrame, RowAccount]:
    """Map one raw file to one canonical table.

    Parameters
    ----------
    raw : DataFrame of strings
        With ``__file__`` and ``__row__``.
    name : str
        patients, visits, flares, samples, plate_map or controls.
    spec, file : TableSpec, FileSpec
        The plan's mapping and the file's dialect.
    missing : list of str
        Codes that mean missing.
    queries : Queries
        Receives exact duplicates, impossible dates and unreadable values; such a value becomes missing.

    Returns
    -------
    DataFrame
        Canonical columns plus source_file and source_row.
    RowAccount
    """
    selected = _select(raw, name, spec)
    other = len(raw) - len(selected)
    repeated = 0
    if spec.one_row_per:
        if spec.order_by:
            order = pd.to_numeric(selected[spec.order_by], errors="coerce")
            selected = (
                selected.assign(__order__=order).sort_values("__order__", kind="stable").drop(columns="__order__")
            )
        first = ~selected[spec.one_row_per].duplicated()
        repeated = int((~first).sum())
        selected = selected[first]
    content = [c for c in raw.columns if not c.startswith("__")]
    twice = selected.duplicated(subset=content, keep="first")

    typed: dict[str, pd.Series] = {}
    unreadable: dict[str, pd.Series] = {}
    for column, column_spec in spec.columns.items():
        frame, bad = _convert(selected[column_spec.source], column_spec, file, missing)
        typed[column] = frame["value"]
        for companion in frame.columns.drop("value"):
            typed[f"{column}_{companion}"] = frame[companion]
        unreadable[column] = bad
    table = pd.DataFrame(typed, index=selected.index)
    table["source_file"] = selected["__file__"].astype("string")
    table["source_row"] = selected["__row__"].astype("Int64")
    if "patient_id" in table and table["patient_id"].isna().any():
        row = table.loc[table["patient_id"].isna(), "source_row"].iloc[0]
        raise RawDataError(
            f"The raw file '{spec.file}' has a row without patient identifier",
            found=f"row {row}",
            fix="complete it in the export",
        )

    queries.add(
        "duplicate_row", table[twice], field="row", value="", expected="one line", action="second line not used"
    )
    table, selected = table[~twice], selected[~twice]
    for column, bad in unreadable.items():
        rows = table[bad[~twice]]
        kind = spec.columns[column].type
        queries.add(
            "date_impossible" if kind == "date" else "unreadable_value",
            rows,
            field=column,
            value=selected.loc[rows.index, spec.columns[column].source],
            expected={
                "date": f"a date {file.dates}",
                "category": "one of " + ", ".join(spec.columns[column].values or {}),
            }.get(kind, kind),
            action="set missing",
        )
    if not len(table):
        raise PlanError(f"The plan keeps no row of '{spec.file}' for table {name}", fix=f"look at tables.{name}.where")
    account = RowAccount(name, spec.file, len(raw), other, repeated, int(twice.sum()), len(table))
    return table.reset_index(drop=True), account
