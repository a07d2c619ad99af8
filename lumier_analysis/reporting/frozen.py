"""Under which lock the numbers of a report stand, what departed from it, and who opened the validation outcomes."""

from __future__ import annotations

import json

from lumier_analysis.study import Study, opening_log, seal
from lumier_analysis.study.io import sha256_file
from lumier_analysis.study.lockfile import amendments, mark_text, read_lock
from lumier_analysis.study.names import capital

#: Kinds of parts that the lock and the record of a run name alike, as a reader would look for them.
_MADE_FROM = {
    "plan": "plan",
    "raw": "raw file {}",
    "notebook": "notebook {}",
    "package": "package module {}",
    "lock": "requirements.lock",
    "python": "Python",
}
#: How many departures the report names.
_NAMED = 8


def departures(study: Study) -> tuple[str, ...]:
    """Name what the results as they stand were made from that is not what was locked; empty where there is no lock.

    A run without ``--frozen`` may depart from the lock: its report must not then pass for one of the locked plan. The
    records of the notebooks' runs say what each was made from.

    Raises
    ------
    LockError
        The lock was altered.
    """
    lock = read_lock(study)
    if lock is None:
        return ()
    parts, found = lock["parts"], dict[str, None]()
    for path in sorted((study.analysis / "run").glob("*.json")):
        try:
            key = json.loads(path.read_text(encoding="utf-8"))["key"]
            made = {part: sha for part, sha in key.items() if part.partition(":")[0] in _MADE_FROM}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if not any(part.startswith("notebook:") for part in made):
            continue  # the report itself
        gone = {part for part in parts if part.startswith("package:")} - made.keys()
        found |= dict.fromkeys(sorted(gone | {part for part, sha in made.items() if parts.get(part) != sha}))
    named = [_MADE_FROM[kind].format(name) for kind, _, name in (part.partition(":") for part in found)]
    models = {"signature": study.signature_path, "clinical_model": study.clinical_model_path}
    for kind, place in models.items():
        if kind in parts and place.is_file() and sha256_file(place) != parts[kind]:
            named.append("the locked signature" if kind == "signature" else "the clinical model")
    return tuple(named)


def lock_sentence(study: Study) -> str:
    """Return the sentence beside the primary result: locked, departed from, amended or not, how often opened.

    Raises
    ------
    LockError
        The lock was altered.
    """
    parts = [capital(mark_text(study))]
    if n := len(departures(study)):
        things = "1 thing" if n == 1 else f"{n} things"
        parts.append(f"these results depart from the lock in {things} that no amendment records")
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
    if departed := departures(study):
        more = f" and {len(departed) - _NAMED} more" if len(departed) > _NAMED else ""
        facts.append(("Departures that no amendment records", f"{', '.join(departed[:_NAMED])}{more}"))
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
