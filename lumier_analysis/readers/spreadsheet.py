"""The sheets of an .xlsx workbook as tab-separated text, so that every text reader can read them."""

from __future__ import annotations

import csv
import io
import warnings
from typing import Any

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.archive import Archive
from lumier_analysis.readers.safe_xml import parse_xml

#: Instruments export a row a well and target; anything larger is no such export.
MAXIMUM_ROWS, MAXIMUM_COLUMNS = 200_000, 256


def _written(value: Any) -> str:
    """Return a cell as text on one line; numbers with a decimal point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    return " ".join(str(value).split())


def sheet_texts(content: bytes, name: str) -> dict[str, str]:
    """Return the sheets of a workbook as text: a line a row, so that line numbers are row numbers.

    Parameters
    ----------
    content : bytes
        The .xlsx file.
    name : str
        File name, for messages.

    Raises
    ------
    RawDataError
        The workbook is damaged, too large when unzipped, or declares a document type in its XML.
    """
    import openpyxl  # here, as few instruments write workbooks

    archive = Archive(content, name)
    for member in archive.members:
        if member.casefold().endswith((".xml", ".rels")):
            # Looked at before openpyxl does: well-formed, and without document type or entities.
            parse_xml(archive.read(member), name, skip=("sheetData", "si"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that openpyxl does not keep
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            return {sheet.title: _text(sheet, name) for sheet in book.worksheets}
    except RawDataError:
        raise
    except Exception as error:
        # Parts that contradict each other end in whatever exception openpyxl meets first.
        raise RawDataError(
            f"{name} is cut or damaged",
            found=f"a workbook that does not open ({type(error).__name__})",
            fix="export it again",
        ) from None


def _text(sheet: Any, name: str) -> str:
    # The size that a sheet states may be wrong; without it every row is read as it is.
    sheet.reset_dimensions()
    table: list[list[str]] = []
    rows = sheet.iter_rows(max_col=MAXIMUM_COLUMNS + 1, max_row=MAXIMUM_ROWS + 1, values_only=True)
    for number, values in enumerate(rows, start=1):
        fields = [_written(v) for v in values]
        while fields and not fields[-1]:
            fields.pop()
        if number > MAXIMUM_ROWS or len(fields) > MAXIMUM_COLUMNS:
            raise RawDataError(
                f"{name} is refused: its sheet '{sheet.title[:30]}' is too large for an instrument's export",
                found=f"more than {MAXIMUM_ROWS:,} rows or {MAXIMUM_COLUMNS} columns",
                fix="export it again",
            )
        table.append(fields)
    width = max((len(fields) for fields in table), default=0)
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    # Blank cells at the end of a row are blank fields; in a text they would be a row that is cut.
    writer.writerows([*fields, *[""] * (width - len(fields))] if fields else [] for fields in table)
    return out.getvalue()
