"""From raw text to the canonical tables, as the plan maps them; what cannot be read becomes a query."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.columns import Finding, convert
from lumier_analysis.cleaning.dialects import absent_codes, settled
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers.legend import legend_of
from lumier_analysis.readers.redcap import INSTRUMENT
from lumier_analysis.study.export_sections import FileSpec, TableSpec
from lumier_analysis.study.tables import check_table


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
    selected = raw[keep]
    kinds = sorted(selected[INSTRUMENT].str.strip().unique()) if INSTRUMENT in selected else []
    if len(kinds) > 1:
        raise PlanError(
            f"The table {table} takes rows of several instruments of '{spec.file}', which have other fields",
            found=", ".join(kind or "rows of no repeating instrument" for kind in kinds),
            fix=f'choose with tables.{table}.where: {{{INSTRUMENT}: ["{kinds[-1]}"]}}, or [""] for no instrument',
        )
    return selected


def _query_unfinished(table: pd.DataFrame, raw: pd.DataFrame, queries: Queries) -> None:
    """Ask about a last record without line end: a file cut inside its last value looks just like this."""
    for file, row in legend_of(raw).unfinished:
        queries.add(
            "unfinished_file",
            table[(table["source_file"] == file) & (table["source_row"] == row)],
            field="row",
            value="no line end after the last record",
            expected="a whole file: compare the last record with the database",
            action="row used",
            severity="note",
        )


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

    legend = legend_of(raw)
    file = settled(raw, file, [spec], missing)
    typed: dict[str, pd.Series] = {}
    findings: list[tuple[str, Finding]] = []
    for column, column_spec in spec.columns.items():
        key, source = f"tables.{name}.columns.{column}", column_spec.source
        absent, labels = absent_codes(column_spec, missing, raw), dict(legend.codes.get(source, {}))
        read = convert(key, selected[source], column_spec, file, absent, labels)
        typed[column] = read.values
        typed |= {f"{column}_{companion}": series for companion, series in read.companions.items()}
        findings += [(column, finding) for finding in read.findings]
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
    for column, finding in findings:
        rows = table[finding.rows[~twice]]
        written = selected[spec.columns[column].source] if finding.value is None else finding.value
        queries.add(
            finding.rule,
            rows,
            field=column,
            value=written.loc[rows.index],
            expected=finding.expected,
            action=finding.action,
            severity=finding.severity,
        )
    _query_unfinished(table, raw, queries)
    if not len(table):
        raise PlanError(f"The plan keeps no row of '{spec.file}' for table {name}", fix=f"look at tables.{name}.where")
    account = RowAccount(name, spec.file, len(raw), other, repeated, int(twice.sum()), len(table))
    return check_table(name, table.reset_index(drop=True), spec.file), account
