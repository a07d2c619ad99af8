"""Encodings are enforced and line numbers are true."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers.decode import decode, line_of, read_bytes, records

FRENCH = "NOM;MOTIF\r\nA;Décès à 20 °C\r\n"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8", "utf-8-sig", "utf-16"])
def test_the_stated_encoding_is_read(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding), "a.csv", encoding) == FRENCH


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encoding_is_found_when_none_is_stated(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding), "a.csv") == FRENCH


def test_a_cut_utf16_file_is_refused() -> None:
    with pytest.raises(RawDataError, match=r"a\.csv is not in utf-16, .*first bytes announce.*cut"):
        decode(FRENCH.encode("utf-16")[:-1], "a.csv")


def test_a_byte_order_mark_is_part_of_no_column_name() -> None:
    assert decode(FRENCH.encode("utf-8-sig"), "a.csv", "utf-8") == FRENCH


@pytest.mark.parametrize(
    ("written", "stated", "words"),
    [
        ("utf-8-sig", "cp1252", ["byte order mark", "line 1", "`encoding: utf-8`"]),
        ("utf-8", "cp1252", ["'é' in UTF-8 on line 2", "`encoding: utf-8`", "a.csv"]),
        ("utf-8", "latin-1", ["'é' in UTF-8 on line 2", "`encoding: utf-8`"]),
        ("cp1252", "utf-8", ["0xe9", "line 2", "`encoding: cp1252`"]),
        ("utf-16", "cp1252", ["UTF-16", "`encoding: utf-16`"]),
        ("utf-16-le", "cp1252", ["NUL byte on line 1"]),
    ],
)
def test_another_encoding_is_refused(written: str, stated: str | None, words: list[str]) -> None:
    with pytest.raises(RawDataError) as refused:
        decode(FRENCH.encode(written), "a.csv", stated)
    for word in words:
        assert word in str(refused.value)


def test_mixed_encodings_are_refused_with_both_lines() -> None:
    with pytest.raises(RawDataError, match=r"mixes two encodings.*line 1.*0xe8 on line 2"):
        decode("é\n".encode() + "père\n".encode("cp1252"), "a.csv", "cp1252")


def test_a_byte_that_the_encoding_lacks_is_refused() -> None:
    with pytest.raises(RawDataError, match="0x81 on line 3"):
        decode(b"a\r\nb\r\n\x81\r\n", "a.csv", "cp1252")


def test_control_characters_give_latin1_away() -> None:
    with pytest.raises(RawDataError, match=r"0x92 on line 2.*cp1252"):
        decode("a\nl’étude\n".encode("cp1252"), "a.csv", "latin-1")


def test_an_unknown_encoding_is_a_fault_of_the_plan() -> None:
    with pytest.raises(PlanError, match="does not exist"):
        decode(b"a", "a.csv", "cp-1252-fr")


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=r"absent.csv is missing"):
        read_bytes(tmp_path / "absent.csv")
    (tmp_path / "empty.csv").write_bytes(b"\xef\xbb\xbf \r\n")
    with pytest.raises(RawDataError, match="is empty"):
        read_bytes(tmp_path / "empty.csv")
    with pytest.raises(RawDataError, match="cannot be read"):
        read_bytes(tmp_path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_records_know_their_line(end: str) -> None:
    content = end.join(["a;b", '"one', 'two";2', "", "x;y"])
    assert list(records(content, "a.csv", ";")) == [(1, ["a", "b"]), (2, [f"one{end}two", "2"]), (5, ["x", "y"])]
    assert line_of(content.encode(), content.index("x")) == 5


def test_an_open_quote_is_refused_with_its_line() -> None:
    with pytest.raises(RawDataError, match=r"not closed.*line 2"):
        list(records('a;b\n"x;y\n', "a.csv", ";"))


@given(st.text(st.characters(codec="cp1252", exclude_categories=["Cc"])))
def test_cp1252_round_trip(text: str) -> None:
    content = text.encode("cp1252")
    try:
        content.decode("ascii")
    except UnicodeDecodeError:
        try:
            read = decode(content, "a.csv", "cp1252")
        except RawDataError as refused:
            # Only text that spells UTF-8 sequences may be refused.
            assert "in UTF-8" in str(refused) or "byte order mark" in str(refused)
            return
        assert read == text
    else:
        assert decode(content, "a.csv", "cp1252") == text
