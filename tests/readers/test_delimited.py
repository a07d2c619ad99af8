"""CSV dialects: read as text, with lines; refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers import read_delimited


def write(folder: Path, content: str, encoding: str = "cp1252") -> Path:
    path = folder / "visits.csv"
    path.write_bytes(content.encode(encoding))
    return path


def test_values_stay_as_they_are_written(tmp_path: Path) -> None:
    path = write(tmp_path, "NUM ;CENTRE;C3;NOTE\r\n001;01;0,85;NA\r\n002;02;ND;\r\n\r\n003;03;<5; été ")
    frame = read_delimited(path, separator=";", decimal=",", encoding="cp1252")
    assert frame.columns.tolist() == ["NUM", "CENTRE", "C3", "NOTE", "__file__", "__row__"]
    assert frame.iloc[:, :4].to_numpy().tolist() == [
        ["001", "01", "0,85", "NA"],
        ["002", "02", "ND", ""],
        ["003", "03", "<5", " été "],
    ]
    assert frame["__row__"].tolist() == [2, 3, 5]
    assert frame["__file__"].unique().tolist() == ["visits.csv"]
    assert not frame.isna().any().any()
    assert all(isinstance(frame[c].dtype, pd.StringDtype) for c in ["NUM", "CENTRE", "C3", "NOTE", "__file__"])


def test_quoted_separators_and_line_breaks(tmp_path: Path) -> None:
    frame = read_delimited(write(tmp_path, 'a;b\n"x;y";"one\ntwo"\n"says ""no""";4\n'), separator=";")
    assert frame["a"].tolist() == ["x;y", 'says "no"']
    assert frame["b"].tolist() == ["one\ntwo", "4"]
    assert frame["__row__"].tolist() == [2, 4]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    frame = read_delimited(write(tmp_path, f"a{separator}b\n1{separator}2\n"))
    assert frame[["a", "b"]].to_numpy().tolist() == [["1", "2"]]


def test_one_column_needs_no_separator(tmp_path: Path) -> None:
    assert read_delimited(write(tmp_path, "a\n1\n2\n"), separator=";")["a"].tolist() == ["1", "2"]


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    frame = read_delimited(write(tmp_path, "a;b\n"), separator=";")
    assert frame.columns.tolist() == ["a", "b", "__file__", "__row__"]
    assert len(frame) == 0


def test_a_nameless_column_without_content_is_left_out(tmp_path: Path) -> None:
    assert read_delimited(write(tmp_path, "a;b;\n1;2;\n")).columns.tolist() == ["a", "b", "__file__", "__row__"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", r"separator that the plan states, ';'.*seems to be a comma.*separator: \",\".*visits.csv"),
        ("a\tb\n1\t2\n", r"seems to be a tab.*separator: \"\\t\""),
        ("a;b\n1;2\n3\n", "broken line.*1 fields instead of 2 on line 3"),
        ("a;b\n1;2;3\n4;5\n", "broken line.*3 fields instead of 2 on line 2"),
        ("a;b;c\n1;2;3\n4;5", "cut in its last line.*2 fields instead of 3 on line 3"),
        ("a;b;a\n1;2;3\n", "two columns of the same name.*'a' in columns 1, 3"),
        ("a;;c\n1;2;3\n", "column without a name that holds data.*column 2"),
        ("a;b\n1;\0\n", "NUL byte on line 2"),
        ("a;__row__\n1;2\n", "reserved"),
        ('a;b\n"1;2\n', "quotation mark"),
        ("", "empty"),
        ("\u00a0\n", "has no header line"),
        ('""\n', "has no header line"),
        (";;\n1;2;3\n", "has no header line.*';;'"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read_delimited(write(tmp_path, content), separator=";", decimal=",", encoding="cp1252")


def test_a_plan_that_contradicts_itself(tmp_path: Path) -> None:
    path = write(tmp_path, "a;b\n")
    with pytest.raises(PlanError, match="same separator and decimal"):
        read_delimited(path, separator=",", decimal=",")
    with pytest.raises(PlanError, match="not one character"):
        read_delimited(path, separator=";;")


cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cells, cells), max_size=6), separator=st.sampled_from([";", ",", "\t"]))
def test_any_table_round_trips(tmp_path: Path, rows: list[tuple[str, str]], separator: str) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    lines = [separator.join(map(quoted, row)) for row in [("a", "b"), *rows]]
    frame = read_delimited(write(tmp_path, "\n".join(lines), "utf-8"), separator=separator, encoding="utf-8")
    assert list(zip(frame["a"], frame["b"], strict=True)) == rows
    assert frame["__row__"].tolist() == list(range(2, len(rows) + 2))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60))
def test_any_bytes_give_a_table_or_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes(content)
    try:
        frame = read_delimited(path)
    except RawDataError as refused:
        assert "visits.csv" in str(refused)
    else:
        assert "__row__" in frame
