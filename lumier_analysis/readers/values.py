"""From text to typed values; what cannot be read is reported, never turned into a silent blank.

Every converter takes a Series of text and the codes that mean missing (compared without regard to case and
surrounding space; an empty field is always missing), and returns the typed Series together with a mask of the values
that are neither missing nor readable. Nothing is guessed: a decimal point in a file with decimal commas, or a number in
a date column, is unreadable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.errors import PlanError

_SIGNS = {"<": "<", "<=": "<", "≤": "<", ">": ">", ">=": ">", "≥": ">"}
_INT64 = 2**63


class Converted(NamedTuple):
    """Typed values and the mask of unreadable ones, on the index of the text."""

    values: pd.Series
    unreadable: pd.Series


class Censored(NamedTuple):
    """Values, their sign ("<", ">" or "" where exact), and the mask of unreadable ones."""

    values: pd.Series
    sign: pd.Series
    unreadable: pd.Series


def each_value(text: pd.Series, parse: Callable[[str], Any], missing: Iterable[str]) -> tuple[list[Any], pd.Series]:
    """Parse every distinct value once; None stands for missing and for unreadable, the mask tells them apart."""
    codes, uniques = pd.factorize(text)
    absent = {m.strip().casefold() for m in missing} | {""}
    parsed: list[Any] = []
    bad: list[bool] = []
    for raw in uniques:
        value = str(raw).strip()
        if value.casefold() in absent:
            parsed.append(None)
            bad.append(False)
        else:
            result = parse(value)
            parsed.append(result)
            bad.append(result is None)
    values = [parsed[c] if c >= 0 else None for c in codes]
    unreadable = [bool(c >= 0 and bad[c]) for c in codes]
    return values, pd.Series(unreadable, index=text.index, name=text.name, dtype="bool")


def series_like(values: list[Any], like: pd.Series, dtype: Any) -> pd.Series:
    """Return the values as a Series on the index of the text."""
    return pd.Series(values, index=like.index, name=like.name, dtype=dtype)


def _number_pattern(decimal: str) -> re.Pattern[str]:
    if decimal not in (".", ","):
        raise PlanError("The decimal mark is a point or a comma", found=repr(decimal), fix='write `decimal: ","`')
    mark = re.escape(decimal)
    # Groups of three may be set apart by a (no-break, thin) space, as French exports do; never by point or comma.
    whole = "(?:[0-9]{1,3}(?:[ \u00a0\u202f\u2009][0-9]{3})+|[0-9]+)"
    return re.compile(rf"[+\-\u2212]?(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]{{1,4}})?")


def _plain(value: str, decimal: str) -> str:
    """Return a matched number in the notation of Python."""
    return re.sub(r"\s", "", value).replace("\u2212", "-").replace(decimal, ".")


def to_number(text: pd.Series, decimal: str = ".", missing: Iterable[str] = ("",)) -> Converted:
    """Read numbers with the stated decimal mark, as float64 (NaN: missing or unreadable)."""
    pattern = _number_pattern(decimal)

    def parse(value: str) -> float | None:
        if not pattern.fullmatch(value):
            return None
        number = float(_plain(value, decimal))
        return number if math.isfinite(number) else None

    values, unreadable = each_value(text, parse, missing)
    return Converted(series_like([np.nan if v is None else v for v in values], text, "float64"), unreadable)


def to_integer(text: pd.Series, decimal: str = ".", missing: Iterable[str] = ("",)) -> Converted:
    """Read whole numbers as Int64; "3,0" is 3, "3,5" is unreadable."""
    pattern = _number_pattern(decimal)

    def parse(value: str) -> int | None:
        if not pattern.fullmatch(value):
            return None
        number = Decimal(_plain(value, decimal))
        # The magnitude is looked at first: 1e4000 would be written out in full by int().
        if abs(number) >= _INT64 or number != number.to_integral_value():
            return None
        return int(number)

    values, unreadable = each_value(text, parse, missing)
    return Converted(series_like(values, text, "Int64"), unreadable)


def to_text(text: pd.Series, missing: Iterable[str] = ("",)) -> Converted:
    """Strip text and blank the missing codes; nothing is unreadable."""
    values, unreadable = each_value(text, lambda value: value, missing)
    return Converted(series_like(values, text, "string"), unreadable)


def to_censored(text: pd.Series, decimal: str = ".", missing: Iterable[str] = ("",)) -> Censored:
    """Read laboratory values with their limit signs: "<5" is 5.0 with sign "<", ">400" is 400.0 with sign ">"."""
    pattern = _number_pattern(decimal)

    def parse(value: str) -> tuple[float, str] | None:
        parts = re.fullmatch(r"(<=|>=|[<>≤≥])?\s*(.+)", value)
        if parts is None or not pattern.fullmatch(parts[2]):
            return None
        number = float(_plain(parts[2], decimal))
        return (number, _SIGNS.get(parts[1] or "", "")) if math.isfinite(number) else None

    read, unreadable = each_value(text, parse, missing)
    return Censored(
        series_like([np.nan if v is None else v[0] for v in read], text, "float64"),
        series_like(["" if v is None else v[1] for v in read], text, "string"),
        unreadable,
    )
