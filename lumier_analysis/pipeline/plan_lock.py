"""Lock a study, and amend the lock; what compares a study with its lock is found here too."""

from __future__ import annotations

import datetime
import platform
import subprocess
from pathlib import Path
from typing import Any

from lumier_analysis import __version__
from lumier_analysis.errors import LockError, UsageError
from lumier_analysis.pipeline.deviations import deviation_problems, entry_text, header, is_left_over, split_entries
from lumier_analysis.pipeline.disk_faults import disk_faults
from lumier_analysis.pipeline.lock_differences import Difference, compare_parts
from lumier_analysis.pipeline.lock_parts import lock_parts
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.pipeline.unchanged import (
    deviations_text,
    differences,
    environment_differences,
    problems_of_deviations,
    require_derived,
    require_unchanged,
)
from lumier_analysis.pipeline.verify_lock import verify
from lumier_analysis.signature import LockedSignature
from lumier_analysis.signature.clinical_model import ClinicalModel
from lumier_analysis.study import Study, opening_log, seal
from lumier_analysis.study.io import sha256_text, write_bytes_atomic, write_text_atomic
from lumier_analysis.study.lockfile import (
    FORMAT_VERSION,
    Amendment,
    amendments,
    archived_locks,
    as_record,
    deviations_path,
    lock_hash,
    lock_hashes,
    lock_path,
    read_lock,
    require_lock,
    write_lock,
)
from lumier_analysis.study.who import one_line
from lumier_analysis.study.who import who as who_is_at_work

__all__ = [
    "Difference",
    "amend",
    "amendments",
    "differences",
    "environment_differences",
    "lock_hash",
    "lock_parts",
    "lock_study",
    "read_lock",
    "require_derived",
    "require_unchanged",
    "verify",
]


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _record(study: Study) -> dict[str, Any]:
    """Return what is kept for the record and compared with nothing."""
    changes = _git(study.root, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": _git(study.root, "rev-parse", "HEAD"),
        "uncommitted_changes": None if changes is None else bool(changes),
        "software": f"lumier_analysis {__version__}",
        "platform": platform.platform(),
        "openings": openings(study),
    }


def openings(study: Study) -> int | None:
    """Return how often the validation outcomes were opened; None for a study without a seal."""
    opened = opening_log.read(study)
    return len(opened) if opened or seal.has_seal(study) else None


def check_models(study: Study) -> None:
    """Refuse a study without a verified signature, or with a clinical model that was altered.

    Raises
    ------
    LockError
        There is no signature.
    SignatureError
        It was altered.
    """
    if not study.signature_path.is_file():
        raise LockError(
            f"The study {study.name} has no locked signature yet",
            found="no analysis/locked_signature.json",
            fix=f"type: lumier run data/{study.name} --only clean, then --only derive",
        )
    LockedSignature.load(study.signature_path)
    if study.clinical_model_path.is_file():
        ClinicalModel.load(study.clinical_model_path)


def _archive(study: Study) -> None:
    """Keep the present lock beside the new one; a second call does nothing more."""
    content, old = lock_path(study).read_bytes(), archived_locks(study)
    if old and old[-1].read_bytes() == content:
        return
    number = int(old[-1].name.split(".")[2]) + 1 if old else 1
    write_bytes_atomic(study.folder / f"plan.lock.{number}.json", content)


def _archive_deviations(study: Study) -> None:
    """Move the deviations from a lock that was replaced beside that lock, under its number."""
    path = deviations_path(study)
    if path.is_file():
        number = int(archived_locks(study)[-1].name.split(".")[2])
        path.replace(study.folder / f"deviations.{number}.md")


def _new_lock(study: Study, parts: dict[str, str], **given: Any) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "study": study.name,
        "record": _record(study),
        "parts": dict(sorted(parts.items())),
    } | given


def _refuse_second_lock(study: Study) -> None:
    """Refuse a study that is locked, or was, and is not synthetic."""
    amend_it = f'type: lumier amend data/{study.name} --reason "why"'
    if lock_path(study).exists():
        lock = require_lock(study)
        # A study that was locked as a real one stays one, whatever its plan says now.
        if not study.plan.study.synthetic or lock["parts"].get("plan:study.synthetic") != "true":
            raise LockError(f"The study {study.name} was locked on {lock['locked'][:10]}", fix=amend_it)
        return
    left = [p for p in (deviations_path(study), opening_log.log_path(study), *archived_locks(study)) if p.exists()]
    if left and not study.plan.study.synthetic:
        raise LockError(
            f"The study {study.name} was locked before, and its plan.lock.json is gone",
            found=", ".join(p.name for p in left),
            fix="take plan.lock.json from a back-up of the study folder",
        )


