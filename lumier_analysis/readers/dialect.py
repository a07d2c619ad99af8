"""What a delimited file is like where the plan does not say: separator, header line, decimal mark."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from lumier_analysis.errors import RawDataError

SEPARATORS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
#: Records looked at to find the separator: enough to see a pattern, few enough to cost nothing.
_SAMPLE_RECORDS, _SAMPLE_CHARACTERS = 200, 200_000
#: A title above a table is short, and no table itself: few lines, few marks in each.
_MOST_TITLES, _MOST_MARKS = 10, 2
_LINE_END = re.compile(r"\r\n|\r|\n")


class Layout(NamedTuple):
    """Separator, and where the header stands: its 1-based line and its position in the text."""

    separator: str
    line: int
    start: int


class _Fit(NamedTuple):
    """How well a separator fits: leading records of one field, and the width of all others (0: they differ)."""

    skipped: int
    width: int


def _shown(separator: str) -> str:
    return "\\t" if separator == "\t" else separator


def _starts(text: str) -> list[int]:
    """Return where the first lines of a text start."""
    return [0, *(m.end() for m in _LINE_END.finditer(text[:_SAMPLE_CHARACTERS]))]


def _are_titles(lines: list[str]) -> bool:
    """Tell whether lines above a table are a title, and not a table of another dialect that must not be skipped."""
    counts = {s: [line.count(s) for line in lines] for s in SEPARATORS}
    regular = any(len(lines) > 1 and len(set(n)) == 1 and n[0] > 0 for n in counts.values())
    return len(lines) <= _MOST_TITLES and not regular and all(max(n) <= _MOST_MARKS for n in counts.values())


def _fit(sample: str, separator: str) -> _Fit:
    widths: list[int] = []
    titles: list[str] = []
    try:
        for fields in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
            if fields and (len(fields) > 1 or fields[0].strip()):
                widths.append(len(fields))
                if max(widths) == 1:
                    titles.append(fields[0])
            if len(widths) == _SAMPLE_RECORDS:
                break
    except csv.Error:  # a field beyond csv's limit: some quote is open, and `records` will say where
        return _Fit(0, 0)
    skipped = next((i for i, width in enumerate(widths) if width > 1), len(widths))
    rest = set(widths[skipped:])
    if len(rest) != 1 or (titles and not _are_titles(titles)):
        return _Fit(0, 0)
    return _Fit(skipped, rest.pop())


def _sample(text: str) -> str:
    """Return the beginning of a text, up to the end of a line."""
    if len(text) <= _SAMPLE_CHARACTERS:
        return text
    last = max(text.rfind("\n", 0, _SAMPLE_CHARACTERS), text.rfind("\r", 0, _SAMPLE_CHARACTERS))
    return text[: last + 1] if last > 0 else text


def _most_frequent(line: str) -> str:
    return max(SEPARATORS, key=line.count)


def _find_separator(sample: str, header: str, name: str) -> str:
    """Return the separator that cuts all records into the same number of fields, at least two."""
    fits = {s: _fit(sample, s) for s in SEPARATORS}
    good = {s: fit for s, fit in fits.items() if fit.width > 1}
    if not good:
        return _most_frequent(header)
    # The header belongs to the table: a separator that leaves it whole explains less than one that does not.
    if any(fit.skipped == 0 for fit in good.values()):
        good = {s: fit for s, fit in good.items() if fit.skipped == 0}
    widest = max(fit.width for fit in good.values())
    best = [s for s, fit in good.items() if fit.width == widest]
    if len(best) > 1:
        raise RawDataError(
            f"The separator of {name} cannot be told",
            found=f"{widest} columns with " + " and with ".join(f"a {SEPARATORS[s]}" for s in best),
            fix=f'set for example `separator: "{_shown(best[0])}"` for {name} under `files` in the plan',
        )
    return best[0]


def _is_cut(text: str, start: int, separator: str) -> bool:
    """Tell whether the separator cuts the line that starts there into fields."""
    end = _LINE_END.search(text, start)
    return len(next(csv.reader([text[start : end.start() if end else len(text)]], delimiter=separator), [])) > 1


def find_layout(text: str, name: str, *, separator: str | None = None, header: int | None = None) -> Layout:
    """Find the separator and the header line of a delimited text.

    The header is the first line that is not blank, unless lines without any separator (a title, the date of the
    export, Excel's ``sep=;``) stand above a table of at least two columns.

    Parameters
    ----------
    text : str
    name : str
        File name, for messages.
    separator : str, optional
        One character; enforced where given, otherwise the one of semicolon, comma, tab and bar that cuts the records
        into the same number of fields.
    header : int, optional
        1-based line of the column names; enforced where given.

    Raises
    ------
    RawDataError
        The header lacks the stated separator, two separators fit, or the stated header line does not exist.
    """
    starts = _starts(text)
    line = 1
    if header is not None:
        if header > len(starts) or not text[starts[header - 1] :].strip():
            raise RawDataError(
                f"The raw file {name} has no line {header}, on which the plan puts its header",
                found=f"{len(text.splitlines())} lines",
                fix=f"correct `header` for {name} under `files` in the plan",
            )
        line = header
    elif (told := re.match(r'\s*"?sep=(.)"?(?:\r\n|\r|\n)', text)) and separator in (None, told[1]):
        separator, line = told[1], next(i for i, s in enumerate(starts, 1) if s >= told.end())
    start = starts[line - 1]
    sample = _sample(text[start:])
    first = next((row for row in _LINE_END.split(sample) if row.strip()), "")
    used = _find_separator(sample, first, name) if separator is None else separator
    fit = _fit(sample, used)
    if separator is not None and separator not in first and not fit.width > 1:
        seen = _most_frequent(first)
        if first.count(seen):
            raise RawDataError(
                f"The header of {name} does not hold the separator that the plan states, {separator!r}",
                found=f"the separator seems to be a {SEPARATORS[seen]}",
                fix=f'set `separator: "{_shown(seen)}"` for {name} under `files` in the plan',
            )
    if header is None and fit.skipped and fit.width > 1:
        line, start = next((i, s) for i, s in enumerate(starts, 1) if i >= line and _is_cut(text, s, used))
    return Layout(used, line, start)


_COMMA, _POINT = (re.compile(rf"[0-9 \u00a0\u202f]*{mark}[0-9]+(?:[^0-9,.].*)?") for mark in (",", r"\."))
#: "1,234" may be a thousand or one and a bit; "0,234" and "1,23" may not.
_EITHER = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}(?:[^0-9,.].*)?")


def find_decimal(columns: Mapping[str, pd.Series], rows: pd.Series, name: str) -> str:
    """Find the decimal mark of columns of numbers.

    Parameters
    ----------
    columns : mapping of str to Series of text
        The columns that the plan says hold numbers, without missing codes.
    rows : Series of int
        The line of each value, for messages; values themselves are never shown.
    name : str
        File name, for messages.

    Returns
    -------
    {".", ","}
        "." where no value has decimals.

    Raises
    ------
    RawDataError
        Both marks are used, or every value could also be a whole number with a thousands mark ("1,234").
    """
    seen: dict[str, tuple[int, str, int]] = {}
    clear = False
    for column, text in columns.items():
        codes, distinct = pd.factorize(text)
        for mark, pattern in ((",", _COMMA), (".", _POINT)):
            numbers = [str(v).strip().lstrip("<>=≤≥+-\u2212 ") for v in distinct]
            hits = [i for i, v in enumerate(numbers) if pattern.fullmatch(v)]
            if hits:
                clear |= any(not _EITHER.fullmatch(numbers[i]) for i in hits)
                at = pd.Series(codes).isin(hits).to_numpy()
                n, where, line = seen.get(mark, (0, column, int(rows[at].iloc[0])))
                seen[mark] = (n + int(at.sum()), where, line)
    if not seen:
        return "."
    words = {",": "comma", ".": "point"}
    found = "; ".join(
        f"{n} value{'s' if n > 1 else ''} with a decimal {words[m]} (first in {c}, line {line})"
        for m, (n, c, line) in seen.items()
    )
    if len(seen) > 1:
        usual = max(seen, key=lambda mark: seen[mark][0])
        raise RawDataError(
            f"The raw file {name} uses both decimal marks",
            found=found,
            fix=f'set `decimal: "{usual}"` for it under `files` in the plan; the other values become queries',
        )
    (mark,) = seen
    if not clear:
        raise RawDataError(
            f"The decimal mark of {name} cannot be told from a thousands mark",
            found=f"{found}, all with exactly three digits after it",
            fix=f'set `decimal: "{mark}"` for it under `files` in the plan if the {words[mark]} sets decimals apart',
        )
    return mark
