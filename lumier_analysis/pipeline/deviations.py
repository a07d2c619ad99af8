"""deviations.md: one dated entry for each departure from the locked plan, each held by a hash in the lock."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lumier_analysis.pipeline.lock_differences import Difference
from lumier_analysis.study.io import sha256_text
from lumier_analysis.study.lockfile import Amendment

_ENTRY = re.compile(r"^## (\d+)\. ", re.MULTILINE)


def header(study: str) -> str:
    """Return the head of the file."""
    return (
        f"# Deviations from the locked plan of {study}\n\n"
        f"Written by `lumier amend`. Do not edit: `lumier verify data/{study}` finds a changed line.\n\n"
    )


def _table_cell(value: str | None) -> str:
    if value is None:
        return "-"
    text = value.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
    return "<br>".join(line.strip() for line in text.split("\n")) or "nothing"


def entry_text(
    *,
    number: int,
    date: str,
    who: str,
    reason: str,
    openings: int | None,
    moved: Sequence[Difference],
    before: str,
    after: str,
) -> str:
    """Return an entry in Markdown.

    Parameters
    ----------
    number : int
        From 1.
    date : str
        ISO 8601, UTC.
    who, reason : str
        On one line each.
    openings : int or None
        How often the validation outcomes had been opened; None where nothing was sealed.
    moved : sequence of Difference
        Everything that moved, in full.
    before, after : str
        Content hash of the lock that was amended, and of the new one.
    """
    rows = [f"| {_table_cell(d.what)} | {_table_cell(d.was)} | {_table_cell(d.now)} |" for d in moved]
    times = {0: "not opened", 1: "opened once"}.get(openings or 0, f"opened {openings} times")
    opened = "never under seal" if openings is None else f"{times} before this"
    lines = [
        f"## {number}. {date}, {who}",
        "",
        f"Reason: {reason}",
        "",
        f"Validation outcomes: {opened}.",
        "",
        "| what moved | was | is |",
        "|---|---|---|",
        *rows,
        "",
        f"Lock before: `{before}`",
        f"Lock now: `{after}`",
    ]
    return "\n".join(lines) + "\n\n"


def split_entries(text: str) -> tuple[str, list[str]]:
    """Return the head of the file and its entries."""
    starts = [m.start() for m in _ENTRY.finditer(text)]
    if not starts:
        return text, []
    return text[: starts[0]], [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def is_left_over(entry: str, before: str) -> bool:
    """Tell whether an entry is that of an amendment that was interrupted before its lock was written."""
    return f"\nLock before: `{before}`\n" in entry


def deviation_problems(
    text: str | None, amendments: Sequence[Amendment], *, study: str, content: str | None
) -> list[str]:
    """Say what of deviations.md is not as the lock says; empty where all is well.

    Parameters
    ----------
    text : str or None
        The file; None where there is none.
    amendments : sequence of Amendment
        Of the lock.
    study : str
    content : str or None
        Content hash of the lock.
    """
    if text is None:
        n = len(amendments)
        entries = "entry" if n == 1 else "entries"
        return [f"deviations.md is missing; the lock knows of {n} {entries}"] if n else []
    head, entries_there = split_entries(text)
    problems = [] if head == header(study) else ["deviations.md: the lines above its first entry were altered"]
    hashes = [sha256_text(e) for e in entries_there]
    for amendment in amendments:
        if amendment.entry in hashes:
            continue
        dated = any(e.startswith(f"## {amendment.number}. {amendment.date}") for e in entries_there)
        problems.append(
            f"deviations.md: entry {amendment.number} of {amendment.date[:10]} {'was altered' if dated else 'is gone'}"
        )
    known = [a.entry for a in amendments]
    extra = [e for e in entries_there[len(known) :] if sha256_text(e) not in known]
    if len(entries_there) == len(known) + 1 and content and is_left_over(extra[-1] if extra else "", content):
        problems.append(
            f"deviations.md: entry {len(known) + 1} has no lock, as an amendment was interrupted;"
            f" type it again: lumier amend data/{study} --reason TEXT"
        )
    elif len(entries_there) > len(known):
        problems.append(f"deviations.md: {len(entries_there) - len(known)} more entries than the lock knows of")
    kept = [h for h in hashes if h in known]
    if not problems and kept != known:
        problems.append("deviations.md: its entries are not in order")
    if not problems and amendments and content and f"\nLock now: `{content}`\n" not in entries_there[-1]:
        # Found even where the lock was rewritten together with its own hashes.
        problems.append("plan.lock.json is not the lock that the last entry of deviations.md names")
    return problems
