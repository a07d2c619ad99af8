"""Partial dates: UK/03/2018, 03/2018, 2018 or NK, kept with the bounds that they leave, never as a day of their own.

A partial date is a set of days. Whether an analysis may put one day in its place, and which, is for the plan to say
(`take`), not for the reader.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.errors import PlanError
from lumier_analysis.readers.dates import EPOCHS, ISO, check_formats, read_date
from lumier_analysis.readers.values import each_value, series_like

#: What stands for an unknown day, month, year or date, in French and English; compared in lower case.
UNKNOWN = frozenset(
    ("uk", "un", "unk", "ukn", "unknown", "nk", "nsp", "inc", "inconnu", "inconnue", "xx", "xxx", "xxxx", "?", "??",
     "????", "-", "--", "----", "_", "__", "____", "00", "0", "0000", "jj", "mm", "aaaa", "dd", "yyyy")
)  # fmt: skip
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan janv janvier january", "feb fev fév févr fevr février fevrier february", "mar mars march",
         "apr avr avril april", "may mai", "jun juin june", "jul juil juillet july", "aug août aout august",
         "sep sept septembre september", "oct octobre october", "nov novembre november",
         "dec déc decembre décembre december"), 1)
    for name in names.split()
}  # fmt: skip
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


class PartialDates(NamedTuple):
    """Dates with what is known of them, on the index of the text.

    Attributes
    ----------
    values : Series of datetime64[us]
        The date where it is whole, else missing.
    earliest, latest : Series of datetime64[us]
        First and last day that the date may be; both the date itself where it is whole.
    precision : Series of string
        "day" (whole), "month", "year", "unknown" (said to be unknown), missing where nothing can be read.
    unreadable : Series of bool
    """

    values: pd.Series
    earliest: pd.Series
    latest: pd.Series
    precision: pd.Series
    unreadable: pd.Series


def _year(part: str) -> int | None:
    return int(part) if re.fullmatch("[0-9]{4}", part) and _FIRST_YEAR <= int(part) <= _LAST_YEAR else None


def _month(part: str) -> int | None:
    if re.fullmatch("[0-9]{1,2}", part):
        return int(part) if 1 <= int(part) <= 12 else None
    return _MONTHS.get(part.rstrip("."))


def _span(year: int, month: int | None) -> tuple[date, date, str]:
    if month is None:
        return date(year, 1, 1), date(year, 12, 31), "year"
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]), "month"


def _order(formats: Sequence[str]) -> str:
    """Return the order of day, month and year ("dmy") in the first format that has one."""
    for format in formats:
        if format not in EPOCHS:
            return "".join({"b": "m", "Y": "y"}.get(c, c) for c in re.findall("%([dmbYy])", format.replace("%B", "%b")))
    return "dmy"


def parse_partial(value: str, order: str) -> tuple[date | None, date | None, str] | None:
    """Read one partial date.

    Parameters
    ----------
    value : str
        Without surrounding space; not a whole date.
    order : str
        Order of day, month and year, as "dmy".

    Returns
    -------
    tuple of date, date, str or None
        First and last possible day (None: any) and precision; None where the value is no partial date.
    """
    text = value.casefold()
    if text in UNKNOWN:
        return None, None, "unknown"
    # A dash may stand for an unknown part: it sets parts apart only where nothing else does.
    mark = next((m for m in "/. -" if m in text), "/")
    parts = [part.strip() for part in text.split(mark)]
    if len(parts) == 1:
        return None if (year := _year(text)) is None else _span(year, None)
    if len(parts) == 2:
        year_part, month_part = (parts[0], parts[1]) if _year(parts[0]) else (parts[1], parts[0])
        day_part = "uk"
    elif len(parts) == 3 and len(order) == 3:
        named = dict(zip(order, parts, strict=True))
        if _year(parts[0]) and order[0] != "y":
            named = dict(zip("ymd", parts, strict=True))
        year_part, month_part, day_part = named["y"], named["m"], named["d"]
    else:
        return None
    known_day = bool(re.fullmatch("[0-9]{1,2}", day_part)) and 1 <= int(day_part) <= 31
    if not known_day and day_part not in UNKNOWN:
        return None
    month, year = _month(month_part), _year(year_part)
    if month is None and month_part not in UNKNOWN:
        return None
    if year is None:
        return (None, None, "unknown") if year_part in UNKNOWN else None
    if known_day and month is not None:
        return None  # a whole date, but of no calendar or in another order
    return _span(year, month)


def to_partial_date(text: pd.Series, formats: str | Sequence[str], missing: Iterable[str] = ("",)) -> PartialDates:
    """Read dates, whole in the stated formats (see `dates.to_date`) or partial in their order.

    A day without its month (12/UK/2018) is known to the year alone. Impossible dates stay unreadable.
    """
    tried = (formats,) if isinstance(formats, str) else tuple(formats)
    check_formats(tried)
    order = _order(tried or (ISO,))

    def parse(value: str) -> tuple[date | None, date | None, str] | None:
        whole = next((d for f in tried if (d := read_date(value, f)) is not None), None)
        return (whole, whole, "day") if whole is not None else parse_partial(value, order)

    read, unreadable = each_value(text, parse, missing)

    def dates(values: list[date | None]) -> pd.Series:
        array = np.array([np.datetime64("NaT") if v is None else v for v in values], dtype="datetime64[us]")
        return pd.Series(array, index=text.index, name=text.name)

    return PartialDates(
        dates([v[0] if v and v[2] == "day" else None for v in read]),
        dates([v[0] if v else None for v in read]),
        dates([v[1] if v else None for v in read]),
        series_like([v[2] if v else None for v in read], text, "string"),
        unreadable,
    )


def take(partial: PartialDates, rule: str) -> pd.Series:
    """Put a day in the place of partial dates, as the plan says.

    Parameters
    ----------
    partial : PartialDates
    rule : {"keep", "earliest", "middle", "latest"}
        "keep" leaves them missing; "middle" is the day halfway between the bounds, the earlier of two.

    Raises
    ------
    PlanError
        Another rule.
    """
    days = {
        "keep": partial.values,
        "earliest": partial.earliest,
        "latest": partial.latest,
        "middle": partial.earliest + ((partial.latest - partial.earliest) // 2).dt.floor("D"),
    }
    if rule not in days:
        raise PlanError(
            "Unknown rule for partial dates", found=f"`partial: {rule}`", fix=f"use one of query, {', '.join(days)}"
        )
    return days[rule]
