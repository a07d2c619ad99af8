"""What moved since a lock was made: each thing by name, what it was and what it is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lumier_analysis.pipeline.lock_parts import ORDER, kind_of, whole_of
from lumier_analysis.pipeline.plan_parts import COMMENTS

#: Kinds in the order in which a reader wants to hear of them.
KINDS = (
    "plan",
    "raw",
    "notebook",
    "package",
    "lock",
    "python",
    "installed",
    "input",
    "signature",
    "clinical_model",
    "parameter",
)
LABELS = {
    "plan": "plan {}",
    "raw": "raw file {}",
    "package": "package module {}",
    "lock": "requirements.lock, {}",
    "python": "Python",
    "installed": "installed package {}",
    "signature": "locked signature, {}",
    "clinical_model": "clinical model, {}",
    "parameter": "parameter {}",
}
_HASH = re.compile(r"[0-9a-f]{64}")
_SHOWN = 100


@dataclass(frozen=True)
class Difference:
    """One thing that moved.

    Attributes
    ----------
    what : str
        Its name, as a reader would look for it.
    was, now : str or None
        Value, source lines, or SHA-256; None where it did not, or does not, exist.
    part : str
        Its name in the lock.
    """

    what: str
    was: str | None
    now: str | None
    part: str

    def text(self) -> str:
        """Return it in one line, hashes and long values shortened."""
        if self.was is None:
            return f"{self.what} is new: {_short(self.now)}"
        if self.now is None:
            return f"{self.what} is gone; it was {_short(self.was)}"
        return f"{self.what}: was {_short(self.was)}, is {_short(self.now)}"


def _short(value: str | None) -> str:
    if not value:
        return "nothing"
    if _HASH.fullmatch(value):
        return value[:12]
    first, *others = value.split("\n")
    shown = first.strip() if len(first.strip()) <= _SHOWN else first.strip()[: _SHOWN - 3] + "..."
    more = f" (and {len(others)} more {'line' if len(others) == 1 else 'lines'})" if others else ""
    return shown + more


def _lines(was: str, now: str) -> tuple[int, str, str]:
    """Return the first line that differs (from 0), the lines that went, and those that came."""
    old, new = was.split("\n"), now.split("\n")
    moves = [m for m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if m[0] != "equal"]
    gone = [line for _, a, b, _, _ in moves for line in old[a:b]]
    came = [line for _, _, _, a, b in moves for line in new[a:b]]
    return moves[0][3], "\n".join(gone), "\n".join(came)


def _cell(part: str, was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return a cell by notebook, place and id."""
    whole = whole_of(part)
    name, cell = whole.partition(":")[2], part[len(whole) + 1 :]
    order = (now if part in now else was).get(f"{whole}:{ORDER}", "").split(", ")
    place = f"cell {order.index(cell) + 1} ({cell})" if cell in order else f"cell {cell}"
    return f"notebook {name}, {place}"


def _detail(
    part: str, was: Mapping[str, str], now: Mapping[str, str], lines: Mapping[str, int] | None = None
) -> Difference:
    """Return the difference of one part, named."""
    kind, _, name = part.partition(":")
    old, new = was.get(part), now.get(part)
    if part == COMMENTS:
        _, gone, came = _lines(old or "", new or "")
        return Difference("plan, a comment", gone, came, part)
    if kind == "plan":
        line = f" (line {lines[part]})" if lines and part in lines else ""
        return Difference(f"plan {name}{line}", old, new, part)
    if kind == "notebook" and part.endswith(f":{ORDER}"):
        return Difference(f"notebook {whole_of(part).partition(':')[2]}, the order of its cells", old, new, part)
    if kind == "notebook":
        cell = _cell(part, was, now)
        if old is None or new is None:
            # The first line tells kind and tags; the source is what a reader knows the cell by.
            was_source, now_source = (None if v is None else v.partition("\n")[2] for v in (old, new))
            return Difference(cell, was_source, now_source, part)
        first, gone, came = _lines(old, new)
        return Difference(f"{cell}, {f'line {first}' if first else 'its kind or tags'}", gone, came, part)
    if kind == "input":
        whole = whole_of(part)
        return Difference(f"input {whole.partition(':')[2]}, column {part[len(whole) + 1 :]}", old, new, part)
    return Difference(LABELS[kind].format(name), old, new, part)


def _whole(part: str, was: Mapping[str, str], now: Mapping[str, str]) -> Difference:
    """Return the difference of a part whose details do not say what moved."""
    kind, _, name = part.partition(":")
    gone_or_new = part not in was or part not in now
    rest = {
        "plan": "plan, its layout: blank lines, quotes, or the order of keys",
        "lock": "requirements.lock, a line that is no package",
        "signature": "the locked signature",
        "clinical_model": "the clinical model",
    }
    if gone_or_new and kind == "lock":
        what = "requirements.lock"
    else:
        what = rest.get(kind) or LABELS.get(kind, f"{kind} {{}}").format(name)
    if kind == "input" and not gone_or_new:
        what += ", its rows or layout"
    return Difference(what, was.get(part), now.get(part), part)


def compare_parts(
    was: Mapping[str, str], now: Mapping[str, str], lines: Mapping[str, int] | None = None
) -> list[Difference]:
    """Return what differs between two sets of parts, in the order of `KINDS`.

    Parameters
    ----------
    was, now : mapping of part -> hash or value
        See `lock_parts`.
    lines : mapping, optional
        Line of each key of the plan as it is now.
    """
    details: dict[str, list[str]] = {}
    for part in was.keys() | now.keys():
        if (whole := whole_of(part)) != part:
            details.setdefault(whole, []).append(part)
    found: list[Difference] = []
    wholes = {whole_of(p) for p in was.keys() | now.keys()}
    for whole in sorted(wholes, key=lambda p: (KINDS.index(kind_of(p)), p)):
        if was.get(whole) == now.get(whole):
            continue
        moved = [p for p in sorted(details.get(whole, ())) if was.get(p) != now.get(p)]
        if any(p not in was or p not in now for p in moved):
            # Cells that came or went change the order by themselves.
            moved = [p for p in moved if not (kind_of(p) == "notebook" and p.endswith(f":{ORDER}"))]
        if whole in was and whole in now and moved:
            found += [_detail(p, was, now, lines) for p in moved]
        else:
            found.append(_whole(whole, was, now))
    return found
