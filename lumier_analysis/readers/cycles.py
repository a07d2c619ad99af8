"""Numbers of instrument exports in every dialect: Ct, quantities, true and false."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lumier_analysis.errors import RawDataError

#: What instruments write where there is no Ct (folded to lower case); a blank is judged by each reader.
NO_CT_WORDS = frozenset({"undetermined", "n/a", "na", "#n/a", "nan", "no ct", "no cq"})
NO_CT = 999.0
_POINT = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}([.' \u00a0\u202f\u2009]\d{3})+)?(,\d*)?(e[+-]?\d+)?", re.IGNORECASE)


def shown(text: str) -> str:
    """Return a value for a message: as it is where it looks like a number, without its words otherwise.

    Where columns are mixed up, the words may be the name of a sample.
    """
    harmless = len(text) <= 20 and sum(c.isalpha() for c in text) <= 3
    return f"'{text}'" if harmless else f"words of {len(text)} letters"


def decimal_mark(text: Sequence[str], lines: Sequence[int], name: str) -> str | None:
    """Tell the decimal mark of a file from its Ct, which are too small for a thousands separator.

    Returns
    -------
    str or None
        "." or ","; None where no Ct has decimals.
    """
    seen: dict[str, int] = {}
    for value, line in zip(text, lines, strict=True):
        for mark in ".,":
            if mark in value:
                seen.setdefault(mark, line)
    if len(seen) == 2:
        raise RawDataError(
            f"{name} uses two decimal marks",
            found=f"a point on line {seen['.']}, a comma on line {seen[',']}",
            fix="export it again and do not edit it in a spreadsheet",
        )
    return next(iter(seen), None)


def numbers(
    text: Sequence[str], lines: Sequence[int], name: str, what: str, mark: str | None, absent: frozenset[str]
) -> np.ndarray:
    """Read numbers, with or without thousands separators; NaN where a text is one of `absent`.

    Raises
    ------
    RawDataError
        A text is no number, or ("1,000" in a file without decimals elsewhere) could be two.
    """
    values = np.full(len(text), np.nan)
    shape = _COMMA if mark == "," else _POINT
    for i, written in enumerate(text):
        if written.casefold() in absent:
            continue
        if mark is None and ("," in written):
            raise RawDataError(
                f"{name} has a {what} that can be read in two ways",
                found=f"'{written}' on line {lines[i]}, and no other number that shows the decimal mark",
                fix="export it again with a decimal point",
            )
        if not shape.fullmatch(written) or not any(c.isdigit() for c in written):
            raise RawDataError(
                f"{name} has a {what} that is no number",
                found=f"{shown(written)} on line {lines[i]}",
                fix="export it again",
            )
        plain = (
            re.sub(r"[.' \u00a0\u202f\u2009]", "", written).replace(",", ".")
            if mark == ","
            else written.replace(",", "")
        )
        values[i] = float(plain)
    bad = np.flatnonzero(np.isinf(values))
    if bad.size:
        raise RawDataError(
            f"{name} has a {what} that is too large", found=f"line {lines[bad[0]]}", fix="export it again"
        )
    return values


def cycles(text: Sequence[str], lines: Sequence[int], name: str) -> tuple[np.ndarray, str | None]:
    """Read a column of Ct.

    Returns
    -------
    ct : ndarray
        Cycles; NaN where the text is blank or says that there is none (Undetermined, N/A, NaN, 999).
    mark : str or None
        The decimal mark of the file.

    Raises
    ------
    RawDataError
        A text is neither, or a Ct lies outside 0 to 100 cycles.
    """
    written = [t for t in text if t.casefold() not in NO_CT_WORDS]
    mark = decimal_mark(written, [n for t, n in zip(text, lines, strict=True) if t.casefold() not in NO_CT_WORDS], name)
    ct = numbers(text, lines, name, "Ct", mark, NO_CT_WORDS | {""})
    ct[ct == NO_CT] = np.nan
    refuse_strange_cycles(ct, lines, name)
    return ct, mark


def refuse_strange_cycles(ct: np.ndarray, lines: Sequence[int], name: str) -> None:
    """Refuse a Ct that no run has: a spreadsheet has changed the number, or it is another column."""
    strange = np.flatnonzero((ct <= 0) | (ct > 100))
    if strange.size:
        raise RawDataError(
            f"{name} has a Ct outside 0 to 100 cycles",
            found=f"{ct[strange[0]]:g} on line {lines[strange[0]]}",
            fix="export it again and do not edit it in a spreadsheet",
        )


def flags(text: Sequence[str], lines: Sequence[int], name: str, what: str) -> np.ndarray:
    """Read a column of true and false."""
    words = {"true": True, "yes": True, "vrai": True, "false": False, "no": False, "faux": False}
    said = [words.get(t.casefold()) for t in text]
    for value, written, line in zip(said, text, lines, strict=True):
        if value is None:
            raise RawDataError(
                f"{name} has a value of '{what}' that is neither true nor false",
                found=f"{shown(written)} on line {line}",
                fix="export it again",
            )
    return np.array(said, dtype=bool)
