import pandas as pd
import pytest

from lumier_analysis.cleaning.correct_value import Refused, read_day, same_value, written
from lumier_analysis.study.export_sections import ColumnSpec, FileSpec

FRENCH = FileSpec(path="x.csv", format="delimited", separator=";", decimal=",", dates="%d/%m/%Y")
NO_DIALECT = FileSpec(path="x.csv", format="delimited")
COLUMN = pd.Series(["1,31", "0,9"])


def spec(type, **more):
    return ColumnSpec.model_validate({"from": "X", "type": type, **more})


SEX = spec("category", values={"F": "female", "H": "male"})


@pytest.mark.parametrize(
    ("old", "raw", "type"),
    [
        ("102", "102", "number"), ("102.0", "102", "number"), ("1.31", "1,31", "number"), ("1,31", "1,310", "number"),
        ("<5", "< 5", "censored"), ("2017-06-04", "04/06/2017", "date"), ("04/06/2017", "04/06/2017", "date"),
        ("yes", "Oui", "flag"), ("", "", "number"), (" x ", "x", "text"),
    ],
)  # fmt: skip
def test_the_value_of_the_query_list_is_the_value_of_the_file(old, raw, type):
    assert same_value(old, raw, spec(type), FRENCH)


@pytest.mark.parametrize(
    ("old", "raw", "type"),
    [
        ("102", "103", "number"), ("5", "<5", "censored"), ("2017-06-04", "06/04/2017", "date"), ("yes", "Non", "flag"),
        ("", "5", "number"), ("5", "", "number"), ("no", "x", "flag"), ("a", "A", "text"),
    ],
)  # fmt: skip
def test_another_value_is_not(old, raw, type):
    assert not same_value(old, raw, spec(type), FRENCH)


def test_a_category_is_given_by_code_or_meaning():
    assert same_value("female", "F", SEX, FRENCH)
    assert written("male", SEX, FRENCH, COLUMN) == "H"
    assert written("H", SEX, FRENCH, COLUMN) == "H"


@pytest.mark.parametrize(
    ("new", "type", "as_written"),
    [
        ("1.02", "number", "1,02"), ("1,02", "number", "1,02"), ("<5.5", "censored", "<5,5"), ("", "number", ""),
        ("2018-03-01", "date", "01/03/2018"), ("01/03/2018", "date", "01/03/2018"), ("Oui", "flag", "Oui"),
    ],
)  # fmt: skip
def test_a_new_value_is_written_in_the_dialect_of_the_file(new, type, as_written):
    assert written(new, spec(type), FRENCH, COLUMN) == as_written


def test_where_the_plan_states_no_dialect_the_column_shows_it():
    assert written("1.02", spec("number"), NO_DIALECT, COLUMN) == "1,02"
    assert written("1,02", spec("number"), NO_DIALECT, pd.Series(["1.5"])) == "1.02"
    assert written("01/03/2018", spec("date"), NO_DIALECT, pd.Series(["2018-04-01"])) == "2018-03-01"
    excel = FileSpec(path="x.csv", format="delimited", dates="excel")
    assert written("2018-03-01", spec("date"), excel, pd.Series(["43159"])) == "43160"


@pytest.mark.parametrize(
    ("new", "column", "why"),
    [
        ("high", spec("number"), "no number"),
        ("x", spec("integer"), "no whole number"),
        ("31/02/2018", spec("date"), "no date such as"),
        ("maybe", spec("flag"), "neither yes nor no"),
        ("W", SEX, "none of F, H"),
    ],
)
def test_a_new_value_of_another_type_is_refused(new, column, why):
    with pytest.raises(Refused, match=why):
        written(new, column, FRENCH, COLUMN)


def test_days():
    assert str(read_day("2021-03-01")) == str(read_day("01/03/2021")) == "2021-03-01"
    assert read_day("31/02/2021") is None
    assert str(read_day("03-01-21", ("%m-%d-%y",))) == "2021-03-01"
