"""GEO series matrix: samples with their characteristics, and the table of probes."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.decode import read_bytes

_BEGIN, _END = b"!series_matrix_table_begin", b"!series_matrix_table_end"
_NULL = ["", "null", "NULL", "NA", "N/A", "NaN", "nan"]


@dataclass(frozen=True, eq=False)
class SeriesMatrix:
    """A GEO series.

    Attributes
    ----------
    title, platform : str
        As the series states them.
    samples : DataFrame of str
        One row a sample: sample_id (GSM), sample_title, a column per characteristic key, ``__file__``, and
        ``__row__``, here the position of the sample among the columns of the table (1-based).
    expression : DataFrame of float64
        Probes x samples (columns in the order of `samples`), on the scale of the file; NaN: missing.
    """

    title: str
    platform: str
    samples: pd.DataFrame
    expression: pd.DataFrame


def _content(path: Path) -> bytes:
    """Return the text of a plain or gzipped file."""
    raw = read_bytes(path)
    if not raw.startswith(b"\x1f\x8b"):
        if path.suffix == ".gz":
            raise RawDataError(
                f"{path.name} is not in gzip format", found=f"first bytes {raw[:4]!r}", fix="download it again"
            )
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise RawDataError(f"{path.name} is cut or damaged", found=str(error), fix="download it again") from None


def _metadata(head: bytes, name: str) -> list[list[str]]:
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = head.decode("cp1252", errors="replace")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
    lines = [fields for fields in rows if fields and fields[0].startswith("!")]
    if not any(fields[0] == "!Sample_geo_accession" for fields in lines):
        raise RawDataError(
            f"{name} is no GEO series matrix: it has no line !Sample_geo_accession",
            found=f"first line '{text.partition(chr(10))[0].strip()[:60]}'",
        )
    return lines


def _value(lines: list[list[str]], key: str) -> str:
    return next((fields[1] for fields in lines if fields[0] == key and len(fields) > 1), "")


def _samples(lines: list[list[str]], name: str) -> pd.DataFrame:
    """Return one row a sample; each characteristic goes to the column of its own key, sample by sample."""
    accessions = next(fields[1:] for fields in lines if fields[0] == "!Sample_geo_accession")
    n = len(accessions)
    titles = [""] * n
    keys: dict[str, list[str]] = {}
    number = 0
    for fields in lines:
        if not fields[0].startswith("!Sample_"):
            continue
        if len(fields) - 1 != n:
            raise RawDataError(
                f"{name} is damaged: line {fields[0]} does not have a value per sample",
                found=f"{len(fields) - 1} instead of {n}",
            )
        if fields[0] == "!Sample_title":
            titles = fields[1:]
        if not fields[0].startswith("!Sample_characteristics"):
            continue
        number += 1
        for i, entry in enumerate(fields[1:]):
            key, colon, value = entry.partition(":")
            if not entry.strip():
                continue
            key = key.strip() if colon else f"characteristic {number}"
            column = keys.setdefault(key, [""] * n)
            value = value.strip() if colon else entry.strip()
            # A key that a sample has twice keeps both values.
            column[i] = value if column[i] in ("", value) else f"{column[i]}; {value}"
    reserved = ("sample_id", "sample_title", "__file__", "__row__")
    frame = pd.DataFrame({"sample_id": accessions, "sample_title": titles}, dtype="str")
    named = {f"{key} (characteristic)" if key in reserved else key: column for key, column in keys.items()}
    frame = pd.concat([frame, pd.DataFrame(named, index=frame.index, dtype="str")], axis=1)
    frame["__file__"] = pd.Series(name, index=frame.index, dtype="str")
    frame["__row__"] = np.arange(1, n + 1)
    return frame


def _broken_line(table: bytes, columns: list[str], first: int) -> str:
    """Say where a table that could not be read is broken (slow; only after a failure)."""
    for number, line in enumerate(table.split(b"\n"), start=first):
        fields = line.decode("utf-8", errors="replace").strip("\r").split("\t")
        if line.strip() and len(fields) != len(columns):
            return f"{len(fields)} fields instead of {len(columns)} on line {number}"
        for column, field in zip(columns[1:], fields[1:], strict=False):
            if (value := field.strip('"')) not in _NULL:
                try:
                    float(value)
                except ValueError:
                    return f"'{value}' for {column} on line {number}"
    return "a value that is no number"


def _expression(table: memoryview, columns: list[str], name: str, first: int) -> pd.DataFrame:
    """Return the table as probes x samples."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    try:
        read = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(table)),
            read_options=arrow_csv.ReadOptions(column_names=columns),
            parse_options=arrow_csv.ParseOptions(delimiter="\t"),
            convert_options=arrow_csv.ConvertOptions(
                column_types={columns[0]: pa.string()} | dict.fromkeys(columns[1:], pa.float64()), null_values=_NULL
            ),
        )
    except pa.ArrowInvalid:
        raise RawDataError(
            f"The expression table of {name} is damaged",
            found=_broken_line(bytes(table), columns, first),
            fix="download it again",
        ) from None
    values = np.empty((read.num_rows, len(columns) - 1))
    for j in range(len(columns) - 1):
        values[:, j] = read.column(j + 1).to_numpy()
    probes = pd.Index(read.column(0).to_pylist(), dtype="str", name="probe")
    if probes.has_duplicates:
        raise RawDataError(
            f"{name} has a probe twice",
            found=str(probes[probes.duplicated()][0]),
            fix="keep one line a probe in the file",
        )
    return pd.DataFrame(values, index=probes, columns=pd.Index(columns[1:], dtype="str"), copy=False)


