"""Is the study what was locked? What moved, and the refusal of a run on anything else."""

from __future__ import annotations

from typing import Any

from lumier_analysis.errors import EnvironmentMismatch, LockError
from lumier_analysis.pipeline import doctor
from lumier_analysis.pipeline.deviations import deviation_problems
from lumier_analysis.pipeline.fresh import of_an_earlier_run
from lumier_analysis.pipeline.installed import modules_in_place
from lumier_analysis.pipeline.lock_differences import Difference, compare_parts
from lumier_analysis.pipeline.lock_parts import DERIVED, kind_of, lock_parts
from lumier_analysis.pipeline.plan_parts import key_lines
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.study import Study, opening_log, seal
from lumier_analysis.study.lockfile import Amendment, deviations_path, require_lock

#: How many differences an error names.
NAMED = 5


def deviations_text(study: Study) -> str | None:
    """Return the text of deviations.md; None where there is none."""
    try:
        return deviations_path(study).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""  # not what was written: its head and its entries are then found missing


def problems_of_deviations(study: Study, lock: dict[str, Any]) -> list[str]:
    """Say what of deviations.md is not as the lock says."""
    known = [Amendment(**a) for a in lock["amendments"]]
    return deviation_problems(deviations_text(study), known, study=study.name, content=lock["hashes"]["content"])


def problems_of_openings(study: Study, lock: dict[str, Any]) -> list[str]:
    """Say where the lock knows of a seal, or of openings, that the study has no more.

    Without the seal a cleaning would write the outcomes in clear, and no opening would be on record.
    """
    counted = [lock["record"].get("openings"), *(a["openings"] for a in lock["amendments"])]
    known, n = [n for n in counted if n is not None], len(opening_log.read(study))
    if known and n < max(known):
        return [f"the log has {n} of at least {max(known)} openings that the lock knows of"]
    if known and not n and not seal.has_seal(study):
        return [f"the outcomes were under seal when the plan was locked, and {seal.RECIPIENT} is gone"]
    return []


def differences(study: Study, *, stages: tuple[Stage, ...] = STAGES) -> list[Difference]:
    """Return what moved since the study was locked or last amended; empty where nothing did.

    Raises
    ------
    LockError
        The study is not locked, or its lock was altered.
    RawDataError, NotebookError
        A raw file or notebook is missing.
    """
    lock = require_lock(study)
    lines = key_lines((study.folder / "plan.yml").read_text(encoding="utf-8"))
    return compare_parts(lock["parts"], lock_parts(study, stages=stages), lines)


def environment_differences(study: Study) -> list[Difference]:
    """Return the installed packages that are not those of requirements.lock, and modules imported in their place."""
    locked = doctor.locked_versions(study.root / "requirements.lock")
    installed = doctor.installed_versions()
    return [
        Difference(f"installed package {name}", version, installed.get(name), f"installed:{name}")
        for name, version in sorted(locked.items())
        if installed.get(name) != version
    ] + [
        Difference(
            f"module {name} on PYTHONPATH, imported in place of the installed one", None, str(place), "pythonpath"
        )
        for name, place in sorted(modules_in_place().items())
    ]


def _restore(study: Study, moved: Difference, record: dict[str, Any]) -> str:
    """Say how the thing that moved is put back."""
    kind, _, rest = moved.part.partition(":")
    paths = {
        "plan": f"data/{study.name}/plan.yml",
        "notebook": f"notebooks/{rest.partition(':')[0]}.ipynb",
        "package": rest.removeprefix("../") if rest.startswith("../") else f"lumier_analysis/{rest}",
        "lock": "requirements.lock",
    }
    if moved.was is None and kind in ("package", "raw"):
        return f"remove {paths.get(kind, rest)}"
    if path := paths.get(kind):
        commit = record.get("commit")
        known = isinstance(commit, str) and not record.get("uncommitted_changes")
        return f"git checkout {str(commit)[:12]} -- {path}" if known else f"bring {path} back to what it was"
    return {
        "raw": f"put {rest} back as it was",
        "python": f"use Python {moved.was}",
        "parameter": "work from the project folder, with the study under its old name",
    }.get(kind, f"type: lumier run data/{study.name} --fresh")


def require_derived(study: Study, stages: tuple[Stage, ...] = STAGES) -> None:
    """Refuse a study whose tables or signature are of an earlier plan, notebook, module or raw file.

    A lock would freeze them together with what they were not made from, and an opening would show what the next run
    makes anew.

    Raises
    ------
    LockError
        With the stage and what moved since it ran.
    RawDataError, NotebookError
        A raw file or notebook is missing.
    """
    if reasons := of_an_earlier_run(study, stages):
        more = f"; and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
        raise LockError(
            f"The tables and the signature of {study.name} are not those of the study as it stands",
            found="; ".join(reasons[:NAMED]) + more,
            fix=f"type: lumier run data/{study.name}, then the same command again",
        )


def _named(moved: list[Difference]) -> str:
    more = len(moved) - NAMED
    return "; ".join(d.text() for d in moved[:NAMED]) + (f"; and {more} more" if more > 0 else "")


def require_unchanged(study: Study, *, absent_made: bool = False, stages: tuple[Stage, ...] = STAGES) -> None:
    """Refuse a study that is not what was locked.

    Parameters
    ----------
    study : Study
    absent_made : bool
        Whether files that the stages make may be absent, as the run that follows makes them again; compare once more
        after it.
    stages : tuple of Stage

    Raises
    ------
    LockError
        Something moved: the message names it, what it was and what it is, and the two ways on. Or the study is not
        locked, or the lock or deviations.md was altered, or it knows of a seal or an opening that is gone.
    EnvironmentMismatch
        Another Python, or installed packages that are not those of requirements.lock.
    RawDataError, NotebookError
        A raw file or notebook is missing.
    """
    lock = require_lock(study)
    if problems := problems_of_deviations(study, lock):
        raise LockError(
            "The record of deviations is not what the lock says",
            found="; ".join(problems),
            fix="take deviations.md from a back-up of the study folder",
        )
    if problems := problems_of_openings(study, lock):
        raise LockError(
            "The record of openings is not what the lock says",
            found="; ".join(problems),
            fix=f"take {seal.RECIPIENT} and openings.* from a back-up of the study folder",
        )
    moved = differences(study, stages=stages)
    if absent_made:
        moved = [d for d in moved if d.now is not None or kind_of(d.part) not in DERIVED]
    if moved:
        things = "1 thing moved" if len(moved) == 1 else f"{len(moved)} things moved"
        since = "amended" if lock["amendments"] else "locked"
        family = EnvironmentMismatch if all(d.part == "python" for d in moved) else LockError
        raise family(
            f"The study {study.name} is not what was {since} on {lock['locked'][:10]}: {things}",
            found=_named(moved),
            fix=f"restore it ({_restore(study, moved[0], lock['record'])}), or depart from the plan openly:"
            f' lumier amend data/{study.name} --reason "why", which marks every later result as amended',
        )
    if other := environment_differences(study):
        packages = any(d.part != "pythonpath" for d in other)
        raise EnvironmentMismatch(
            f"This machine is not the one the frozen plan of {study.name} needs",
            found=_named(other),
            fix="python3 .ci/bootstrap.py, then work with .venv/bin/lumier" if packages else "unset PYTHONPATH",
        )
