"""Columns of full dates, and which of them are dates of birth by their distance to inclusion."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
import pandas as pd

#: An adult study: most rows of a birth-date column lie at least so far before inclusion, and no row further back.
ADULT_YEARS, OLDEST_YEARS = 18, 115
#: Share of the values with a digit that must be full dates for the column to be one of dates.
_MOSTLY = 0.8
_DIGIT = re.compile(r"\d")
_MONTHS = r"[A-Za-zÀ-ÿ]{3,9}\.?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?P<y>\d{4})[-/. ](?P<m>\d{1,2})[-/. ]\d{1,2}(?:[ T]\d.*)?",
        r"\d{1,2}[-/. ](?P<m>\d{1,2})[-/. ](?P<y>\d{4})(?:[ T]\d.*)?",
        rf"\d{{1,2}}[-/. ]?(?P<m>{_MONTHS})[-/. ]?(?P<y>\d{{4}})(?:[ T]\d.*)?",
        r"\d{1,2}[-/. ](?P<m>\d{1,2})[-/. ](?P<y>\d{2})",
        r"(?P<y>(?:19|20)\d{2})(?P<m>0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
    )
)


def date_year(text: str) -> float:
    """Return the decimal year of a full date, NaN where the text is none; see `date_years`."""
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        return math.nan
    year, month = int(found["y"]), found["m"]
    if len(found["y"]) == 2:
        # No one in the study is over a hundred, nor was included after 2030.
        year += 2000 if year <= 30 else 1900
    number = float(month) if month.isdigit() and 1 <= int(month) <= 12 else 6.5
    return year + (number - 1) / 12 if 1850 <= year <= 2150 else math.nan


def date_years(values: pd.Series) -> pd.Series:
    """Return the decimal years of full dates, in whatever order day, month and year are written.

    Parameters
    ----------
    values : Series of text

    Returns
    -------
    Series of float
        To a month (half a year where the month is a word); missing where the value is no full date.
    """
    codes, distinct = pd.factorize(values.fillna("").astype("str"))
    years = np.array([date_year(text.strip()) for text in distinct], dtype=float)
    return pd.Series(years[codes] if len(codes) else [], index=values.index, dtype=float)


def is_date_column(values: pd.Series) -> bool:
    """Tell whether most of the values with a digit are full dates; codes of what is missing (ND, UK) have none."""
    counts = Counter(values.dropna().astype("str").tolist())
    filled = sum(n for text, n in counts.items() if _DIGIT.search(text))
    dates = sum(n for text, n in counts.items() if not math.isnan(date_year(text.strip())))
    return filled > 0 and dates >= _MOSTLY * filled


def holds_birth_dates(values: pd.Series, inclusion: pd.Series | float | None) -> bool:
    """Tell whether a column holds dates that lie a lifetime before inclusion.

    Parameters
    ----------
    values : Series of text
    inclusion : Series of float on the same index, float, or None
        Decimal years of inclusion, of each row or of the study; without it nothing can be told.
    """
    if inclusion is None or not is_date_column(values):
        return False
    before = inclusion - date_years(values)
    known = before.dropna()
    return len(known) > 0 and bool(known.between(ADULT_YEARS, OLDEST_YEARS).mean() > 0.5)
