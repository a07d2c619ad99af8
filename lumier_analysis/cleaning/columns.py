"""One raw column to one canonical column, typed; everything that could not be read as it stands is a finding."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from lumier_analysis.cleaning.titres import to_titre
from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import codes, values
from lumier_analysis.readers.dates import to_date
from lumier_analysis.readers.mojibake import repair
from lumier_analysis.readers.partial_dates import take, to_partial_date
from lumier_analysis.readers.units import without_units
from lumier_analysis.study.export_sections import ColumnSpec, FileSpec

#: A column of which most values are unreadable is not dirty: the plan reads the wrong column, type or dialect.
_MOST, _ENOUGH = 0.5, 20


@dataclass(frozen=True)
class Finding:
    """Values of a column to be asked about: the rule, which rows, what was expected, what was done meanwhile."""

    rule: str
    rows: pd.Series
    expected: str
    action: str
    severity: str = "query"
    value: pd.Series | None = None


@dataclass(frozen=True)
class Column:
    """A typed column, its companions by suffix (``censored``, ``earliest``, ...), and what was found."""

    values: pd.Series
    companions: dict[str, pd.Series] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def _first_of_each(text: pd.Series, rows: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Keep the first row of each distinct value, and say in how many rows the value stands."""
    chosen = text[rows]
    counts = chosen.map(chosen.value_counts())
    shown = chosen + (" (" + counts.astype("string") + " rows)").where(counts > 1, "")
    return rows & ~text.where(rows).duplicated(), shown.reindex(text.index)


def _identifier(text: pd.Series, spec: ColumnSpec, missing: list[str]) -> Column:
    """Read text; digits shorter than the stated width get back the zeros that a spreadsheet stripped."""
    stripped = text.str.strip()
    column = stripped.where(~stripped.isin(missing)).astype("string")
    digits = column.str.fullmatch("[0-9]+").fillna(False).astype(bool)
    findings = []
    if spec.width is not None:
        length = column.str.len()
        short = digits & (length < spec.width).fillna(False).astype(bool)
        odd = column.notna() & ~short & (length != spec.width).fillna(False).astype(bool)
        if short.any():
            rows, shown = _first_of_each(column, short)
            findings.append(
                Finding("leading_zero", rows, f"{spec.width} digits", "zeros put back", severity="note", value=shown)
            )
            column = column.where(~short, column.str.zfill(spec.width))
        if odd.any():
            rows, shown = _first_of_each(column, odd)
            findings.append(Finding("leading_zero", rows, f"{spec.width} digits", "kept as it is", value=shown))
    elif digits.any():
        distinct = column[digits].drop_duplicates()
        bare = distinct.str.lstrip("0")
        doubtful = digits & column.isin(distinct[bare.duplicated(keep=False)])
        if doubtful.any():
            rows, shown = _first_of_each(column, doubtful)
            expected = "values that differ in more than leading zeros; the key width of the column puts zeros back"
            findings.append(Finding("leading_zero", rows, expected, "kept as it is", value=shown))
    return Column(column, findings=findings)


def _dates(text: pd.Series, spec: ColumnSpec, file: FileSpec, missing: list[str]) -> Column:
    formats = file.date_formats
    shown = " or ".join(formats)
    read, bad = to_date(text, formats, missing)
    if not bad.any() and spec.partial == "query":
        return Column(read)
    partial = to_partial_date(text, formats, missing)
    some = bad & ~partial.unreadable
    impossible = Finding("date_impossible", bad & partial.unreadable, f"a date {shown}", "set missing")
    if spec.partial == "query":
        query = Finding("partial_date", some, f"a whole date {shown}", "set missing")
        return Column(read, findings=[impossible, query])
    taken = take(partial, spec.partial)
    bounds = partial.earliest.dt.strftime("%Y-%m-%d") + " to " + partial.latest.dt.strftime("%Y-%m-%d")
    findings = [impossible]
    for known, action in (
        (True, "kept as its bounds" if spec.partial == "keep" else f"the {spec.partial} possible day used"),
        (False, "set missing"),
    ):
        rows = some & (partial.earliest.notna() == known)
        value = text.str.strip() + (": " + bounds if known else "")
        findings.append(Finding("partial_date", rows, f"a whole date {shown}", action, value=value.where(rows)))
    companions = {"earliest": partial.earliest, "latest": partial.latest, "precision": partial.precision}
    return Column(taken, companions, findings)


