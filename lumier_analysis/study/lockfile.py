"""The lock of a study as a file: where it stands, whether it is what was written, and what it says of amendments.

The report and the ledger read it here; what goes into a lock, and what is compared with it, is decided higher up.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lumier_analysis.errors import LockError
from lumier_analysis.study.io import sha256_text, write_json
from lumier_analysis.study.study import Study

FORMAT_VERSION = 1
_FIELDS = {"format_version", "study", "locked", "who", "record", "previous", "amendments", "parts", "hashes"}


@dataclass(frozen=True)
class Amendment:
    """One departure from the locked plan.

    Attributes
    ----------
    number : int
        From 1.
    date : str
        ISO 8601, UTC.
    who, reason : str
    openings : int or None
        How often the validation outcomes had been opened by then; None where nothing was sealed.
    moved : int
        How many things moved.
    entry : str
        SHA-256 of the entry in deviations.md.
    """

    number: int
    date: str
    who: str
    reason: str
    openings: int | None
    moved: int
    entry: str


def lock_path(study: Study) -> Path:
    """Return where the lock of a study stands."""
    return study.folder / "plan.lock.json"


def deviations_path(study: Study) -> Path:
    """Return where the deviations from the locked plan stand."""
    return study.folder / "deviations.md"


def archived_locks(study: Study) -> list[Path]:
    """Return the locks that were replaced, oldest first: ``plan.lock.1.json`` and so on."""
    numbered = {p.name.split(".")[2]: p for p in study.folder.glob("plan.lock.*.json")}
    return [numbered[n] for n in sorted((n for n in numbered if n.isdigit()), key=int)]


def _json_hash(value: Any) -> str:
    return sha256_text(json.dumps(value, sort_keys=True, ensure_ascii=False))


def lock_hashes(lock: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each kind of part and of each other field, of the content, and of the whole.

    "content" covers what is locked and how often it was amended, not when, where and by whom: the same study locked
    twice has the same content hash.
    """
    parts: dict[str, str] = lock["parts"]
    kinds = sorted({key.partition(":")[0] for key in parts})
    each = {f"parts.{k}": _json_hash({p: v for p, v in parts.items() if p.partition(":")[0] == k}) for k in kinds}
    content = sha256_text("\n".join([f"amendments {len(lock['amendments'])}", *(f"{k} {each[k]}" for k in each)]))
    each |= {name: _json_hash(lock[name]) for name in sorted(_FIELDS - {"parts", "hashes"})}
    whole = sha256_text("\n".join([*(f"{k} {each[k]}" for k in sorted(each)), content]))
    return each | {"content": content, "whole": whole}


def read_lock_file(path: Path) -> dict[str, Any]:
    """Read a lock and check it against its own hashes.

    The hashes find damage and careless edits. Whoever rewrites a part can rewrite its hash: against that stand the
    content hash printed in the report, in deviations.md and in the opening log.

    Raises
    ------
    LockError
        Not a lock, of another format version, or altered; the message names the kind of part or the field.
    """
    again = f"take {path.name} from a back-up of the study folder"
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LockError(f"The lock {path.name} cannot be read", found=type(error).__name__, fix=again) from None
    version = lock.get("format_version") if isinstance(lock, dict) else None
    if version != FORMAT_VERSION:
        raise LockError(
            f"The lock {path.name} is none that this version can read",
            found=f"format_version {version}",
            fix=f"format_version {FORMAT_VERSION} is needed",
        )
    missing, unknown = sorted(_FIELDS - lock.keys()), sorted(lock.keys() - _FIELDS)
    well_formed = (
        not missing
        and not unknown
        and isinstance(lock["parts"], dict)
        and isinstance(lock["hashes"], dict)
        and isinstance(lock["amendments"], list)
        and all(isinstance(a, dict) and a.keys() == {f.name for f in fields(Amendment)} for a in lock["amendments"])
    )
    if not well_formed:
        names = ", ".join([f"without {n}" for n in missing] + [f"unknown {n}" for n in unknown])
        raise LockError(f"The lock {path.name} was altered", found=names or "a field of another kind", fix=again)
    now = lock_hashes(lock)
    changed = [k for k in sorted(now.keys() | lock["hashes"].keys()) if now.get(k) != lock["hashes"].get(k)]
    if changed:
        named = [k for k in changed if k not in ("content", "whole")] or ["its hashes"]
        raise LockError(f"The lock {path.name} was altered", found=f"changed: {', '.join(named)}", fix=again)
    return lock


def read_lock(study: Study) -> dict[str, Any] | None:
    """Return the lock of a study; None where it is not locked.

    Raises
    ------
    LockError
        As `read_lock_file`.
    """
    path = lock_path(study)
    return read_lock_file(path) if path.exists() else None


def require_lock(study: Study) -> dict[str, Any]:
    """Return the lock of a study, or raise LockError where it is not locked or the lock was altered."""
    lock = read_lock(study)
    if lock is None:
        raise LockError(f"The study {study.name} is not locked", fix=f"type: lumier lock data/{study.name}")
    return lock


def write_lock(study: Study, lock: dict[str, Any]) -> Path:
    """Write a lock with its hashes, whole or not at all."""
    return write_json(lock_path(study), lock | {"hashes": lock_hashes(lock)})


def lock_hash(study: Study) -> str:
    """Return the SHA-256 of what is locked; the same for two locks of the same content.

    Raises
    ------
    LockError
        The study is not locked, or its lock was altered.
    """
    return str(require_lock(study)["hashes"]["content"])


def amendments(study: Study) -> list[Amendment]:
    """Return the departures from the locked plan, oldest first; empty where there is none or no lock.

    Raises
    ------
    LockError
        The lock was altered: whether results are amended cannot be told.
    """
    lock = read_lock(study)
    return [Amendment(**a) for a in lock["amendments"]] if lock else []


def lock_mark(study: Study) -> dict[str, Any]:
    """Return what stands beside a result: {"lock": content hash or None, "amendments": how many}.

    It holds no date and no name, so that two equal runs write the same bytes.
    """
    lock = read_lock(study)
    return {"lock": lock["hashes"]["content"] if lock else None, "amendments": len(lock["amendments"]) if lock else 0}


def mark_text(study: Study) -> str:
    """Return `lock_mark` in words: "plan not locked", "plan locked (4f1c...)", "..., amended twice"."""
    mark = lock_mark(study)
    if mark["lock"] is None:
        return "plan not locked"
    n = mark["amendments"]
    times = {0: "", 1: ", amended once", 2: ", amended twice"}.get(n, f", amended {n} times")
    return f"plan locked ({mark['lock'][:12]}){times}"


def as_record(amendment: Amendment) -> dict[str, Any]:
    """Return an amendment as the lock holds it."""
    return asdict(amendment)
