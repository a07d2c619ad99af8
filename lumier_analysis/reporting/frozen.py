"""Under which lock the numbers of a report stand, what departed from it, and who opened the validation outcomes."""

from __future__ import annotations

from lumier_analysis.study import Study, opening_log, seal
from lumier_analysis.study.lockfile import amendments, mark_text, read_lock
from lumier_analysis.study.names import capital


def lock_sentence(study: Study) -> str:
    """Return the sentence beside the primary result: locked or not, amended or not, how often opened.

    Raises
    ------
    LockError
        The lock was altered.
    """
    parts = [capital(mark_text(study))]
    lines = opening_log.read(study)
    if seal.has_seal(study) or lines:
        n = len(lines)
        times = {0: "sealed", 1: "opened once"}.get(n, f"opened {n} times")
        parts.append(f"validation outcomes {times}, on record" if n else "validation outcomes sealed")
    elif read_lock(study) is not None:
        parts.append("validation outcomes were not sealed")
    return "; ".join(parts) + "."


def frozen_facts(study: Study) -> list[tuple[str, str]]:
    """Return the lock, every amendment and every opening as (name, value), oldest first."""
    lock = read_lock(study)
    facts = [("Plan lock (content hash)", lock["hashes"]["content"] if lock else "the plan is not locked")]
    for amendment in amendments(study):
        what = f"{amendment.date[:10]}, {amendment.moved} moved: {amendment.reason}"
        facts.append((f"Amendment {amendment.number}", what))
    lines = opening_log.read(study)
    if seal.has_seal(study) or lines:
        for number, line in enumerate(lines, start=1):
            reason = f": {line['reason']}" if line.get("reason") else ""
            facts.append((f"Opening {number} of the validation outcomes", f"{line['when']}, by {line['who']}{reason}"))
        if not lines:
            facts.append(("Validation outcomes", "sealed"))
    else:
        facts.append(("Validation outcomes", "not sealed in this study"))
    return facts
