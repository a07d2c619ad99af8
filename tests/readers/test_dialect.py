"""Separator, header line and decimal mark: found where they can be told, refused where they cannot."""

from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.dialect import find_decimal, find_layout


@pytest.mark.parametrize(
    ("text", "separator", "line"),
    [
        ("a;b;c\n1,5;2,5;3,5\n", ";", 1),
        ("a,b\n1;2,3\n", ",", 1),
        ("a, vu le 3;b\n1,5;x\n2;y\n", ";", 1),
        ("a\n1\n", ";", 1),
        ("Export du 01/02/2018, centre 3\n\na;b\n1;2\n", ";", 3),
        ("Export\r\rNUM\tC3\r1\t2\r", "\t", 3),
        ("sep=|\na|b\n1|2\n", "|", 2),
        ('"sep=,"\r\na,b\r\n1,2\r\n', ",", 2),
        ('"Export; essai"\na;b\n1;2\n', ";", 2),
    ],
)
def test_the_layout_is_found(text: str, separator: str, line: int) -> None:
    layout = find_layout(text, "a.csv")
    assert (layout.separator, layout.line) == (separator, line)
    assert text[layout.start :].splitlines()[0] == text.splitlines()[line - 1]


def test_the_header_line_may_be_stated() -> None:
    text = "Protocole;LUMIER\nCentre;3\na;b\n1;2\n"
    assert find_layout(text, "a.csv").line == 1
    assert find_layout(text, "a.csv", header=3).line == 3
    with pytest.raises(RawDataError, match=r"a\.csv has no line 9.*4 lines.*`header`"):
        find_layout(text, "a.csv", header=9)


def test_a_table_of_another_dialect_is_no_title() -> None:
    text = "a;b;c\n1;2;3\n4;5;6\na,b,c\n1,2,3\n"
    assert find_layout(text, "a.csv").line == 1
    with pytest.raises(RawDataError, match="separator that the plan states"):
        find_layout(text, "a.csv", separator=",")


def test_two_separators_that_fit_are_refused() -> None:
    with pytest.raises(RawDataError, match=r"cannot be told.*2 columns with a semicolon and with a comma.*separator"):
        find_layout("a;b,c\n1;2,3\n", "a.csv")


def decimal(**columns: list[str]) -> str:
    length = max(map(len, columns.values()))
    frames = {name: pd.Series([*v, *[""] * (length - len(v))], dtype="str") for name, v in columns.items()}
    return find_decimal(frames, pd.Series(range(2, 2 + length)), "a.csv")


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        (["1,5", "2"], ","),
        (["1.5", ""], "."),
        (["12", "<5"], "."),
        (["<0,5", "> 400"], ","),
        (["0,5 g/24h"], ","),
        (["0,985"], ","),
        (["1,234", "12,5"], ","),
        (["1 234,5"], ","),
        (["03.01.2018"], "."),
    ],
)
def test_the_decimal_mark_is_found(values: list[str], mark: str) -> None:
    assert decimal(C3=values) == mark


def test_two_decimal_marks_are_refused_without_showing_values() -> None:
    with pytest.raises(RawDataError) as refused:
        decimal(C3=["1,57", "2"], C4=["0.29", "0,31"])
    for words in ("uses both decimal marks", "first in C3, line 2", "first in C4, line 2", '`decimal: ","`'):
        assert words in str(refused.value)
    assert "1,57" not in str(refused.value)


def test_a_thousands_mark_is_not_taken_for_decimals() -> None:
    with pytest.raises(RawDataError, match=r"cannot be told from a thousands mark.*exactly three digits.*decimal"):
        decimal(PLAQUETTES=["1,234", "250,000"])
