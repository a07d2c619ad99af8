"""Converters: what they read, what they refuse, and that nothing turns blank in silence."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumier_analysis.errors import PlanError
from lumier_analysis.readers import (
    to_category,
    to_censored,
    to_date,
    to_flag,
    to_integer,
    to_number,
    to_text,
)

MISSING = ["", "ND", "NA", "non fait"]


def text(*values: str) -> pd.Series:
    return pd.Series(values, index=range(10, 10 + len(values)), name="field", dtype="str")


def test_numbers_with_decimal_comma() -> None:
    read = to_number(
        text("1,5", " 12 ", "-0,25", "ND", "nd", "", "Non Fait", "1 234,5", "1\u202f234", "2,", ",5", "1e3"),
        ",",
        MISSING,
    )
    expected = [1.5, 12, -0.25, np.nan, np.nan, np.nan, np.nan, 1234.5, 1234, 2, 0.5, 1000]
    np.testing.assert_array_equal(read.values, expected)
    assert not read.unreadable.any()
    assert read.values.index.tolist() == list(range(10, 22))


@pytest.mark.parametrize("bad", ["1.5", "abc", "<5", "1,2,3", "12 mg", "inf", "nan", "1 23", "--1", "1e999", "٣"])
def test_unreadable_numbers_are_reported(bad: str) -> None:
    read = to_number(text(bad, "2"), ",", MISSING)
    assert read.unreadable.tolist() == [True, False]
    assert np.isnan(read.values.iloc[0])


def test_a_comma_is_no_thousands_mark() -> None:
    assert to_number(text("1,234"), ".").unreadable.all()


def test_an_absent_value_is_missing_and_not_unreadable() -> None:
    read = to_number(pd.Series(["1", None], dtype="str"), ".")
    assert read.values.isna().tolist() == [False, True]
    assert not read.unreadable.any()


def test_integers() -> None:
    read = to_integer(text("3", "3,0", "-2", "3,5", "x", "ND", "1e4000", "9223372036854775808"), ",", MISSING)
    assert read.values.dtype == "Int64"
    assert read.values.iloc[:3].tolist() == [3, 3, -2]
    assert read.unreadable.tolist() == [False, False, False, True, True, False, True, True]


def test_dates() -> None:
    read = to_date(
        text("01/03/2018", "1/3/2018", "31/02/2018", "2018-03-01", "43160", "UK/03/2018", "ND"), "%d/%m/%Y", MISSING
    )
    assert read.values.iloc[0] == read.values.iloc[1] == pd.Timestamp(2018, 3, 1)
    assert read.unreadable.tolist() == [False, False, True, True, True, True, False]
    assert str(read.values.dtype) == "datetime64[us]"


def test_a_date_format_without_year_is_a_fault_of_the_plan() -> None:
    with pytest.raises(PlanError, match="day, month and year"):
        to_date(text("01/02"), "dd/mm/yyyy")


def test_flags() -> None:
    yes, no = ["Oui", "O", "1", "YES", "y", "True", "vrai"], ["Non", "n", "0", "no", "FALSE", "Faux"]
    read = to_flag(text(*yes, *no), MISSING)
    assert read.values.tolist() == [True] * len(yes) + [False] * len(no)
    other = to_flag(text("2", "peut-être", "ND"), MISSING)
    assert other.unreadable.tolist() == [True, True, False]
    assert other.values.isna().all()


def test_categories() -> None:
    codes = {"TEST": "test", "Décès": "death", "a": "lower", "A": "upper"}
    read = to_category(text("TEST", "test", "De\u0301ce\u0300s", "a", "A", "autre", "ND"), codes, MISSING)
    assert read.values.iloc[:5].tolist() == ["test", "test", "death", "lower", "upper"]
    assert read.unreadable.tolist() == [False] * 5 + [True, False]


def test_codes_that_differ_in_case_alone_are_not_folded() -> None:
    assert to_category(text("ÀB", "àB"), {"Àb": "one", "àb": "two"}).unreadable.all()


def test_text() -> None:
    read = to_text(text(" a ", "ND", "0012"), MISSING)
    assert read.values.fillna("-").tolist() == ["a", "-", "0012"]
    assert not read.unreadable.any()


def test_censored_values_keep_their_sign() -> None:
    values, sign, unreadable = to_censored(
        text("<5", "> 400", "≤0,5", ">=7", "12,5", "ND", "<", "5<", "<<5"), ",", MISSING
    )
    np.testing.assert_array_equal(values, [5, 400, 0.5, 7, 12.5, np.nan, np.nan, np.nan, np.nan])
    assert sign.tolist() == ["<", ">", "<", ">", "", "", "", "", ""]
    assert unreadable.tolist() == [False] * 6 + [True] * 3


def test_an_unknown_decimal_mark_is_a_fault_of_the_plan() -> None:
    with pytest.raises(PlanError, match="decimal mark"):
        to_number(text("1"), ";")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.sampled_from([".", ","]))
def test_numbers_round_trip(numbers: list[float], decimal: str) -> None:
    written = pd.Series([repr(n).replace(".", decimal) for n in numbers], dtype="str")
    read = to_number(written, decimal)
    assert not read.unreadable.any()
    assert read.values.tolist() == numbers


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1))
def test_integers_round_trip(numbers: list[int]) -> None:
    assert to_integer(pd.Series([str(n) for n in numbers], dtype="str")).values.tolist() == numbers


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dates(min_value=date(1000, 1, 1)), min_size=1), st.sampled_from(["%d/%m/%Y", "%Y-%m-%d", "%Y%m%d"]))
def test_dates_round_trip(dates: list[date], form: str) -> None:
    read = to_date(pd.Series([d.strftime(form) for d in dates], dtype="str"), form)
    assert [d.date() for d in read.values.dt.to_pydatetime()] == dates


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(), min_size=1))
def test_every_value_is_read_missing_or_reported(values: list[str]) -> None:
    written = pd.Series(values, dtype="object")
    absent = written.str.strip().str.casefold().isin(["", "nd"])
    for read in (
        to_number(written, ",", ["ND"]),
        to_integer(written, ",", ["ND"]),
        to_date(written, "%d/%m/%Y", ["ND"]),
        to_flag(written, ["ND"]),
        to_category(written, {"F": "female"}, ["ND"]),
    ):
        assert (read.values.isna() == (absent | read.unreadable)).all()
        assert not (absent & read.unreadable).any()
