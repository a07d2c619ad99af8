"""CSV exports of electronic case report forms and of biobanks, as text: nothing is converted here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers.decode import decode, read_bytes, records
from lumier_analysis.readers.dialect import find_layout
from lumier_analysis.readers.legend import Legend, with_legend

_BLOCK = 4096


def check_names(names: list[str], name: str) -> None:
    """Refuse column names that stand twice or that are used here for something else."""
    twice = [n for n, count in Counter(names).items() if n and count > 1]
    if twice:
        where = [str(i + 1) for i, n in enumerate(names) if n == twice[0]]
        raise RawDataError(
            f"The raw file {name} has two columns of the same name",
            found=f"'{twice[0]}' in columns {', '.join(where)}",
            fix="rename or remove one of them in the export",
        )
    reserved = [n for n in names if n in ("__file__", "__row__")]
    if reserved:
        raise RawDataError(f"The raw file {name} has a column named {reserved[0]}, which is reserved here")


def with_place(columns: dict[str, list[str]], name: str, rows: list[int]) -> pd.DataFrame:
    """Make the raw table of text columns, with the file and row that each record stands in."""
    frame = pd.DataFrame(columns, dtype="str", index=range(len(rows)))
    frame["__file__"] = pd.Series(name, index=frame.index, dtype="str")
    frame["__row__"] = pd.Series(rows, index=frame.index, dtype="int64")
    return frame


def _checked_names(header: list[str], columns: list[list[str]], name: str) -> list[str]:
    """Return the column names; duplicated ones, and nameless columns that hold data, are refused."""
    names = [h.strip() for h in header]
    check_names(names, name)
    for i, n in enumerate(names):
        if not n and any(value.strip() for value in columns[i]):
            raise RawDataError(
                f"The raw file {name} has a column without a name that holds data",
                found=f"column {i + 1}",
                fix="name the column in the export",
            )
    return names


def _collected(
    body: Iterator[tuple[int, list[str]]], header: list[str], text: str, name: str
) -> tuple[list[list[str]], list[int]]:
    """Turn records into columns and their lines; refuse one that is cut or broken, and a header that stands again."""
    columns: list[list[str]] = [[] for _ in header]
    lines: list[int] = []
    # Rows are turned into columns as they come: a hundred thousand lists alive at once would cost the garbage
    # collector more than the reading.
    while block := list(islice(body, _BLOCK)):
        for line, fields in block:
            if len(fields) != len(header):
                last = line == block[-1][0] and next(body, None) is None
                cut = last and not text.endswith(("\n", "\r"))
                raise RawDataError(
                    f"The raw file {name} {'is cut in its last line' if cut else 'has a broken line'}",
                    found=f"{len(fields)} fields instead of {len(header)} on line {line}",
                    fix="export the file again"
                    if cut
                    else f"look at line {line} for an unquoted separator or line break",
                )
            if fields == header and len(header) > 1:
                raise RawDataError(
                    f"The raw file {name} holds its header line twice",
                    found=f"the column names again on line {line}",
                    fix="export it again, or name its parts apart: two files seem to be put together",
                )
            lines.append(line)
        for column, values in zip(columns, zip(*(fields for _, fields in block), strict=True), strict=True):
            column.extend(values)
    return columns, lines


def check_dialect(name: str, separator: str | None, decimal: str | None) -> None:
    """Refuse a separator that is no single character, or that is the decimal mark too."""
    if separator is not None and len(separator) != 1:
        raise PlanError(f"The plan gives {name} a separator that is not one character", found=repr(separator))
    if separator is not None and separator == decimal:
        raise PlanError(
            f"The plan gives {name} the same separator and decimal mark",
            found=repr(separator),
            fix=f"correct `separator` or `decimal` of {name} under `files`",
        )


def read_delimited(
    path: str | Path,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: int | None = None,
) -> pd.DataFrame:
    """Read a delimited text file, every value as it is written.

    Parameters
    ----------
    path : path
        File with one header line. Blank lines are passed over; columns without name and content too.
    separator : str, optional
        One character; enforced where given, otherwise found (see `dialect.find_layout`).
    decimal : {".", ","}, optional
        Decimal mark of the file. Only checked to differ from the separator: values stay text.
    encoding : str, optional
        Enforced where given, otherwise found (see `decode.decode`).
    header : int, optional
        1-based line of the column names; enforced where given, otherwise the first line of the table.

    Returns
    -------
    DataFrame of str
        One row a record, in file order; no value is missing, an empty field is "". Two more columns say where the
        record stands: ``__file__`` (file name) and ``__row__`` (1-based line of the file on which it starts). Its
        legend (see `legend.legend_of`) says whether the last record has no line end: the file may be cut there.

    Raises
    ------
    RawDataError
        Missing or empty file, other encoding, other separator, a line with more or fewer fields than the header,
        duplicated column names, the header twice.
    PlanError
        Separator and decimal mark are the same, or the separator is no single character.
    """
    path = Path(path)
    name = path.name
    check_dialect(name, separator, decimal)
    text = decode(read_bytes(path), name, encoding)
    layout = find_layout(text, name, separator=separator, header=header)
    body = records(text[layout.start :], name, layout.separator, layout.line)
    _, titles = next(body, (0, []))
    # Bytes that are not blank may still be blank text: a no-break space, or a pair of quotes.
    if not any(field.strip() for field in titles):
        first = next((line for line in text.splitlines() if line.strip()), "")
        raise RawDataError(
            f"The raw file {name} has no header line", found=f"first line '{first[:60]}'", fix="export it again"
        )
    columns, rows = _collected(body, titles, text, name)
    names = _checked_names(titles, columns, name)
    frame = with_place({n: c for n, c in zip(names, columns, strict=True) if n}, name, rows)
    unfinished = ((name, rows[-1]),) if rows and not text.endswith(("\n", "\r")) else ()
    return with_legend(frame, Legend(unfinished=unfinished))
