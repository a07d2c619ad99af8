"""What every instrument's reader ends with: numbers, three states, one tidy table, and whether it is whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError

#: What instruments write where there is no Ct (folded to lower case); a blank is judged by each reader.
NO_CT_WORDS = frozenset({"undetermined", "n/a", "na", "#n/a", "nan", "no ct", "no cq"})
NO_CT = 999.0
_POINT = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}([.' \u00a0\u202f\u2009]\d{3})+)?(,\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_PLATES = ((6, 8), (8, 12), (16, 24), (32, 48))


@dataclass(frozen=True, slots=True)
class Source:
    """Where reactions come from.

    Attributes
    ----------
    name : str
        File name.
    chip : str
        Plate or chip: the file name without suffix.
    whole : bool
        The container (zip, XML) proves that nothing is cut off.
    rows : int or None
        Reactions that the file must hold, where the user knows it.
    """

    name: str
    chip: str
    whole: bool = False
    rows: int | None = None


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


def position(well: str) -> tuple[int, int] | None:
    """Return row and column (from 1) of a well like A1 or AF48; None for a number."""
    letters = well.rstrip("0123456789").upper()
    if not letters:
        return None
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row, int(well[len(letters) :])


def full_plate(wells: Sequence[str]) -> bool:
    """Tell whether the wells are those of a whole 48-, 96-, 384- or 1536-well plate."""
    places = {position(w) or int(w) for w in wells}
    return any(
        places == {(r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)}
        or places == set(range(1, rows * columns + 1))
        for rows, columns in _PLATES
    )


def reaction_table(
    source: Source,
    *,
    lines: Sequence[int],
    well: Sequence[str],
    sample: Sequence[str],
    assay: Sequence[str],
    ct: np.ndarray,
    state: Sequence[str] | np.ndarray,
    task: Sequence[str],
    sample_type: Sequence[str],
    assay_type: Sequence[str] | None = None,
    quality: np.ndarray | None = None,
    quantity: np.ndarray | None = None,
    chip: Sequence[str] | None = None,
    unproven: str | None = None,
) -> pd.DataFrame:
    """Put the reactions of one file into the table that every reader returns.

    Parameters
    ----------
    unproven : str, optional
        Why the file itself does not show that no row is missing; kept in ``attrs["length_unproven"]`` by file name.

    Raises
    ------
    RawDataError
        One well and assay stand twice, or there are not as many reactions as `source.rows` says.
    """
    n = len(lines)
    if source.rows is not None:
        if n != source.rows:
            raise RawDataError(
                f"{source.name} does not hold the reactions that it should",
                found=f"{n:,} reactions instead of {source.rows:,}",
                fix="export it again, or correct `rows` of the file in the plan",
            )
        unproven = None

    def words(values: Sequence[str] | np.ndarray | str) -> pd.Series:
        return pd.Series(values, index=range(n), dtype="str")

    known = np.full(n, np.nan) if quantity is None else np.where(np.asarray(task) == "standard", quantity, np.nan)
    frame = pd.DataFrame(
        {
            "sample": words(sample),
            "sample_type": words(sample_type),
            "assay": words(assay),
            "assay_type": words("" if assay_type is None else assay_type),
            "ct": ct,
            "state": words(state),
            "quality": np.full(n, np.nan) if quality is None else quality,
            "well": words(well),
            "chip": words(source.chip if chip is None else chip),
            "file": words(source.name),
            "row": np.asarray(lines, dtype="int64"),
            "task": words(task),
            "quantity": known,
        }
    )
    twice = frame.duplicated(["chip", "well", "assay"])
    if twice.any():
        raise RawDataError(
            f"{source.name} holds a reaction twice",
            found=f"well {frame.loc[twice, 'well'].iloc[0]} again on line {frame.loc[twice, 'row'].iloc[0]}",
            fix="export it again; it was probably put together from two files",
        )
    if unproven and not source.whole:
        frame.attrs["length_unproven"] = {source.name: unproven}
    return frame
