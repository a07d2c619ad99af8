import pandas as pd
import pytest

from lumier_analysis.cleaning.birth import date_years, holds_birth_dates, is_date_column


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("18/10/1982", 1982.75), ("1982-10-18", 1982.75), ("1982-10-18 00:00:00", 1982.75), ("18.10.82", 1982.75),
        ("19821018", 1982.75), ("18OCT1982", 1982.458), ("18 octobre 1982", 1982.458), ("10/18/1982", 1982.458),
    ],
)  # fmt: skip
def test_full_dates_in_every_order(text, year):
    assert date_years(pd.Series([text]))[0] == pytest.approx(year, abs=0.01)


@pytest.mark.parametrize("text", ["1982", "10/1982", "UK/10/1982", "12,5", "", "01-003", "12345678", "M0"])
def test_what_is_no_full_date(text):
    assert date_years(pd.Series([text])).isna().all()


def test_a_lifetime_before_inclusion():
    births = pd.Series(["18/10/1982", "05/01/1973", "24/09/1993", ""])
    assert holds_birth_dates(births, 2017.0)
    assert holds_birth_dates(births, pd.Series([2017.0, 2018.0, 2017.5, 2016.0]))


def test_diagnoses_visits_and_a_study_without_inclusion_are_innocent():
    diagnoses = pd.Series(["18/10/2008", "05/01/1993", "24/09/2013"])  # one in three is long ago
    assert not holds_birth_dates(diagnoses, 2017.0)
    assert not holds_birth_dates(pd.Series(["18/10/2017"]), 2017.0)
    assert not holds_birth_dates(pd.Series(["18/10/1982"]), None)
    assert not holds_birth_dates(pd.Series(["01/01/0001", "01/01/1801"]), 2017.0)


def test_a_column_with_a_few_dates_among_codes_is_no_column_of_dates():
    assert not is_date_column(pd.Series(["18/10/1982", "ND", "ND", "x"]))
    assert is_date_column(pd.Series(["18/10/1982"] * 9 + ["ND", ""]))
