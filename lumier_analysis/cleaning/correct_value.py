"""One corrected value: whether the old one is what stands in the file, and how the new one is written there."""

from __future__ import annotations

import re
from datetime import date, datetime

import pandas as pd

from lumier_analysis.readers import to_flag
from lumier_analysis.study.export_sections import ColumnSpec, FileSpec

NUMERIC = ("integer", "number", "censored", "titre")
#: Day 0 of spreadsheet serial numbers.
_EPOCHS = {"excel": date(1899, 12, 30), "excel_1904": date(1904, 1, 1)}
_NUMBER = re.compile(r"(?:<=|>=|[<>≤≥])?\s*[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?|1\s*[:/]\s*\d+")
ISO, FRENCH = "%Y-%m-%d", "%d/%m/%Y"


class Refused(Exception):
    """A correction that cannot be applied; says why, and repeats no value."""


def read_day(text: str, formats: tuple[str, ...] = ()) -> date | None:
    """Read a date in one of the formats, else ISO or French; None where it is none."""
    for form in (*formats, ISO, FRENCH):
        if form in _EPOCHS:
            continue
        try:
            return datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
    return None


def _number(text: str) -> str:
    """Return a number in one notation, its sign kept: ``"< 5,0"`` -> ``"<5.0"``."""
    return re.sub(r"\s", "", text).replace(",", ".").replace("≤", "<").replace("≥", ">").replace("=", "")


def same_value(old: str, raw: str, spec: ColumnSpec | None, file: FileSpec) -> bool:
    """Tell whether the old value of a correction is what stands in the raw file.

    A data manager copies it from the query list, where dates are ISO, decimals have points and codes are translated.

    Parameters
    ----------
    old, raw : str
        As the correction states it; as it stands in the file.
    spec : ColumnSpec or None
        The column in the plan; None where the plan does not map it.
    file : FileSpec
    """
    old, raw = old.strip(), raw.strip()
    if old == raw:
        return True
    if spec is None or not old or not raw:
        return False
    if spec.type in NUMERIC and _NUMBER.fullmatch(old) and _NUMBER.fullmatch(raw):
        a, b = _number(old), _number(raw)
        if a[:1] in "<>" or b[:1] in "<>" or ":" in a or ":" in b:
            return a == b
        return float(a) == float(b)
    if spec.type == "date":
        day = read_day(old)
        return day is not None and day == read_day(raw, file.date_formats)
    if spec.type == "category":
        return (spec.values or {}).get(raw) == old
    if spec.type == "flag":
        read, bad = to_flag(pd.Series([_flag(old, spec), _flag(raw, spec)]))
        return not bad.any() and read[0] == read[1]
    return False


def _flag(text: str, spec: ColumnSpec) -> str:
    return (spec.values or {}).get(text, text)


def written(new: str, spec: ColumnSpec | None, file: FileSpec, column: pd.Series) -> str:
    """Return a new value in the dialect of its file; empty stays empty, and means missing.

    Parameters
    ----------
    new : str
        With a decimal point or comma, a date in ISO, French or the file's format, a code or its meaning.
    spec, file
        See `same_value`.
    column : Series of text
        The raw column, which shows the dialect where the plan does not state it.

    Raises
    ------
    Refused
        The new value is not of the column's type.
    """
    new = new.strip()
    if not new or spec is None or spec.type == "text":
        return new
    if spec.type in NUMERIC:
        if not _NUMBER.fullmatch(new):
            raise Refused(f"the new value is no {'whole number' if spec.type == 'integer' else 'number'}")
        mark = file.decimal or ("," if column.str.fullmatch(r"\s*[<>]?\s*\d+,\d+\s*").any() else ".")
        return new.replace(",", ".").replace(".", mark)
    if spec.type == "date":
        return _written_day(new, file, column)
    if spec.type == "category":
        codes = spec.values or {}
        code = new if new in codes else next((c for c, meaning in codes.items() if meaning == new), None)
        if code is None:
            raise Refused(f"the new value is none of {', '.join(codes)}")
        return code
    if to_flag(pd.Series([_flag(new, spec)])).unreadable.any():
        raise Refused("the new value is neither yes nor no")
    return new


def _written_day(new: str, file: FileSpec, column: pd.Series) -> str:
    """Return a date in the format of its file."""
    day = read_day(new, file.date_formats)
    if day is None:
        raise Refused("the new value is no date such as 2018-03-01 or 01/03/2018")
    shown = (FRENCH, ISO)[int(column.str.fullmatch(r"\d{4}-\d\d-\d\d.*").any())]
    form = file.date_formats[0] if file.date_formats else shown
    return str((day - _EPOCHS[form]).days) if form in _EPOCHS else day.strftime(form)
