"""What a replay found, as lines to print."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lumier_analysis.pipeline.compare_ledgers import GONE, NEW, Difference
from lumier_analysis.pipeline.tolerances import SAME_MACHINE, tolerance_lines

if TYPE_CHECKING:
    from lumier_analysis.pipeline.compare_runs import Replay

#: How many differences, causes of a notebook, and files are printed.
SHOWN, SHOWN_CAUSES, SHOWN_FILES = 60, 8, 10


def _text(value: Any) -> str:
    """Return a value with every digit a double holds."""
    if value is None:
        return "missing"
    return f"{value:.17g}" if isinstance(value, float) else str(value) or "(empty)"


def _by_how_much(difference: Difference) -> str:
    if difference.quantity in (GONE, NEW):
        return difference.quantity
    return f"{difference.relative:.1e}" if math.isfinite(difference.relative) else "changed"


def _some(items: list[str], limit: int) -> list[str]:
    """Return the first items, and how many more there are."""
    return items[:limit] + ([f"... and {len(items) - limit} more"] if len(items) > limit else [])


def _table(found: Replay, differences: tuple[Difference, ...]) -> list[str]:
    """Return a block a notebook cell: what moved, by how much, where it belongs."""
    lines: list[str] = []
    place = None
    for difference in differences[:SHOWN]:
        here = (difference.plan_item, difference.notebook, difference.cell)
        if here != place:
            title = found.titles.get(difference.plan_item, "")
            cell = f", cell {difference.cell}" if difference.cell else ""
            lines.append(f"{difference.plan_item}: {title} (notebook {difference.notebook}{cell})")
            place = here
        quantity = "value" if difference.quantity in (GONE, NEW) else difference.quantity
        was, now = _text(difference.was), _text(difference.now)
        lines.append(f"  {difference.id}  {quantity}  was {was}  now {now}  {_by_how_much(difference)}")
    if len(differences) > SHOWN:
        lines.append(f"  ... and {len(differences) - SHOWN} more")
    return lines


def _explanation(found: Replay, differences: tuple[Difference, ...]) -> list[str]:
    """Return what explains the differences, notebook by notebook."""
    lines: list[str] = []
    for notebook in dict.fromkeys(d.notebook for d in differences):
        why = list(found.causes.get(notebook, ("no stage of the plan writes this notebook's ledger now",)))
        lines.append(f"Explained, for notebook {notebook}, by:")
        lines += [f"  {line}" for line in _some(why, SHOWN_CAUSES)]
        if inputs := found.inputs.get(notebook):
            lines.append(f"  (inputs that differ: {', '.join(_some(inputs, SHOWN_CAUSES))})")
    return lines


def _verdict(found: Replay) -> str:
    """Return the outcome as one sentence."""
    numbers = f"{found.n_numbers} {'disclosed numbers' if found.shown_only else 'numbers of the ledger'}"
    n = len(dict.fromkeys(d.id for d in found.differences))
    if found.outcome == "identical":
        return f"Identical: {numbers} and {found.n_files} files are the same to the last byte."
    if found.outcome == "numbers identical":
        return f"Every one of the {numbers} is identical; {len(found.files)} of {found.n_files} files differ in bytes."
    if found.outcome == "within tolerance":
        largest = max(d.relative for d in found.differences)
        return f"Within the declared tolerances: {n} of {numbers} differ, by at most {largest:.1e}."
    moved = len(dict.fromkeys(d.id for d in found.moved))
    return f"Moved: {moved} of {numbers} differ by more than declared." if moved else "Moved: files, but no number."


def replay_lines(found: Replay) -> list[str]:
    """Return the lines of a replay: the verdict last.

    Parameters
    ----------
    found : Replay
    """
    lines: list[str] = []
    if found.sealed:
        lines.append(
            "The validation outcomes are sealed: cleaning and derivation were replayed, what follows them was not."
        )
    if found.shown_only:
        lines.append("The export holds no full ledger (it was made without --internal): compared as disclosed.")
    elif found.tolerances == SAME_MACHINE:
        lines.append("Same processor, system and package versions: no tolerance, every bit must be the same.")
    else:
        lines += tolerance_lines(found.tolerances)
    if found.environment:
        lines.append("This machine is not the one of the frozen run:")
        lines += [f"  {line}" for line in _some(list(found.environment), SHOWN_CAUSES)]
    if found.unlocked:
        lines.append("The study differs from its lock:")
        lines += [f"  {line}" for line in _some(list(found.unlocked), SHOWN_CAUSES)]
    if found.altered:
        lines.append("Files that are no longer what the frozen run wrote:")
        lines += [f"  {line}" for line in _some(list(found.altered), SHOWN_FILES)]
    told = found.moved or found.differences
    lines += _table(found, told) + _explanation(found, told)
    if found.files:
        lines.append("Files that differ in bytes:")
        lines += [f"  {line}" for line in _some(list(found.files), SHOWN_FILES)]
    if found.unexplained and not found.moved:
        lines.append("Nothing that is hashed explains this: the stage does not repeat itself.")
    return [*lines, f"Compared with {found.name}, in {found.seconds:.0f} s.", _verdict(found)]
