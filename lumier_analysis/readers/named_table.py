"""The one table inside a text export, its columns found by name, its end told from a cut.

Instruments put lines of settings above the table and lines of settings, or whole sections, below it. Columns come in
any order, some twice, some not at all: nothing is taken by position.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.decode import records
from lumier_analysis.readers.names import fold_name

#: A well of a plate ("A1", "A01", "AF48"), or its number.
WELL = re.compile(r"[A-Za-z]{1,2}\d{1,2}|\d{1,4}")
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_SEPARATORS = "\t;,"
#: Where a cut inside the last field would not show in any other way.
_CLOSED_BY_THEMSELVES = {"0", "true", "false"}


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table of text, by our names of its columns.

    Attributes
    ----------
    header : int
        1-based line of the column names.
    lines : list of int
        1-based line of every row.
    columns : dict of str to list of str
        Values without surrounding blanks, for the columns that the export has.
    followed : bool
        Text stands below the table, so the file is not cut inside it.
    """

    header: int
    lines: list[int]
    columns: dict[str, list[str]]
    followed: bool

    def get(self, what: str) -> list[str]:
        """Return a column, or blanks where the export does not have it."""
        return self.columns.get(what) or [""] * len(self.lines)

    def keep(self, rows: Sequence[bool]) -> NamedTable:
        """Return the table with some of its rows."""
        columns = {what: list(compress(values, rows)) for what, values in self.columns.items()}
        return replace(self, lines=list(compress(self.lines, rows)), columns=columns)


def _physical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield number, offset and content of every line, whatever ends the lines."""
    for number, match in enumerate(_LINE.finditer(text), start=1):
        if match.start() < len(text):
            yield number, match.start(), match[1]


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _positions(header: list[str], names: Sequence[str]) -> list[int]:
    """Return where a column stands (more than once, where it is written twice); the first name that occurs counts."""
    for wanted in names:
        if found := [i for i, h in enumerate(header) if h == wanted]:
            return found
    return []


def find_header(
    text: str, wanted: Mapping[str, Sequence[str]], required: Sequence[str]
) -> tuple[int, int, str, list[str]] | None:
    """Return line, offset, separator and folded names of the first line that names every required column."""
    for number, offset, line in _physical_lines(text):
        separators = [s for s in _SEPARATORS if s in line]
        for separator in separators:
            header = [fold_name(f) for f in _split(line, separator)]
            if all(_positions(header, wanted[what]) for what in required):
                return number, offset, separator, header
    return None


def _gap(fields: list[str]) -> int:
    """Count the lines that a record covers: quoted fields may hold line ends."""
    return 1 + sum(len(re.findall(r"\r\n|\r|\n", f)) for f in fields)


def read_named_table(
    text: str,
    name: str,
    wanted: Mapping[str, Sequence[str]],
    required: Sequence[str],
    first_line: int = 1,
    droppable: Collection[str] = (),
) -> NamedTable:
    """Read the table whose header names the required columns.

    Parameters
    ----------
    text : str
        The export, or the section of it in which the table stands.
    name : str
        File name, for messages.
    wanted : mapping
        Our name of a column -> its names in exports (folded, see `fold_name`), best first. "well" must be among them.
    required : sequence of str
        Columns without which a line is not the header.
    first_line : int
        Line of the file on which `text` starts.
    droppable : collection of str
        Columns that a row may leave out at its end where they are blank.

    Returns
    -------
    NamedTable

    Raises
    ------
    RawDataError
        No such header, no row, a row that is cut, too long or without well, two columns of one name that disagree, or
        rows below the table's end.
    """
    found = find_header(text, wanted, required)
    if found is None:
        shown = ", ".join(wanted[what][0] for what in required)
        raise RawDataError(
            f"{name} has no line of column names", found=f"no line with {shown}", fix="export the results again"
        )
    number, offset, separator, header = found
    above = first_line + number - 2
    where = {what: p for what, names in wanted.items() if (p := _positions(header, names))}
    need = 1 + max(p[0] for what, p in where.items() if what not in droppable)
    well = where["well"][0]

    rows: list[tuple[int, list[str]]] = []
    end, rest = None, iter(records(text[offset:], name, separator))
    expected = 1 + _gap(next(rest)[1])
    for line, fields in rest:
        section = fields[0].startswith("[") and not any(f.strip() for f in fields[1:])
        if line > expected or section or not any(f.strip() for f in fields):
            end = line
            break
        expected = line + _gap(fields)
        at = above + line
        if len(fields) < need or any(f.strip() for f in fields[len(header) :]):
            raise RawDataError(
                f"{name} is cut or damaged: line {at} is no whole row of its table",
                found=f"{len(fields)} fields where the header has {len(header)}",
                fix="export it again",
            )
        if not WELL.fullmatch(fields[well].strip()):
            raise RawDataError(
                f"{name} is cut or damaged: line {at} names no well", found="no well like A1", fix="export it again"
            )
        rows.append((at, fields))
    if not rows:
        raise RawDataError(f"{name} holds no reaction below its header on line {above + 1}", fix="export it again")
    if end is not None:
        _refuse_stray_rows(text[offset:], end, above, separator, name, well, where.get("ct", [well])[0], need)
    elif not text.endswith(("\n", "\r")):
        last = rows[-1][1]
        used = {i for what, p in where.items() if what not in droppable for i in p}
        if len(last) - 1 in used and fold_name(last[-1]) not in _CLOSED_BY_THEMSELVES:
            raise RawDataError(
                f"{name} may be cut: its last line has no end",
                found=f"line {rows[-1][0]} ends inside a field that is used",
                fix="export it again, or end the last line with a line break if it is whole",
            )
    columns = {what: _agreeing(rows, p, header[p[0]], name) for what, p in where.items()}
    return NamedTable(above + 1, [line for line, _ in rows], columns, end is not None)


def _agreeing(rows: list[tuple[int, list[str]]], positions: list[int], title: str, name: str) -> list[str]:
    """Return a column; where it is written twice, both must say the same (a blank says nothing)."""
    if len(positions) == 1:
        at = positions[0]
        return [fields[at].strip() if at < len(fields) else "" for _, fields in rows]
    values = []
    for line, fields in rows:
        said = {fields[i].strip() for i in positions if i < len(fields)} - {""}
        if len(said) > 1:
            raise RawDataError(
                f"{name} has two columns '{title}' that disagree",
                found=f"different values on line {line}",
                fix="export it again, or remove the wrong one",
            )
        values.append(said.pop() if said else "")
    return values


def _refuse_stray_rows(
    text: str, end: int, above: int, separator: str, name: str, well: int, ct: int, need: int
) -> None:
    """Refuse rows of the table below the line that ended it: passing over them would shorten the table."""
    for number, _, line in _physical_lines(text):
        if number < end:
            continue
        if number > end and line.startswith("["):
            return
        fields = _split(line, separator)
        if len(fields) >= need and WELL.fullmatch(fields[well].strip()) and fields[ct].strip():
            raise RawDataError(
                f"{name} has a reaction below the end of its table",
                found=f"line {above + number}, after a blank line",
                fix="remove the blank line, or export it again",
            )
