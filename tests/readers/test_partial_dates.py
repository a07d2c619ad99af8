"""Partial dates keep what is known; a day is put in their place by a rule alone."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumier_analysis.errors import PlanError
from lumier_analysis.readers.partial_dates import take, to_partial_date

MARCH, YEAR = ("2018-03-01", "2018-03-31", "month"), ("2018-01-01", "2018-12-31", "year")


def read(value: str, formats: str = "%d/%m/%Y"):
    return to_partial_date(pd.Series([value], dtype="str"), formats, ["ND"])


A_MONTH = (
    "UK/03/2018 --/03/2018 __/03/2018 XX.03.2018 00/03/2018 JJ/03/2018 03/2018 2018-03 UK-MAR-2018 Mar-2018 nk/03/2018"
)


@pytest.mark.parametrize("value", [*A_MONTH.split(), "mars 2018"])
def test_a_month(value: str) -> None:
    assert_bounds(value, MARCH)


@pytest.mark.parametrize("value", ["2018", "UK/UK/2018", "??/??/2018", "-/-/2018", "12/UK/2018", "UK/2018"])
def test_a_year(value: str) -> None:
    assert_bounds(value, YEAR)


def test_the_order_is_that_of_the_format() -> None:
    assert_bounds("2018-03-UK", MARCH, "%Y-%m-%d")
    assert_bounds("03/UK/2018", MARCH, "%m/%d/%Y")


def assert_bounds(value: str, bounds: tuple[str, str, str], formats: str = "%d/%m/%Y") -> None:
    partial = read(value, formats)
    assert partial.values.isna().all()
    assert partial.earliest[0] == pd.Timestamp(bounds[0])
    assert partial.latest[0] == pd.Timestamp(bounds[1])
    assert partial.precision[0] == bounds[2]
    assert not partial.unreadable.any()


@pytest.mark.parametrize("value", ["NK", "uk", "UK/UK/UK", "00/00/0000", "inconnue", "UK/03/UK"])
def test_a_date_that_is_said_to_be_unknown(value: str) -> None:
    partial = read(value)
    assert partial.precision[0] == "unknown"
    assert partial.earliest.isna().all() and not partial.unreadable.any()


@pytest.mark.parametrize("value", ["31/02/2018", "13/2018", "18/03", "abc", "2018-13", "32/UK/2018", "1850", "1/2/3/4"])
def test_what_is_no_date_stays_unreadable(value: str) -> None:
    assert read(value).unreadable.all()


def test_missing_is_missing() -> None:
    partial = read("nd")
    assert not partial.unreadable.any() and partial.precision.isna().all()


def test_rules() -> None:
    partial = to_partial_date(pd.Series(["UK/02/2020", "2019", "05/02/2020", "NK"], dtype="str"), "%d/%m/%Y")
    shown = {rule: take(partial, rule).dt.strftime("%Y-%m-%d").fillna("-").tolist() for rule in
             ("keep", "earliest", "middle", "latest")}  # fmt: skip
    assert shown == {
        "keep": ["-", "-", "2020-02-05", "-"],
        "earliest": ["2020-02-01", "2019-01-01", "2020-02-05", "-"],
        "middle": ["2020-02-15", "2019-07-02", "2020-02-05", "-"],
        "latest": ["2020-02-29", "2019-12-31", "2020-02-05", "-"],
    }
    with pytest.raises(PlanError, match=r"Unknown rule.*first.*query, keep"):
        take(partial, "first")


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.sampled_from(["UK/%m/%Y", "%m/%Y", "%Y", "%d/%m/%Y"]))
def test_the_bounds_hold_the_date(day: date, form: str) -> None:
    partial = read(day.strftime(form))
    assert partial.earliest[0] <= pd.Timestamp(day) <= partial.latest[0]
    assert partial.earliest[0] <= take(partial, "middle")[0] <= partial.latest[0]
