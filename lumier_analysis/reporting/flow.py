"""The participant flow between cleaning, ledger, figure and report; suppressed so that no step gives another away."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from lumier_analysis.reporting.disclosure import (
    SUPPRESSION_THRESHOLD,
    WITHHELD,
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

    The exclusions of one cohort and level are a group whose total, start minus end, is known. Where that total is
    itself small the start is withheld, not the end: the end is the denominator of everything that follows.
    ``remaining`` is dropped, since the differences of a running count are the exclusions.

    Returns
    -------
    list of dict
        As given, ``n`` an int or a text, without ``remaining``.
    """
    steps = [{key: value for key, value in step.items() if key != "remaining"} for step in flow]
    for cohort, level in dict.fromkeys((step["cohort"], step["level"]) for step in steps):
        own = [step for step in steps if (step["cohort"], step["level"]) == (cohort, level)]
        excluded = [step for step in own if step["step"] == "excluded"]
        counts = [int(step["n"]) for step in excluded]
        hide_start = is_small(sum(counts), threshold)
        for step, shown in zip(excluded, suppress_group(counts, threshold), strict=True):
            step["n"] = shown
        lone = len(excluded) == 1 and isinstance(excluded[0]["n"], str)
        for step in own:
            if step["step"] == "start" and (hide_start or lone) and int(step["n"]) >= threshold:
                step["n"] = WITHHELD
            elif step["step"] != "excluded":
                step["n"] = suppress_number(int(step["n"]), threshold)
    return steps
