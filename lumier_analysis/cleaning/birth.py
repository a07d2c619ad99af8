"""Columns of full dates, and which of them are dates of birth by their distance to inclusion."""

from __future__ import annotations

import pandas as pd

#: An adult study: most rows of a birth-date column lie at least so far before inclusion, and no row further back.
ADULT_YEARS, OLDEST_YEARS = 18, 115
#: Share of the non-empty values that must be full dates for the column to be one of dates.
_MOSTLY = 0.8
_MONTHS = r"[A-Za-zÀ-ÿ]{3,9}\.?"
_FORMS = (
    r"^(?P<y>\d{4})[-/. ](?P<m>\d{1,2})[-/. ]\d{1,2}(?:[ T]\d.*)?$",
    rf"^\d{{1,2}}[-/. ]?(?P<m>\d{{1,2}}|{_MONTHS})[-/. ]?(?P<y>\d{{4}})(?:[ T]\d.*)?$",
    r"^\d{1,2}[-/. ](?P<m>\d{1,2})[-/. ](?P<y>\d{2})$",
    r"^(?P<y>(?:19|20)\d{2})(?P<m>0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$",
)


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
    text = values.fillna("").astype("str").str.strip()
    years = pd.Series(float("nan"), index=values.index)
    for form in _FORMS:
        parts = text.str.extract(form)
        year = pd.to_numeric(parts["y"], errors="coerce")
        # Two digits: no one in the study is over a hundred, nor was included after 2030.
        year = year.mask(year < 100, year.where(year <= 30, year - 100) + 2000)
        month = pd.to_numeric(parts["m"], errors="coerce").fillna(6.5).where(lambda m: m <= 12, 6.5)
        years = years.fillna((year + (month - 1) / 12).where(year.between(1850, 2150)))
    return years


def is_date_column(values: pd.Series) -> bool:
    """Tell whether most of the non-empty values are full dates."""
    filled = int((values.fillna("").astype("str").str.strip() != "").sum())
    return filled > 0 and int(date_years(values).notna().sum()) >= _MOSTLY * filled


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