def lock_study(
    study: Study, *, who: str | None = None, derived: bool = False, stages: tuple[Stage, ...] = STAGES
) -> Path:
    """Write the lock of a study.

    A synthetic study is locked anew where something moved; its old lock is kept beside the new one. Where nothing
    moved, its lock stays as it is.

    Parameters
    ----------
    study : Study
    who : str, optional
        By default LUMIER_WHO, else the name of the account.
    derived : bool
        Whether to refuse tables and a signature that are of an earlier run, see `require_derived`.
    stages : tuple of Stage

    Returns
    -------
    Path
        plan.lock.json.

    Raises
    ------
    LockError
        The study is locked and not synthetic, has no signature, its lock was altered, or what `derived` says.
    SignatureError
        The signature or the clinical model was altered.
    """
    _refuse_second_lock(study)
    check_models(study)
    if derived:
        require_derived(study, stages)
    old = read_lock(study)
    parts = lock_parts(study, stages=stages)
    if old is not None:
        if not compare_parts(old["parts"], parts) and not problems_of_deviations(study, old):
            return lock_path(study)
        _archive(study)
    lock = _new_lock(
        study,
        parts,
        locked=_today(),
        who=_who(who),
        previous=old["hashes"]["content"] if old else None,
        amendments=[],
    )
    with disk_faults("the lock of the plan", study.root):
        path = write_lock(study, lock)
    if old is not None:
        _archive_deviations(study)
    return path


def _who(given: str | None) -> str:
    return " ".join(given.split()) if given else who_is_at_work()


def _trusted_text(study: Study, lock: dict[str, Any]) -> str:
    """Return deviations.md as far as the lock vouches for it, or refuse."""
    text, n = deviations_text(study), len(lock["amendments"])
    head, entries = split_entries(text if text is not None else header(study.name))
    if len(entries) == n + 1 and is_left_over(entries[-1], lock["hashes"]["content"]):
        entries = entries[:-1]  # of an amendment that was interrupted; this one takes its place
    if text is not None:
        text = head + "".join(entries)
    known = [Amendment(**a) for a in lock["amendments"]]
    if problems := deviation_problems(text, known, study=study.name, content=lock["hashes"]["content"]):
        raise LockError(
            "Nothing was amended, as the record of deviations is not what the lock says",
            found="; ".join(problems),
            fix="take deviations.md from a back-up of the study folder",
        )
    return head + "".join(entries)


def amend(study: Study, reason: str, *, who: str | None = None, stages: tuple[Stage, ...] = STAGES) -> Amendment:
    """Accept what moved: append an entry to deviations.md and write a new lock that counts it.

    Parameters
    ----------
    study : Study
    reason : str
        Why; for the reader of the report.
    who : str, optional
        By default LUMIER_WHO, else the name of the account.
    stages : tuple of Stage

    Returns
    -------
    Amendment

    Raises
    ------
    UsageError
        No reason was given, or no UTF-8 text.
    LockError
        Nothing moved, the study is not locked, or the lock or deviations.md was altered.
    SignatureError
        There is no verified signature.
    """
    reason = one_line(reason, "The reason")
    if not reason:
        raise UsageError(
            "An amendment needs a reason", fix=f'type: lumier amend data/{study.name} --reason "why the plan changes"'
        )
    lock = require_lock(study)
    text = _trusted_text(study, lock)
    moved = differences(study, stages=stages)
    if not moved:
        raise LockError(
            f"Nothing moved since the study {study.name} was locked",
            fix="change the plan first; a lock that nothing departs from needs no amendment",
        )
    check_models(study)
    number, date, name = len(lock["amendments"]) + 1, _today(), _who(who)
    parts = lock_parts(study, stages=stages)
    before, opened = lock["hashes"]["content"], openings(study)
    new = _new_lock(study, parts, locked=date, who=name, previous=before)
    # The content hash counts the amendments and does not read them: the entry can name the lock, and the lock it.
    after = lock_hashes(new | {"amendments": [None] * number})["content"]
    entry = entry_text(
        number=number,
        date=date,
        who=name,
        reason=reason,
        openings=opened,
        moved=moved,
        before=before,
        after=after,
    )
    added = Amendment(number, date, name, reason, opened, len(moved), sha256_text(entry))
    with disk_faults("the amendment", study.root):
        _archive(study)
        write_text_atomic(deviations_path(study), text + entry)
        write_lock(study, new | {"amendments": [*lock["amendments"], as_record(added)]})
    return added
