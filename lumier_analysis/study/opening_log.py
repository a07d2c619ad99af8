"""The log of openings of the sealed outcomes: one line an opening, each chained to the line before by its hash.

``data/<study>/openings.jsonl`` only grows. Its last hash stands in ``openings.head`` too, so that a missing last line
is seen. Who can write both files can forge both: the data manager keeps a copy of the hash that each opening prints.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumier_analysis.errors import SealError
from lumier_analysis.study.io import sha256_text, write_text_atomic

if TYPE_CHECKING:
    from lumier_analysis.study.study import Study

FIELDS = ("number", "who", "when", "lock", "signature", "content", "reason", "previous")
#: What the first line gives as the hash of the line before.
START = "0" * 64


def log_path(study: Study) -> Path:
    """Return where the log stands."""
    return study.folder / "openings.jsonl"


def head_path(study: Study) -> Path:
    """Return where the hash of the last line stands."""
    return study.folder / "openings.head"


def line_hash(line: dict[str, Any]) -> str:
    """Return the hash of a line: of its fields in their order, as JSON, without the hash itself."""
    return sha256_text(json.dumps({name: line[name] for name in FIELDS}, ensure_ascii=False, separators=(",", ":")))


def append(
    study: Study, *, who: str, when: str, lock: str, signature: str, content: str, reason: str
) -> dict[str, Any]:
    """Add an opening to the log; the whole file is replaced, so that a line is there or not.

    Parameters
    ----------
    study : Study
    who : str
        Who opens.
    when : str
        UTC, ISO 8601.
    lock, signature, content : str
        SHA-256 of the analysis lock, of the locked signature's file, and of what was sealed.
    reason : str

    Returns
    -------
    dict
        The line, with its hash.

    Raises
    ------
    SealError
        The log was altered; nothing is added.
    """
    lines = read(study)
    given = {"who": who, "when": when, "lock": lock, "signature": signature, "content": content, "reason": reason}
    line: dict[str, Any] = {"number": len(lines) + 1, **given, "previous": lines[-1]["hash"] if lines else START}
    line["hash"] = line_hash(line)
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in [*lines, line])
    write_text_atomic(log_path(study), text)
    write_text_atomic(head_path(study), line["hash"] + "\n")
    return line


def read(study: Study) -> list[dict[str, Any]]:
    """Return the openings in order; none where there is no log.

    Raises
    ------
    SealError
        A line was deleted, altered or moved.
    """
    lines, problems = _examined(study)
    if problems:
        raise SealError(
            f"The log of openings data/{study.name}/{log_path(study).name} was altered",
            found=problems[0],
            fix="put back the copy that the data manager keeps",
        )
    return lines


def check(study: Study) -> list[str]:
    """Say what is wrong with the log, one sentence a finding; empty where every line is as it was written.

    Outcome tables of a study under seal that stand in clear without any opening are a finding as well.
    """
    from lumier_analysis.study import seal

    lines, problems = _examined(study)
    folder = study.analysis / "tables" / seal.COHORT
    clear = [table for table in seal.SEALED_TABLES if (folder / f"{table}.parquet").is_file()]
    if clear and not lines and seal.has_seal(study):
        problems.append(f"the validation tables {', '.join(clear)} stand in clear, and the log has no opening")
    return problems


def _examined(study: Study) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the lines of the log and what is wrong with them."""
    path, head = log_path(study), head_path(study)
    last = head.read_text(encoding="utf-8").strip() if head.is_file() else START
    if not path.is_file():
        return [], [] if last == START else ["the log is missing, and its last hash is there"]
    lines: list[dict[str, Any]] = []
    previous = START
    for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or set(line) != {*FIELDS, "hash"}:
            return lines, [f"line {number} is not an opening"]
        if line["hash"] != line_hash(line):
            return lines, [f"line {number} is not what was written"]
        if line["number"] != number or line["previous"] != previous:
            return lines, [f"line {number} does not follow the line before it: one was deleted or moved"]
        previous = line["hash"]
        lines.append(line)
    # A run that was killed between the two files leaves the head one line behind, never ahead.
    if last not in {START if len(lines) <= 1 else None, *(line["hash"] for line in lines[-2:])}:
        return lines, ["the last line is missing"]
    return lines, []