def _numbers(text: pd.Series, spec: ColumnSpec, file: FileSpec, missing: list[str]) -> Column:
    decimal = file.decimal or "."
    bare, factor, other = without_units(text, spec.unit, spec.units)
    if spec.type == "integer" and bool((factor == 1).all()):
        column, bad = values.to_integer(bare, decimal, missing)
    elif spec.type == "censored":
        column, sign, bad = values.to_censored(bare, decimal, missing)
    else:
        column, bad = values.to_number(bare, decimal, missing)
    other &= bad
    if bool((factor != 1).any()):
        column = column * factor
    if spec.type == "integer" and column.dtype != "Int64":
        broken = column.notna() & (column != column.round())
        column, bad = column.mask(broken).astype("Int64"), bad | broken
    findings = [
        Finding("unreadable_value", bad & ~other, spec.type, "set missing"),
        Finding("unit_other", other, f"a number in {spec.unit or 'no unit'}", "set missing"),
    ]
    return Column(column, {"censored": sign} if spec.type == "censored" else {}, findings)


def _codes(text: pd.Series, spec: ColumnSpec, missing: list[str], labels: dict[str, str]) -> Column:
    if spec.type == "category":
        column, bad = codes.to_category(text, spec.values or {}, missing, labels)
        expected = "one of " + ", ".join(spec.values or {})
    else:
        column, bad = codes.to_flag(text, missing, spec.values, labels)
        expected = "one of " + ", ".join(spec.values) if spec.values else "yes or no"
    return Column(column, findings=[Finding("unknown_code", bad, expected, "set missing")])


def convert(
    name: str, text: pd.Series, spec: ColumnSpec, file: FileSpec, missing: list[str], labels: dict[str, str]
) -> Column:
    """Read one column as the plan says.

    Parameters
    ----------
    name : str
        The column's key in the plan, as ``tables.visits.columns.c3``, for messages.
    text : Series of str
        Values as they stand in the file.
    spec, file : ColumnSpec, FileSpec
        Type of the column, dialect of the file (settled, see `dialects.settled`).
    missing : list of str
        Codes that mean missing in this column.
    labels : dict
        The file's own code list of this column, code -> label.

    Returns
    -------
    Column

    Raises
    ------
    RawDataError
        Most values cannot be read: then the plan and the file disagree on what the column is.
    """
    text, mended, lost = repair(text)
    if spec.type == "text":
        column = _identifier(text, spec, missing)
    elif spec.type == "date":
        column = _dates(text, spec, file, missing)
    elif spec.type in ("category", "flag"):
        column = _codes(text, spec, missing, labels)
    elif spec.type == "titre":
        value, titre, mangled, bad = to_titre(text, file.decimal or ".", missing)
        column = Column(
            value,
            {"titre": titre, "from_time": mangled},
            [Finding("unreadable_value", bad, "titre", "set missing")],
        )
    else:
        column = _numbers(text, spec, file, missing)
    if spec.type != "text":
        _refuse_mostly_unreadable(name, text, spec, file, missing, column)
    for rows, expected, action, severity in (
        (mended, "text in the encoding of the file", "read as its UTF-8 meaning", "note"),
        (lost, "text without lost characters", "kept as it is", "query"),
    ):
        if rows.any():
            column.findings.append(Finding("wrong_encoding", rows, expected, action, severity))
    return column


def _refuse_mostly_unreadable(
    name: str, text: pd.Series, spec: ColumnSpec, file: FileSpec, missing: list[str], column: Column
) -> None:
    """Stop where a whole column cannot be read, rather than ask the centres about every line of it."""
    bad = pd.concat([finding.rows for finding in column.findings] or [text.isna() & False], axis=1).any(axis=1)
    n_bad = int(bad.sum())
    if n_bad < _ENOUGH * _MOST:
        return
    absent = {code.strip().casefold() for code in missing} | {""}
    n_values = int((~text.fillna("").str.strip().str.casefold().isin(absent)).sum())
    if n_values < _ENOUGH or n_bad <= _MOST * n_values:
        return
    kind = {"date": f"dates {' or '.join(file.date_formats)}", "flag": "yes or no", "category": "known codes"}.get(
        spec.type, f"{spec.type}s with the decimal mark {file.decimal!r}"
    )
    partial = any(f.rule == "partial_date" and f.rows.any() for f in column.findings)
    fix = f"correct {name} in the plan (from, type{', values' if spec.type in ('flag', 'category') else ''}"
    fix += ", unit, units" if any(f.rule == "unit_other" and f.rows.any() for f in column.findings) else ""
    fix += "; partial: keep for partial dates" if partial and spec.partial == "query" else ""
    raise RawDataError(
        f"Most values of the column {spec.source} of {file.path} are not {kind}, as the plan says",
        found=f"{n_bad:,} of {n_values:,} values",
        fix=f"{fix}) or the dialect of the file under `files`",
    )
