"""Disclosure control: what goes under reports/ shows no small cell and no patient.

The full ledger stays in the study's analysis folder. Here counts from 1 to threshold - 1 become a marker, never 0 and
never a blank, and a second cell is withheld where the first could be worked out from a total.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.reporting.wording import count_text, interval_text, number_text

if TYPE_CHECKING:
    from lumier_analysis.reporting.ledger import Entry

SUPPRESSION_THRESHOLD = 5  # used where no plan is at hand; plan.disclosure.threshold otherwise
WITHHELD = "[c]"  # a cell that is not small itself, withheld so that a small one cannot be worked out

Cell = int | str
# "3 of 144 rows", "4 event patients": counts of people or visits inside a sentence.
_COUNT_IN_TEXT = re.compile(
    r"(?<![\w.])(\d+)(?= (?:of \d+ )?(?:event )?(?:rows?|patients?|visits?|landmarks?|events?|flares?|samples?)\b)"
)


def marker(threshold: int = SUPPRESSION_THRESHOLD) -> str:
    """Return what stands for a small count: ``<5``."""
    return f"<{threshold}"


def legend(threshold: int = SUPPRESSION_THRESHOLD) -> str:
    """Return the sentence that explains the markers."""
    return (
        f"Counts from 1 to {threshold - 1} are shown as {marker(threshold)}; {WITHHELD} marks a number withheld "
        "so that a small count cannot be worked out."
    )


def is_small(n: float | int | None, threshold: int = SUPPRESSION_THRESHOLD) -> bool:
    """Tell whether a count is from 1 to threshold - 1."""
    return n is not None and not pd.isna(n) and 0 < n < threshold


def suppress_number(n: Any, threshold: int = SUPPRESSION_THRESHOLD) -> Cell | None:
    """Return the count, or the marker where it is small; None where it is missing."""
    if n is None or isinstance(n, str):
        return n
    if pd.isna(n):
        return None
    if n < 0 or n != int(n):
        raise UsageError("Only counts can be suppressed", found=f"{n}", fix="give whole numbers of at least 0")
    return marker(threshold) if is_small(n, threshold) else int(n)


def suppress_text(text: str, threshold: int = SUPPRESSION_THRESHOLD) -> str:
    """Return a sentence whose small counts of patients, visits or rows are replaced by the marker."""
    return _COUNT_IN_TEXT.sub(lambda m: marker(threshold) if is_small(int(m[1]), threshold) else m[1], text)


def gives_away(counts: Sequence[Any], shown: Sequence[Any], threshold: int, *, unshown: Sequence[int] = ()) -> bool:
    """Tell whether a reader who knows the total of a group can work out one of its small cells.

    She knows that the marker stands for 1 to threshold - 1 and `WITHHELD` for at least the threshold, so each hidden
    cell lies between two bounds; where they meet, it is known. Hidden cells that add up to less than the threshold are
    a small group themselves.

    Parameters
    ----------
    counts, shown : sequences, shape (n_cells,)
        The cells as they are and as they are printed.
    unshown : sequence of int
        Positions of cells that are not printed at all.
    """
    hidden = [i for i, cell in enumerate(shown) if isinstance(cell, str) or (i in unshown and counts[i])]
    if not any(is_small(counts[i], threshold) for i in hidden):
        return False
    total = sum(counts[i] for i in hidden)
    low = {i: 0 if i in unshown else threshold if shown[i] == WITHHELD else 1 for i in hidden}
    high = {i: threshold - 1 if i not in unshown and shown[i] != WITHHELD else math.inf for i in hidden}
    for i in (i for i in hidden if is_small(counts[i], threshold)):
        least = max(low[i], total - sum(high[j] for j in hidden if j != i))
        most = min(high[i], total - sum(low[j] for j in hidden if j != i))
        if least == most:
            return True
    return bool(total < threshold)


def suppress_group(
    counts: Sequence[Any], threshold: int = SUPPRESSION_THRESHOLD, *, unshown: Sequence[int] = ()
) -> list[Cell | None]:
    """Suppress the cells of a group whose total is known to the reader.

    Small cells get the marker; then the next smallest cells are withheld, one by one, until no small cell can be
    worked out (see `gives_away`). Where even that does not help, the total must not be shown.

    Parameters
    ----------
    counts : sequence of int, shape (n_cells,)
        Counts that add up to the known total; missing cells pass as None.
    unshown : sequence of int
        Positions of cells that the table does not print at all (the "no" of a yes/no row).

    Returns
    -------
    list, shape (n_cells,)
        int where shown, text where suppressed.
    """
    cells = [None if n is None or pd.isna(n) else n for n in counts]
    shown = [suppress_number(n, threshold) for n in cells]
    others = [i for i, n in enumerate(cells) if n and not is_small(n, threshold) and i not in unshown]
    others.sort(key=lambda i: (cells[i], i))
    while others and gives_away(cells, shown, threshold, unshown=unshown):
        shown[others.pop(0)] = WITHHELD
    return shown


def suppress_counts(counts: Any, threshold: int = SUPPRESSION_THRESHOLD, *, total_shown: bool = True) -> Any:
    """Suppress small counts in a number, a Series or a DataFrame.

    Parameters
    ----------
    counts : int, Series or DataFrame
        Counts of patients or visits. A Series is one group; each column of a DataFrame is one group.
    threshold : int
        Counts from 1 to threshold - 1 are suppressed; 0 is shown.
    total_shown : bool
        Whether the reader knows each group's total, which calls for secondary suppression.

    Returns
    -------
    int or str, Series or DataFrame of object
        Same shape and labels.

    Raises
    ------
    UsageError
        A cell is negative or no whole number.
    """
    if isinstance(counts, pd.DataFrame):
        columns = {
            i: suppress_counts(counts.iloc[:, i], threshold, total_shown=total_shown) for i in range(counts.shape[1])
        }
        frame = pd.DataFrame(columns, index=counts.index)
        frame.columns = counts.columns
        return frame
    if isinstance(counts, pd.Series):
        cells = list(counts)
        shown = suppress_group(cells, threshold) if total_shown else [suppress_number(n, threshold) for n in cells]
        return pd.Series(shown, index=counts.index, name=counts.name, dtype=object)
    return suppress_number(counts, threshold)


def count_percent(cell: Cell | None, total: int, digits: int = 0) -> str:
    """Return ``n (p %)``; a suppressed cell has no percentage, since it would give the count away."""
    if cell is None or isinstance(cell, str):
        return cell or ""
    if total == 0:
        return str(cell)
    return f"{cell} ({100 * cell / total:.{digits}f} %)"


def suppress_bars(counts: Any, threshold: int = SUPPRESSION_THRESHOLD) -> np.ndarray:
    """Return counts as floats with NaN where small, for histograms (drawn hatched at the threshold)."""
    values = np.asarray(counts, dtype=float)
    return np.where((values > 0) & (values < threshold), np.nan, values)


@dataclass(frozen=True, slots=True)
class Shown:
    """A ledger entry as it may be shown: texts only, but for the p-value."""

    value: str
    interval: str
    p_value: float | None
    n_patients: str
    n_rows: str
    n_events: str
    withheld: bool
    note: str

    @property
    def text(self) -> str:
        """Value and interval in one."""
        return f"{self.value} ({self.interval})" if self.interval else self.value


def shown_entry(entry: Entry, threshold: int = SUPPRESSION_THRESHOLD, digits: int = 3) -> Shown:
    """Pass a ledger entry through disclosure control.

    A small count becomes the marker, in the note too. An estimate that rests on fewer patients, rows or events than
    the threshold is withheld altogether: a proportion of 3 gives the 3 away.
    """
    denominators = (entry.n_patients, entry.n_rows, entry.n_events)
    names = ("patients", "rows", "events")
    n_patients, n_rows, n_events = (count_text(suppress_number(n, threshold)) for n in denominators)
    small = [name for name, n in zip(names, denominators, strict=True) if is_small(n, threshold)]
    note, withheld = suppress_text(entry.note, threshold), False
    if entry.kind == "count":
        # A missing count has a note; everything else is whole (the ledger saw to it).
        finite = math.isfinite(entry.value)
        value = count_text(suppress_number(entry.value, threshold)) if finite else "not available"
        withheld = is_small(entry.value, threshold)
        return Shown(value, "", None, n_patients, n_rows, n_events, withheld, note)
    if entry.kind == "estimate" and small and not math.isnan(entry.value):
        reason = f"withheld: fewer than {threshold} {' and '.join(small)}"
        return Shown(WITHHELD, "", None, n_patients, n_rows, n_events, True, reason)
    if math.isnan(entry.value):
        return Shown("not estimable", "", None, n_patients, n_rows, n_events, withheld, note)
    if entry.kind == "number" and entry.value.is_integer():
        value = count_text(entry.value)
    else:
        value = number_text(entry.value, digits)
    interval = interval_text(entry.ci_low, entry.ci_high, digits) if entry.level is not None else ""
    return Shown(value, interval, entry.p_value, n_patients, n_rows, n_events, withheld, note)
