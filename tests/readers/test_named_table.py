"""One table among other lines: columns by name, its end, and what a cut looks like."""

from __future__ import annotations

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.named_table import NamedTable, read_named_table

WANTED = {"well": ("well position", "well"), "ct": ("ct",), "sample": ("sample",), "note": ("note",)}
HEAD = "settings\t1\n\nWell\tSample\tC\u0442\tNote\n"
ROWS = "A1\tS1\t20.5\t\nA2\tS2\t21.5\t\n"


def read(text: str, **more: object) -> NamedTable:
    return read_named_table(text, "a.txt", WANTED, ("well", "ct"), **more)  # type: ignore[arg-type]


def test_a_table_among_other_lines() -> None:
    table = read(HEAD + ROWS + "\nEndogenous Control\tGAPDH\n")
    assert (table.header, table.lines, table.followed) == (3, [4, 5], True)
    assert table.columns == {"well": ["A1", "A2"], "ct": ["20.5", "21.5"], "sample": ["S1", "S2"], "note": ["", ""]}
    assert table.get("absent") == ["", ""]
    assert table.keep([False, True]).columns["well"] == ["A2"]
    assert not read(HEAD + ROWS).followed
    assert read(HEAD + ROWS + "[Melt Curve]\nWell\tReading\n1\t2\n").followed
    assert read(HEAD + ROWS, first_line=11).lines == [14, 15]


def test_the_better_name_counts() -> None:
    table = read("Well\tWell Position\tSample\tCt\n1\tA1\tS\t20.5\n2\tA2\tT\t21.5\n")
    assert table.columns["well"] == ["A1", "A2"]


def test_a_quoted_field_may_hold_a_line_break() -> None:
    table = read('Well,Sample,Ct,Note\nA1,"S\n1",20.5,x\nA2,S2,21.5,y\n')
    assert table.lines == [2, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n1\t2\n", "no line of column names.*no line with well position, ct"),
        (HEAD, "no reaction below its header on line 3"),
        (HEAD + "A1\tS1\t20.5\t\nA2\tS2\n", "line 5 is no whole row.*2 fields where the header has 4"),
        (HEAD + "A1\tS1\t20.5\t\textra\n", "line 4 is no whole row.*5 fields"),
        (HEAD + "A1\tS1\t20.5\t\nhello\tS2\t21.5\t\n", "line 5 names no well"),
        (HEAD + "A1\tS1\t20.5\t\n\nA2\tS2\t21.5\t\n", "reaction below the end of its table.*line 6, after a blank"),
        ("Well\tSample\tCt\nA1\tS1\t20.5\nA2\tS2\t21", "last line has no end.*line 3"),
        ("Well\tSample\tCt\tSample\nA1\tS\t20.5\tS\nA2\tS\t20.5\tT\n", "two columns 'sample' that disagree.*line 3"),
        (HEAD + 'A1\tS1\t"20.5\t\n', "quotation mark that is not closed"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read(text)


def test_columns_written_twice_may_say_the_same() -> None:
    table = read("Well\tSample\tCt\tSample\nA1\tS\t20.5\tS\nA2\t\t20.5\tT\n")
    assert table.columns["sample"] == ["S", "T"]


def test_a_row_may_leave_out_what_is_droppable() -> None:
    assert read("Well\tSample\tCt\tNote\nA1\tS\t20.5\n", droppable=("note",)).columns["note"] == [""]
