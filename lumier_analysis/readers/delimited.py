"""CSV exports of electronic case report forms and of biobanks, as text: nothing is converted here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers.decode import decode, read_bytes, records

_SEPARATORS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}


def _separator(header: str, name: str, separator: str | None) -> str:
    """Return the separator of the header line, or refuse the one the plan states."""
    counts = {s: header.count(s) for s in _SEPARATORS}
    used = max(counts, key=lambda s: counts[s])
    if separator is None:
        return used
    if separator not in header and counts[used]:
        shown = "\\t" if used == "\t" else used
        raise RawDataError(
            f"The header of {name} does not hold the separator that the plan states, {separator!r}",
            found=f"the separator seems to be a {_SEPARATORS[used]}",
            fix=f'set `separator: "{shown}"` for {name} under `files` in the plan',
        )
    return separator


def _checked_names(header: list[str], rows: list[list[str]], name: str) -> list[str]:
    """Return the column names; duplicated ones, and nameless columns that hold data, are refused."""
    names = [h.strip() for h in header]
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
    for i, n in enumerate(names):
        if not n and any(row[i].strip() for row in rows):
            raise RawDataError(
                f"The raw file {name} has a column without a name that holds data",
                found=f"column {i + 1}",
                fix="name the column in the export",
            )
    return names


def read_delimited(
    path: str | Path, *, separator: str | None = None, decimal: str = ".", encoding: str | None = None
) -> pd.DataFrame:
    """Read a delimited text file, every value as it is written.

    Parameters
    ----------
    path : path
        File with one header line. Blank lines are passed over; columns without name and content too.
    separator : str, optional
        One character; enforced where given, otherwise the most frequent of semicolon, comma, tab and bar in the header.
    decimal : {".", ","}
        Decimal mark of the file. Only checked to differ from the separator: values stay text.
    encoding : str, optional
        Enforced where given (see `decode.decode`).

    Returns
    -------
    DataFrame of str
        One row a record, in file order; no value is missing, an empty field is "". Two more columns say where the
        record stands: ``__file__`` (file name) and ``__row__`` (1-based line on which it starts, the header being 1).

    Raises
    ------
    RawDataError
        Missing or empty file, other encoding, other separator, a line with more or fewer fields than the header,
        duplicated column names.
    PlanError
        Separator and decimal mark are the same, or the separator is no single character.
    """
    path = Path(path)
    name = path.name
    if separator is not None and len(separator) != 1:
        raise PlanError(f"The plan gives {name} a separator that is not one character", found=repr(separator))
    if separator is not None and separator == decimal:
        raise PlanError(
            f"The plan gives {name} the same separator and decimal mark",
            found=repr(separator),
            fix=f"correct `separator` or `decimal` of {name} under `files`",
        )
    text = decode(read_bytes(path), name, encoding)
    first = next((line for line in text.splitlines() if line.strip()), "")
    parsed = list(records(text, name, _separator(first, name, separator)))
    # Bytes that are not blank may still be blank text: a no-break space, or a pair of quotes.
    if not parsed or not any(field.strip() for field in parsed[0][1]):
        raise RawDataError(
            f"The raw file {name} has no header line", found=f"first line '{first[:60]}'", fix="export it again"
        )
    (_, header), body = parsed[0], parsed[1:]
    for line, fields in body:
        if len(fields) != len(header):
            cut = line == body[-1][0] and not text.endswith(("\n", "\r"))
            raise RawDataError(
                f"The raw file {name} {'is cut in its last line' if cut else 'has a broken line'}",
                found=f"{len(fields)} fields instead of {len(header)} on line {line}",
                fix="export the file again" if cut else f"look at line {line} for an unquoted separator or line break",
            )
    names = _checked_names(header, [fields for _, fields in body], name)
    columns = {n: [fields[i] for _, fields in body] for i, n in enumerate(names) if n}
    frame = pd.DataFrame(columns, dtype="str")
    frame["__file__"] = pd.Series(name, index=frame.index, dtype="str")
    frame["__row__"] = pd.Series([line for line, _ in body], index=frame.index, dtype="int64")
    return frame
