"""Two ledgers side by side: every quantity of every number that is not the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lumier_analysis.pipeline.tolerances import NUMBERS, TEXTS, TOLERANCES, WHOLE, Tolerance, scale, tolerance_of

Entries = Mapping[str, Mapping[str, Any]]
GONE, NEW = "gone", "new"


@dataclass(frozen=True)
class Difference:
    """One quantity of one number that differs.

    Attributes
    ----------
    id : str
        Of the ledger.
    quantity : str
        value, se, ..., estimator, ...; "gone" or "new" where only one ledger holds the number.
    was, now : object
        Frozen and replayed; None where missing.
    relative : float
        Difference over its scale; infinite where it is no matter of numbers.
    allowed : float
        Largest relative difference that is declared.
    plan_item, notebook, cell : str
        Where the number belongs and comes from; of the replayed entry, or of the frozen one where that is gone.
    """

    id: str
    quantity: str
    was: Any
    now: Any
    relative: float
    allowed: float
    plan_item: str
    notebook: str
    cell: str

    @property
    def moved(self) -> bool:
        """Whether the difference is larger than declared."""
        return not self.relative <= self.allowed


def _number(value: Any) -> float:
    """Return a ledger number; missing is NaN."""
    return math.nan if value is None else float(value)


def _relative(entry: Mapping[str, Any], quantity: str, was: Any, now: Any) -> float | None:
    """Return the relative difference of two numbers, None where they are the same."""
    before, after = _number(was), _number(now)
    if before == after or (math.isnan(before) and math.isnan(after)):
        return None
    if not (math.isfinite(before) and math.isfinite(after)):
        return math.inf
    return abs(after - before) / scale(entry, quantity, before, after)


def _missing(id: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Difference:
    """Return the difference of a number that only one of the ledgers holds."""
    word = NEW if old is None else GONE
    return Difference(id, word, (old or {}).get("value"), (new or {}).get("value"), math.inf, 0.0, **_place(old, new))


def _place(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, str]:
    """Return where a number belongs and comes from."""
    either = new or old or {}
    return {name: str(either.get(name) or "") for name in ("plan_item", "notebook", "cell")}


def _ids(frozen: Entries, replayed: Entries) -> list[str]:
    return [*frozen, *(id for id in replayed if id not in frozen)]


def compare_ledgers(
    frozen: Entries, replayed: Entries, tolerances: tuple[Tolerance, ...] = TOLERANCES
) -> tuple[Difference, ...]:
    """Compare every quantity of every number.

    Parameters
    ----------
    frozen, replayed : mapping
        Ledger id -> entry as it stands in the ledger file (NaN as None).
    tolerances : tuple of Tolerance
        See `tolerance_of`.

    Returns
    -------
    tuple of Difference
        In the order of the frozen ledger, then what is new. Empty where every quantity is the same. The notebook cell
        is no quantity of a number: a number that another cell writes now has not moved.
    """
    found: list[Difference] = []
    for id in _ids(frozen, replayed):
        old, new = frozen.get(id), replayed.get(id)
        if old is None or new is None:
            found.append(_missing(id, old, new))
            continue
        allowed, place = tolerance_of(old, tolerances).relative, _place(old, new)
        for quantity in NUMBERS:
            was, now = old.get(quantity), new.get(quantity)
            relative = _relative(old, quantity, was, now)
            if relative is not None:
                found.append(Difference(id, quantity, was, now, relative, allowed, **place))
        for quantity in (*WHOLE, *TEXTS):
            was, now = old.get(quantity), new.get(quantity)
            if was != now:
                found.append(Difference(id, quantity, was, now, math.inf, 0.0, **place))
    return tuple(found)


def compare_shown(frozen: Entries, replayed: Entries) -> tuple[Difference, ...]:
    """Compare two ledgers as disclosure control shows them: texts, which must be the same to the letter."""
    found: list[Difference] = []
    for id in _ids(frozen, replayed):
        old, new = frozen.get(id), replayed.get(id)
        if old is None or new is None:
            found.append(_missing(id, old, new))
            continue
        for quantity in (q for q in dict.fromkeys((*old, *new)) if q not in ("id", "cell")):
            was, now = old.get(quantity), new.get(quantity)
            if was != now:
                found.append(Difference(id, quantity, was, now, math.inf, 0.0, **_place(old, new)))
    return tuple(found)
