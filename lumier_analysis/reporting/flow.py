"""The participant flow between cleaning, ledger, figure and report; suppressed so that no step gives another away."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from lumier_analysis.reporting.disclosure import (
    SUPPRESSION_THRESHOLD,
    WITHHELD,
    gives_away,
    is_small,
    suppress_group,
    suppress_number,
)
from lumier_analysis.reporting.ledger import Ledger, Results

STEPS = ("start", "excluded", "end", "of which")


def slug(text: str) -> str:
    """Return a text as a ledger word: small ASCII letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", text.replace("<=", "at most").replace(">=", "at least").replace(">", "above"))
    return re.sub(r"[^a-z0-9]+", "_", plain.encode("ascii", "ignore").decode().lower()).strip("_")


def ledger_flow(ledger: Ledger, flow: Iterable[Mapping[str, Any]], *, plan_item: str = "flow") -> None:
    """Add every step of a flow as ``flow.<cohort>.<level>.<step>.<reason>``, a count.

    Parameters
    ----------
    ledger : Ledger
    flow : iterable of dict
        cohort, level, step ("start", "excluded", "end", "of which"), reason, n.
    """
    for step in flow:
        id = ".".join(("flow", step["cohort"], step["level"], slug(step["step"]), slug(step["reason"])))
        ledger.add(id, int(step["n"]), plan_item=plan_item, label=step["reason"], unit="", kind="count")


def flow_from_ledger(results: Results) -> list[dict[str, Any]]:
    """Return the flow that `ledger_flow` wrote, with the ledger id of each step; other ``flow.`` numbers are left."""
    names = {slug(step): step for step in STEPS}
    flow = []
    for entry in results.entries("flow"):
        parts = entry.id.split(".", 4)
        if len(parts) == 5 and parts[3] in names:
            step = {"cohort": parts[1], "level": parts[2], "step": names[parts[3]]}
            flow.append({**step, "reason": entry.label, "n": int(entry.value), "id": entry.id, "origin": entry.origin})
    return flow


def disclosed_flow(flow: Iterable[Mapping[str, Any]], threshold: int = SUPPRESSION_THRESHOLD) -> list[dict[str, Any]]:
    """Return the flow with its small counts suppressed.

    The exclusions of one cohort and level are a group whose total, start minus end, is known. Where their small counts
    could be worked out all the same the start is withheld, not the end: the end is the denominator of everything that
    follows. Since the files' rows are counted elsewhere, the start of one cohort alone would be their number minus the
    others; so a second start is withheld with it. ``remaining`` is dropped, since the differences of a running count
    are the exclusions. Denominators ("end", "of which") are shown even where two of them differ by little.

    Returns
    -------
    list of dict
        As given, ``n`` an int or a text, without ``remaining``.
    """
    steps = [{key: value for key, value in step.items() if key != "remaining"} for step in flow]
    for level in dict.fromkeys(step["level"] for step in steps):
        starts = [step for step in steps if (step["level"], step["step"]) == (level, "start")]
        withheld = []
        for start in starts:
            own = [step for step in steps if (step["cohort"], step["level"]) == (start["cohort"], level)]
            if _suppress(own, threshold) and int(start["n"]) >= threshold:
                withheld.append(start)
        if len(withheld) == 1:
            others = [start for start in starts if start not in withheld and int(start["n"]) >= threshold]
            withheld += sorted(others, key=lambda start: int(start["n"]))[:1]
        for start in starts:
            start["n"] = WITHHELD if start in withheld else suppress_number(int(start["n"]), threshold)
    return steps


def _suppress(own: list[dict[str, Any]], threshold: int) -> bool:
    """Suppress the steps of one cohort and level but its start; tell whether the start must be withheld."""
    group = [step for step in own if step["step"] == "excluded"]
    # A small end is a cell of the group: start minus exclusions would give it away.
    group += [step for step in own if step["step"] == "end" and is_small(int(step["n"]), threshold)]
    counts = [int(step["n"]) for step in group]
    shown = suppress_group(counts, threshold)
    for step in own:
        if step["step"] in {"end", "of which"}:
            step["n"] = suppress_number(int(step["n"]), threshold)
    for step, cell in zip(group, shown, strict=True):
        step["n"] = cell
    return gives_away(counts, shown, threshold)
