"""The unsealing: after the lock, by the data manager's key, recorded before anything reaches the disk."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumier_analysis.errors import SealError, UsageError
from lumier_analysis.pipeline.disk_faults import disk_faults
from lumier_analysis.pipeline.kernel import signals_wait
from lumier_analysis.pipeline.stages import STAGES, Stage, shown
from lumier_analysis.pipeline.studylock import study_lock
from lumier_analysis.study import Study, opening_log, seal
from lumier_analysis.study.io import sha256_file, write_bytes_atomic
from lumier_analysis.study.lockfile import read_lock
from lumier_analysis.study.who import one_line
from lumier_analysis.study.who import who as present_user

FIRST = "first opening"
RESTORED = "the tables of this opening were not in place"
_OPENING = ".opening-"


@dataclass(frozen=True)
class Opening:
    """What `unseal_study` did.

    Attributes
    ----------
    line : dict or None
        The line of the log; None where everything was open already and nothing was decrypted.
    tables : Path
        Where the tables of the validation cohort stand.
    """

    line: dict[str, Any] | None
    tables: Path


def sealed_stages(study: Study, stages: tuple[Stage, ...] = STAGES) -> set[str]:
    """Return the names of the stages that must wait: those that read sealed tables, or what such a stage writes.

    Parameters
    ----------
    study : Study
    stages : tuple of Stage
        In order.

    Returns
    -------
    set of str
        Empty where nothing is sealed.
    """
    if not seal.is_sealed(study):
        return set()
    closed = [f"analysis/tables/{seal.COHORT}"]
    waiting: set[str] = set()
    for stage in stages:
        if any(_overlap(read, path) for read in stage.reads for path in closed):
            waiting.add(stage.name)
            closed += stage.writes
    return waiting


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


def how_to_open(study: Study) -> str:
    """Say what to type next where the validation outcomes are sealed."""
    place, locked = shown(study.folder, study.root), read_lock(study) is not None
    first = "" if locked else f"lumier dry-run {place} to rehearse, lumier lock {place}, then "
    return (
        f"The outcomes of the validation cohort are sealed. Next: {first}lumier unseal {place} --identity KEY, "
        f"then lumier run {place} again."
    )


def unseal_study(study: Study, identity: Path, *, reason: str = "", who: str | None = None) -> Opening:
    """Open the validation outcomes of a locked study and record it.

    The line of the log is written before the tables: an opening without a line cannot be. A run that is killed in
    between leaves a line and no table; typing the command again opens once more, and records that too.

    Parameters
    ----------
    study : Study
    identity : Path
        The data manager's identity file.
    reason : str
        Needed where another content was opened before.
    who : str, optional
        Who opens; LUMIER_WHO or the user of the operating system by default.

    Returns
    -------
    Opening

    Raises
    ------
    SealError
        The study has no seal or no lock, the identity does not fit, or archive or log were altered.
    SignatureError
        The locked signature is absent or altered.
    LockError
        The study is not as it was locked, or its tables or signature are of an earlier run.
    UsageError
        A further opening without a reason, or with one that is no UTF-8 text.
    """
    place = f"data/{study.name}"
    tables = study.analysis / "tables" / seal.COHORT
    if not seal.has_seal(study):
        raise SealError(
            f"{place} is not sealed: there is nothing to open",
            found=f"no {seal.RECIPIENT}",
            fix=f"lumier keygen {place} --out FILE seals from the next cleaning on",
        )
    with study_lock(study.analysis / "run" / "lock"), disk_faults("what the opening writes", study.root):
        _clear(tables)
        lines, manifest = opening_log.read(study), seal.read_manifest(study)
        content = "" if manifest is None else manifest["content"]
        again = any(line["content"] == content for line in lines)
        if again and manifest is not None and _in_place(study, manifest["files"]):
            return Opening(None, tables)
        lock, signature = _locked(study)
        reason = one_line(reason, "The reason") or (RESTORED if again else "" if lines else FIRST)
        if not reason:
            raise UsageError(
                "Another content of these outcomes was opened before; a further opening needs a reason",
                fix=f'lumier unseal {place} --identity KEY --reason "why"',
            )
        # In memory: a wrong key or an altered archive ends here, with nothing written.
        files = seal.unseal(study, identity)
        line = opening_log.append(
            study,
            who=who or present_user(),
            when=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            lock=lock,
            signature=signature,
            content=content,
            reason=reason,
        )
        _put_in_place(tables, files)
    return Opening(line, tables)


def _locked(study: Study) -> tuple[str, str]:
    """Return the hashes of the lock and of the signature's file; refuse a study that is not locked as it stands."""
    try:
        from lumier_analysis.pipeline import plan_lock  # when it is needed: it reads every input of the study
    except ImportError:
        plan_lock = None  # type: ignore[assignment]
    if plan_lock is None or plan_lock.read_lock(study) is None:
        raise SealError(
            f"The outcomes of data/{study.name} open after the lock alone, and there is no lock",
            fix=f"lumier lock data/{study.name}",
        )
    plan_lock.require_unchanged(study)
    plan_lock.require_derived(study)
    from lumier_analysis.signature import LockedSignature  # the first thing here that needs all of it

    LockedSignature.load(study.signature_path).verify()
    return plan_lock.lock_hash(study), sha256_file(study.signature_path)


def _own_tables(names: Any) -> list[str]:
    """Return the names of the archive that are tables; its lists of queries and corrections stay there."""
    return [name for name in names if name.startswith("tables/")]


def _in_place(study: Study, hashes: dict[str, str]) -> bool:
    """Tell whether every table of the archive stands in clear, unchanged."""
    places = {name: study.analysis / "tables" / seal.COHORT / Path(name).name for name in _own_tables(hashes)}
    return all(path.is_file() and sha256_file(path) == hashes[name] for name, path in places.items())


def _clear(tables: Path) -> None:
    """Remove what an opening that was killed has left; what it had moved away and not replaced goes back."""
    kept = tables.with_name(f"{_OPENING}old")
    if kept.is_dir() and not tables.exists():
        kept.replace(tables)
    for name in ("new", "old"):
        shutil.rmtree(tables.with_name(f"{_OPENING}{name}"), ignore_errors=True)


def _put_in_place(tables: Path, files: dict[str, bytes]) -> None:
    """Write the tables to a folder of their own, then exchange it for the one that stands there."""
    new, old = (tables.with_name(f"{_OPENING}{name}") for name in ("new", "old"))
    try:
        if tables.is_dir():
            shutil.copytree(tables, new)
        for name in _own_tables(files):
            write_bytes_atomic(new / Path(name).name, files[name])
        with signals_wait():
            _exchange(tables, new, old)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _exchange(tables: Path, new: Path, old: Path, replace: Callable[[Path, Path], None] = os.replace) -> None:
    """Move `tables` to `old` and `new` to `tables`; where the second fails, the first is undone."""
    if not tables.exists():
        replace(new, tables)
        return
    replace(tables, old)
    try:
        replace(new, tables)
    except BaseException:
        replace(old, tables)
        raise
