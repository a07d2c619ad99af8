"""Dates: stated formats are kept, others found; where day and month could be swapped, the plan must say."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers import to_date
from lumier_analysis.readers.dates import find_dates


def found(**columns: list[str]) -> tuple[str, ...]:
    length = max(map(len, columns.values()))
    frames = {name: pd.Series([*v, *[""] * (length - len(v))], dtype="str") for name, v in columns.items()}
    return find_dates(frames, pd.Series(range(2, 2 + length)), "a.csv")


@pytest.mark.parametrize(
    ("values", "format"),
    [
        (["13/02/2018", "01/02/2018"], "%d/%m/%Y"),
        (["02/13/2018", "01/02/2018"], "%m/%d/%Y"),
        (["01/01/2018", "05/05/2018"], "%d/%m/%Y"),
        (["2018-02-01"], "%Y-%m-%d"),
        (["2018/02/01"], "%Y/%m/%d"),
        (["20180201"], "%Y%m%d"),
        (["28.02.2018"], "%d.%m.%Y"),
        (["28-02-2018 10:20"], "%d-%m-%Y %H:%M"),
        (["2018-02-01T10:20:30"], "%Y-%m-%dT%H:%M:%S"),
        (["01MAR2018"], "%d%b%Y"),
        (["01-Mar-2018"], "%d-%b-%Y"),
        ([""], "%Y-%m-%d"),
        (["13/02/2018", "31/02/2018", "UK/03/2018", "rien"], "%d/%m/%Y"),
    ],
)
def test_the_format_is_found(values: list[str], format: str) -> None:
    assert found(DATE=values) == (format,)


def test_one_column_settles_the_order_of_another() -> None:
    assert found(DEBUT=["01/02/2018"], FIN=["25/02/2018"]) == ("%d/%m/%Y",)


def test_columns_may_differ_and_each_is_read() -> None:
    formats = found(DEBUT=["2018-02-01"], FIN=["25/02/2018"])
    assert formats == ("%Y-%m-%d", "%d/%m/%Y")
    read = to_date(pd.Series(["2018-02-01", "25/02/2018"], dtype="str"), formats)
    assert read.values.tolist() == [pd.Timestamp(2018, 2, 1), pd.Timestamp(2018, 2, 25)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["01/02/2018", "12/11/2018"], r"no day is above 12.*line 2.*%d/%m/%Y.*%m/%d/%Y"),
        (["13/02/2018", "02/13/2018"], r"two orders.*day first on line 2, the month first on line 3.*queries"),
        (["43160", "43161"], r"serial numbers.*`dates: excel`.*excel_1904"),
        (["13/02/18"], r'two digits.*`dates: "%d/%m/%y"`'),
    ],
)
def test_what_only_the_plan_can_say(values: list[str], message: str) -> None:
    with pytest.raises(RawDataError, match=message) as refused:
        found(DATE=values)
    assert not any(value in str(refused.value) for value in values)


def test_spreadsheet_serials_are_read_where_they_are_stated() -> None:
    text = pd.Series(["43160", "43160.5", "01/03/2018", "9999", "60"], dtype="str")
    read = to_date(text, ["%d/%m/%Y", "excel"])
    assert read.values[:3].tolist() == [pd.Timestamp(2018, 3, 1)] * 3
    assert read.unreadable.tolist() == [False, False, False, True, True]
    assert to_date(text[:1], "excel_1904").values[0] == pd.Timestamp(2022, 3, 2)
    assert to_date(text[:1], "%d/%m/%Y").unreadable.all()


@pytest.mark.parametrize("formats", [["%d/%m/%Y", "%m/%d/%Y"], ["excel", "excel_1904"]])
def test_two_readings_of_one_value_are_a_fault_of_the_plan(formats: list[str]) -> None:
    with pytest.raises(PlanError, match="two readings"):
        to_date(pd.Series(["01/02/2018"]), formats)


def test_a_time_of_day_is_dropped() -> None:
    read = to_date(pd.Series(["01/03/2018 23:59"], dtype="str"), "%d/%m/%Y %H:%M")
    assert read.values[0] == pd.Timestamp(2018, 3, 1)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.dates(date(1950, 1, 1), date(2050, 1, 1)), min_size=1, max_size=30),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%Y"]),
)
def test_found_formats_read_the_right_date_or_are_refused(dates: list[date], format: str) -> None:
    text = pd.Series([d.strftime(format) for d in dates], dtype="str")
    try:
        formats = find_dates({"DATE": text}, pd.Series(range(len(text))), "a.csv")
    except RawDataError:
        assert all(d.day <= 12 for d in dates) and any(d.day != d.month for d in dates)
        return
    assert [d.date() for d in to_date(text, formats).values.dt.to_pydatetime()] == dates


@given(st.dates(date(1950, 1, 1), date(2100, 1, 1)))
def test_serials_round_trip(day: date) -> None:
    serial = str((day - date(1899, 12, 30)) // timedelta(days=1))
    assert to_date(pd.Series([serial], dtype="str"), "excel").values[0] == pd.Timestamp(day)
