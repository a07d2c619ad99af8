"""Workbooks as text: a line a row, nothing executed, nothing unbounded."""

from __future__ import annotations

import datetime
import io
import zipfile
from types import ModuleType

import openpyxl
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import spreadsheet
from lumier_analysis.readers.spreadsheet import sheet_texts


def book(rows: list[list[object]]) -> bytes:
    made = openpyxl.Workbook()
    made.active.title = "Results"
    for row in rows:
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_rows_become_lines() -> None:
    text = sheet_texts(book([["Well", "Ct"], [], ["A1", 24.5], ["A\n2", True], [None, 3, None]]), "a.xlsx")
    assert text == {"Results": "Well\tCt\n\nA1\t24.5\nA 2\tTRUE\n\t3\n"}
    day = datetime.datetime(2018, 3, 1)
    assert sheet_texts(book([[day, 'say "x"']]), "a.xlsx")["Results"] == '2018-03-01 00:00:00\t"say ""x"""\n'


def altered(content: bytes, member: str, change: tuple[bytes, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, part.replace(*change) if name == member else part)
    return out.getvalue()


def test_what_is_refused(exports: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = book([["Well", "Ct"], ["A1", 24.5]])
    sheet = "xl/worksheets/sheet1.xml"
    doctype = (b"<worksheet", b'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/hostname">]><worksheet')
    with pytest.raises(RawDataError, match="declares a document type"):
        sheet_texts(altered(whole, sheet, doctype), "a.xlsx")
    with pytest.raises(RawDataError, match="not well-formed"):
        sheet_texts(altered(whole, sheet, (b"</worksheet>", b"")), "a.xlsx")
    with pytest.raises(RawDataError, match=r"a workbook that does not open \("):
        sheet_texts(exports.zipped({"xl/workbook.xml": b"<workbook/>"}), "a.xlsx")
    monkeypatch.setattr(spreadsheet, "MAXIMUM_ROWS", 1)
    with pytest.raises(RawDataError, match=r"sheet 'Results' is too large.*more than 1 rows"):
        sheet_texts(whole, "a.xlsx")


def test_a_sheet_that_states_a_wrong_size() -> None:
    wrong = altered(book([["a", "b"], ["c", "d"]]), "xl/worksheets/sheet1.xml", (b"A1:B2", b"A1"))
    assert sheet_texts(wrong, "a.xlsx")["Results"] == "a\tb\nc\td\n"
