"""What every instrument's reader ends with: one tidy table, and whether it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError

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
    dye: Sequence[str] | None = None,
    unproven: str | None = None,
) -> pd.DataFrame:
    """Put the reactions of one file into the table that every reader returns.

    Parameters
    ----------
    dye : sequence of str, optional
        The dye of every reaction, where the export names it: a well is read once in every dye.
    unproven : str, optional
        Why the file itself does not show that no row is missing; kept in ``attrs["length_unproven"]`` by file name.

    Raises
    ------
    RawDataError
        One well and assay, or well and dye, stand twice, or there are not as many reactions as `source.rows` says.
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
    if dye is not None:
        named = frame.assign(dye=words(dye)).query("dye != ''")
        twice |= named.duplicated(["chip", "well", "dye"]).reindex(frame.index, fill_value=False)
    if twice.any():
        raise RawDataError(
            f"{source.name} holds a reaction twice",
            found=f"well {frame.loc[twice, 'well'].iloc[0]} again on line {frame.loc[twice, 'row'].iloc[0]}",
            fix="export it again; it was probably put together from two files",
        )
    if unproven and not source.whole:
        frame.attrs["length_unproven"] = {source.name: unproven}
    return frame