def read_series_matrix(path: str | Path) -> SeriesMatrix:
    """Read a GEO series matrix, plain or gzipped.

    Parameters
    ----------
    path : path
        ``GSE..._series_matrix.txt`` or ``.txt.gz``.

    Returns
    -------
    SeriesMatrix

    Raises
    ------
    RawDataError
        The file is missing, no series matrix, damaged, cut before its last line, or has no expression table.
    """
    path = Path(path)
    name = path.name
    content = _content(path)
    begin = content.find(b"\n" + _BEGIN)
    lines = _metadata(content[: begin if begin >= 0 else len(content)], name)
    end = content.find(b"\n" + _END, begin) if begin >= 0 else -1
    if begin < 0 or end < 0:
        raise RawDataError(
            f"{name} is cut: it has no line {(_BEGIN if begin < 0 else _END).decode()}",
            found=f"{len(content.splitlines()):,} lines" if begin < 0 else "a table without end",
            fix="download it again",
        )
    header_at = content.find(b"\n", begin + 1) + 1
    header_end = content.find(b"\n", header_at)
    header = content[header_at:header_end].decode("utf-8", errors="replace").rstrip("\r")
    columns = [c.strip().strip('"') for c in header.split("\t")]
    samples = _samples(lines, name)
    if header_end >= end or len(columns) < 2:
        raise RawDataError(
            f"{name} holds no expression table",
            found="no line between the table's marks",
            fix="GEO keeps it in a supplementary file",
        )
    if len(set(columns)) != len(columns) or set(columns[1:]) != set(samples["sample_id"]):
        odd = sorted(set(columns[1:]) ^ set(samples["sample_id"]))
        raise RawDataError(
            f"{name} is damaged: the table and the description do not name the same samples",
            found=", ".join(odd[:3]) if odd else "a sample twice",
            fix="download it again",
        )
    first = content.count(b"\n", 0, header_end + 1) + 1
    # A view, not a copy: a full GEO table holds hundreds of megabytes of text.
    expression = _expression(memoryview(content)[header_end + 1 : end + 1], columns, name, first)
    order = samples["sample_id"].tolist()
    return SeriesMatrix(
        title=_value(lines, "!Series_title"),
        platform=_value(lines, "!Series_platform_id") or _value(lines, "!Sample_platform_id"),
        samples=samples,
        expression=expression if columns[1:] == order else expression[order],
    )
