"""The query list as files: one CSV of all, one a centre, a page to browse, and the log of corrections.

The CSV files open by a double click in a French spreadsheet: UTF-8 with byte order mark, semicolons. They are
patient-level and live in ``analysis/``, never in ``reports/``.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pandas as pd

from lumier_analysis.cleaning.query_page import query_page
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_bytes_atomic, write_text_atomic

QUERIES = "queries.csv"
CORRECTIONS = "corrections_applied.csv"
ROWS = "rows.csv"
SEPARATOR, ENCODING = ";", "utf-8-sig"
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = re.compile(r"^[=@\t\r]|^[+-](?![\d.,])")


def spreadsheet_text(frame: pd.DataFrame) -> str:
    """Return a table as CSV text that a spreadsheet shows and does not execute."""
    safe = frame.astype(str)
    for column in safe.columns:
        safe[column] = safe[column].map(lambda text: f"'{text}" if _FORMULA.match(text) else text)
    return safe.to_csv(index=False, sep=SEPARATOR, lineterminator="\n")


def write_spreadsheet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as CSV for a French spreadsheet, whole or not at all."""
    return write_bytes_atomic(path, spreadsheet_text(frame).encode(ENCODING))


def read_queries(path: Path) -> pd.DataFrame:
    """Read a query list (or the log of corrections) as text."""
    return pd.read_csv(path, sep=SEPARATOR, encoding=ENCODING, dtype=str, keep_default_na=False)


def centre_file_name(centre: str) -> str:
    """Return a file name for a centre: its letters and digits; ``no_centre`` for queries of none."""
    plain = unicodedata.normalize("NFKD", centre).encode("ascii", "ignore").decode()
    return (re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_") or "no_centre") + ".csv"


def write_centre_files(folder: Path, queries: pd.DataFrame) -> list[Path]:
    """Write one file a centre; files of centres that have no query any more are removed.

    Centres whose names differ in punctuation alone share a file; the column centre tells them apart.
    """
    names = queries["centre"].map(centre_file_name)
    written = [write_spreadsheet(folder / name, queries[names == name]) for name in sorted(names.unique())]
    for path in folder.glob("*.csv") if folder.is_dir() else ():
        if path not in written:
            path.unlink()
    return written


def write_queries(study: Study, folder: Path, queries: pd.DataFrame, rules: dict[str, str]) -> None:
    """Write ``queries.csv``, ``queries/<centre>.csv`` and ``queries.html`` into a folder."""
    write_spreadsheet(folder / QUERIES, queries)
    write_centre_files(folder / "queries", queries)
    write_text_atomic(
        folder / "queries.html", query_page(queries, rules, study.plan.study.title, study.plan.study.caution)
    )
