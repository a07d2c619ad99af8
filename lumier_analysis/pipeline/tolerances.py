"""How far a rerun number may stand from the frozen one: one table, and the scale a difference is measured on.

On the same processor with the same package versions a rerun must give the same bytes, and no tolerance applies.
Elsewhere sums are taken in another order, so that a closed form differs in its last bits and an iteration stops one
step earlier or later.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Quantities of a ledger entry that are compared as numbers, and those that must be the same to the letter.
NUMBERS = ("value", "se", "ci_low", "ci_high", "p_value")
WHOLE = ("n_patients", "n_rows", "n_events")
TEXTS = ("estimator", "note", "level", "kind", "unit", "label", "plan_item", "notebook")
#: p-values below it are printed as "<0.001": they are compared with it, not with themselves.
SMALLEST_P = 0.001


@dataclass(frozen=True)
class Tolerance:
    """One line of the table: which numbers, the largest relative difference, and why it is not zero.

    Attributes
    ----------
    name : str
    relative : float
        Largest difference, relative to the scale of the quantity (see `scale`); 0 for none.
    estimators : str
        Regular expression that the estimator of the entry must match; empty for every entry.
    why : str
    """

    name: str
    relative: float
    estimators: str
    why: str

    def covers(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether the line is about this entry."""
        return bool(re.search(self.estimators, str(entry.get("estimator") or ""), re.IGNORECASE))


_ITERATIVE = (
    "bootstrap|cross-validation|optimism|imputation|Rubin|likelihood|REML|mixed model|Repeated measures|logistic|"
    "elastic net|Cox|loess|spline"
)
_CLOSED = (
    r"DeLong|Obuchowski|jackknife|pairs within|Wilson|Clopper|^median$|^q1$|^q3$|^mean$|^sd$|"
    r"analysis of variance|correlation|Kaplan|Aalen"
)
#: The first line that covers an entry counts. Counts, denominators and texts have no tolerance at all.
TOLERANCES = (
    Tolerance("iterative and resampled", 1e-6, _ITERATIVE, "an optimiser may stop a step earlier or later"),
    Tolerance("closed form", 1e-9, _CLOSED, "sums of some thousand terms in another order"),
    Tolerance("all other numbers", 1e-6, "", "nothing is known of the estimator"),
)
#: Counts and whole numbers.
EXACT = Tolerance("counts and whole numbers", 0.0, "", "there is nothing to round")
#: The same processor, system, Python and packages.
SAME_MACHINE = (Tolerance("same machine and versions", 0.0, "", "the same operations in the same order"),)


def tolerance_of(entry: Mapping[str, Any], tolerances: tuple[Tolerance, ...] = TOLERANCES) -> Tolerance:
    """Return the line of the table that covers a ledger entry; no tolerance where none does."""
    value = entry.get("value")
    whole = isinstance(value, int | float) and math.isfinite(value) and float(value).is_integer()
    if entry.get("kind") == "count" or (entry.get("kind") == "number" and whole):
        return EXACT
    return next((line for line in tolerances if line.covers(entry)), EXACT)


def scale(entry: Mapping[str, Any], quantity: str, was: float, now: float) -> float:
    """Return what a difference is relative to.

    An estimate and its limits are measured against the larger of themselves and the standard error: an estimate of
    nearly zero has no relative precision of its own. A p-value is measured against itself, but at least `SMALLEST_P`.
    """
    largest = max(abs(was), abs(now))
    if quantity == "p_value":
        return max(largest, SMALLEST_P)
    se = entry.get("se")
    return max(largest, abs(se)) if isinstance(se, int | float) and math.isfinite(se) else largest


def tolerance_lines(tolerances: tuple[Tolerance, ...] = TOLERANCES) -> list[str]:
    """Return the table as lines to print."""
    lines = [f"  {line.name:<28} {f'{line.relative:.0e}' if line.relative else 'none':<8} {line.why}"
             for line in (EXACT, *tolerances)]  # fmt: skip
    return [
        "Tolerances, relative to the larger of the number and its standard error (a p-value: at least 0.001):",
        *lines,
    ]
