"""The settings of a plan that the registry record does not fix: lines marked ASSUMED, with their dotted key."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = re.compile(r"^(?P<indent>\s*)(?P<key>[\w.+-]+):(?P<rest>.*)$")
_COMMENT = re.compile(r"(?:^|\s)#\s*(?P<text>.*)$")


@dataclass(frozen=True, slots=True)
class Assumed:
    """One assumed setting: dotted key, value as written in the plan, remark of the comment."""

    key: str
    value: str
    remark: str


def _split(rest: str) -> tuple[str, str]:
    """Return value and comment of what follows a key; a # inside quotes starts no comment."""
    quoted = re.sub(r"\"[^\"]*\"|'[^']*'", lambda m: "x" * len(m.group()), rest)
    match = _COMMENT.search(quoted)
    if not match:
        return rest.strip(), ""
    return rest[: match.start()].strip(), rest[match.start("text") :].strip()


def _remark(comment: str) -> str:
    """Return a comment without the word ASSUMED and the punctuation around it."""
    return re.sub(r"\s*\bASSUMED\b:?\s*", " ", comment).strip(" ;,.")


def assumed_settings(plan_text: str) -> list[Assumed]:
    """Return the settings whose line, or the comment line just above them, is marked ASSUMED.

    Parameters
    ----------
    plan_text : str
        The text of plan.yml. A full comment line counts if ASSUMED is its last word.

    Returns
    -------
    list of Assumed
        In the order of the plan. The value of a section is empty.
    """
    found: list[Assumed] = []
    path: list[tuple[int, str]] = []
    above = ""
    for line in plan_text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above = stripped.lstrip("# ") if stripped.rstrip(".").endswith("ASSUMED") else ""
            continue
        match = _KEY.match(line)
        if not match:
            above = ""
            continue
        indent = len(match["indent"])
        path = [(i, key) for i, key in path if i < indent] + [(indent, match["key"])]
        value, comment = _split(match["rest"])
        marked = comment if re.search(r"\bASSUMED\b", comment) else above
        if marked:
            found.append(Assumed(".".join(key for _, key in path), value, _remark(marked)))
        above = ""
    return found
