"""Dates: read in stated formats, formats found where none is stated, refused where day and month could be swapped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers.values import Converted, each_value

ISO = "%Y-%m-%d"
#: Day 0 of spreadsheet serial numbers. The 1900 system counts a 29 February 1900 that never was, hence 30 December.
EPOCHS = {"excel": date(1899, 12, 30), "excel_1904": date(1904, 1, 1)}
_SERIAL = re.compile(r"([1-7][0-9]{4})(?:[.,][0-9]+)?")
_TIME = r"(?P<time>[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?"
_YEAR_FIRST = re.compile(rf"[0-9]{{4}}(?P<mark>[-/.])[0-9]{{1,2}}(?P=mark)[0-9]{{1,2}}{_TIME}")
_YEAR_LAST = re.compile(
    rf"(?P<a>[0-9]{{1,2}})(?P<mark>[-/.])(?P<b>[0-9]{{1,2}})(?P=mark)(?P<y>[0-9]{{4}}|[0-9]{{2}}){_TIME}"
)
_COMPACT = re.compile(r"[12][0-9]{7}")
_MONTH_NAME = re.compile(r"[0-9]{1,2}(?P<mark>[- ]?)[A-Za-z]{3}(?P=mark)[0-9]{4}")


def _strptime(value: str, format: str) -> date | None:
    try:
        # Some exports add a time of day to a date; the day is what the analysis counts in.
        return datetime.strptime(value, format).date()
    except ValueError:
        return None


def _serial(value: str, format: str) -> date | None:
    found = _SERIAL.fullmatch(value)
    return EPOCHS[format] + timedelta(days=int(found[1])) if found else None


def read_date(value: str, format: str) -> date | None:
    """Read one date of exactly the format; None where it is not one."""
    return _serial(value, format) if format in EPOCHS else _strptime(value, format)


@cache
def check_formats(formats: tuple[str, ...]) -> None:
    """Refuse formats that name no whole date, and lists in which a value would have two readings.

    Raises
    ------
    PlanError
    """
    for format in formats:
        if format not in EPOCHS and not all(re.search(part, format) for part in ("%[Yy]", "%[mbB]", "%d")):
            raise PlanError(
                "The date format names no day, month and year",
                found=f"`dates: {format}`",
                fix='write for example `dates: "%d/%m/%Y"`, or `dates: excel` for spreadsheet serial numbers',
            )
    probe = date(2001, 2, 3)
    for first in formats:
        for second in formats:
            written = "36925" if first in EPOCHS else probe.strftime(first)
            one, other = read_date(written, first), read_date(written, second)
            if other is not None and one != other:
                raise PlanError(
                    "The plan's list of date formats gives one value two readings",
                    found=f"{first} and {second}",
                    fix="keep one of the two under `dates`",
                )


def to_date(text: pd.Series, formats: str | Sequence[str], missing: Iterable[str] = ("",)) -> Converted:
    """Read dates of exactly the formats (strptime notation, ``excel`` or ``excel_1904``), as datetime64[us].

    A time of day in the format is read and dropped. Impossible dates (31/02/2018), partial dates, and spreadsheet
    serials where the formats do not name them, are unreadable. Whether a possible date is plausible is for the caller.
    """
    tried = (formats,) if isinstance(formats, str) else tuple(formats)
    check_formats(tried)

    def parse(value: str) -> date | None:
        return next((d for f in tried if (d := read_date(value, f)) is not None), None)

    values, unreadable = each_value(text, parse, missing)
    dates = np.array([np.datetime64("NaT") if v is None else v for v in values], dtype="datetime64[us]")
    return Converted(pd.Series(dates, index=text.index, name=text.name), unreadable)


def _shape(value: str) -> str:
    """Return what a value looks like: a format, "?", mark, year and time for day or month first, or ""."""
    if found := _YEAR_FIRST.fullmatch(value):
        return f"%Y{found['mark']}%m{found['mark']}%d{_time(found['time'])}"
    if found := _YEAR_LAST.fullmatch(value):
        year = "%Y" if len(found["y"]) == 4 else "%y"
        return f"?{found['mark']}{year}{_time(found['time'])}"
    if _COMPACT.fullmatch(value):
        return "%Y%m%d"
    if found := _MONTH_NAME.fullmatch(value):
        return f"%d{found['mark']}%b{found['mark']}%Y"
    return "excel" if _SERIAL.fullmatch(value) else ""


def _time(time: str | None) -> str:
    return f"{time[0]}%H:%M{':%S' if time.count(':') == 2 else ''}" if time else ""


def _orders(shape: str) -> tuple[str, str]:
    """Return the day-first and the month-first format of an ambiguous shape."""
    mark, rest = shape[1], shape[2:]
    return f"%d{mark}%m{mark}{rest}", f"%m{mark}%d{mark}{rest}"


def _settle_order(shape: str, values: Mapping[str, int], name: str) -> str:
    """Choose between day first and month first by the values that only one of them can read.

    `values` maps each distinct value of the shape to the first line that it stands on.
    """
    day_first, month_first = _orders(shape)
    lines: dict[str, list[int]] = {"day": [], "month": [], "either": []}
    for value, line in values.items():
        one, other = _strptime(value, day_first), _strptime(value, month_first)
        if one is not None and other is not None and one != other:
            lines["either"].append(line)
        elif (one is None) != (other is None):
            lines["day" if other is None else "month"].append(line)
    shown = f'`dates: "{day_first}"` if the day is written first, or `dates: "{month_first}"` if the month is,'
    if lines["day"] and lines["month"]:
        raise RawDataError(
            f"The dates of {name} are written in two orders",
            found=f"the day first on line {min(lines['day'])}, the month first on line {min(lines['month'])}",
            fix=f"set {shown} for it under `files` in the plan; the other dates become queries",
        )
    if not lines["day"] and not lines["month"] and lines["either"]:
        raise RawDataError(
            f"The dates of {name} can be read in two orders: no day is above 12",
            found=f"for example on line {min(lines['either'])}",
            fix=f"set {shown} for it under `files` in the plan",
        )
    return month_first if lines["month"] else day_first


def find_dates(columns: Mapping[str, pd.Series], rows: pd.Series, name: str) -> tuple[str, ...]:
    """Find the formats of columns of dates: for each column the one most of its values have.

    Parameters
    ----------
    columns : mapping of str to Series of text
        The columns that the plan says hold dates, without missing codes.
    rows : Series of int
        The line of each value, for messages; values themselves are never shown.
    name : str
        File name, for messages.

    Returns
    -------
    tuple of str
        One format or more, never two that read one value differently; ISO where there is no date at all. A value of
        another shape than its column's is left unreadable, and so becomes a query.

    Raises
    ------
    RawDataError
        Day and month could be swapped, years have two digits, or the dates are spreadsheet serial numbers, of which
        two systems exist: the plan must say.
    """
    values: dict[str, dict[str, int]] = {}
    wanted: list[str] = []
    for text in columns.values():
        codes, distinct = pd.factorize(text)
        first = pd.Series(rows.to_numpy()[codes >= 0]).groupby(codes[codes >= 0]).min()
        counts: Counter[str] = Counter()
        how_often = np.bincount(codes[codes >= 0], minlength=len(distinct))
        for i, value in enumerate(str(v).strip() for v in distinct):
            if shape := _shape(value):
                counts[shape] += int(how_often[i])
                lines = values.setdefault(shape, {})
                lines[value] = min(int(first[i]), lines.get(value, int(first[i])))
        if counts and (usual := min(counts, key=lambda s: (-counts[s], s))) not in wanted:
            wanted.append(usual)
    formats: list[str] = []
    for shape in sorted(wanted):
        line = min(values[shape].values())
        if shape == "excel":
            raise RawDataError(
                f"Dates of {name} are spreadsheet serial numbers",
                found=f"five digits on line {line}",
                fix="set `dates: excel` for it under `files` in the plan (excel_1904 for old Excel on a Mac), "
                'or a list, as `dates: ["%d/%m/%Y", excel]`',
            )
        if shape.startswith("?") and "%y" in shape:
            raise RawDataError(
                f"Dates of {name} have years of two digits",
                found=f"for example on line {line}",
                fix=f'export four digits, or set `dates: "{_orders(shape)[0]}"` for it under `files` in the plan '
                "(69 to 99 are then 1969 to 1999)",
            )
        formats.append(_settle_order(shape, values[shape], name) if shape.startswith("?") else shape)
    return tuple(formats) or (ISO,)
