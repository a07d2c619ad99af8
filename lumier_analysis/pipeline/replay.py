"""Replay: the whole plan once more from the raw files, in a clean folder, and every number compared."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from lumier_analysis.errors import LumierError, UsageError
from lumier_analysis.pipeline.clean_project import clean_project, stages_to_replay
from lumier_analysis.pipeline.compare_runs import Replay, compare_runs
from lumier_analysis.pipeline.finished_run import FinishedRun, read_run
from lumier_analysis.pipeline.kernel import signals_interrupt, signals_wait
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.read_export import read_export
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.pipeline.studylock import study_lock
from lumier_analysis.pipeline.tolerances import TOLERANCES, Tolerance
from lumier_analysis.study import Study
from lumier_analysis.study.seal import is_sealed

PREFIX = "lumier-replay-"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give an empty folder that is gone afterwards, or the one to keep."""
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fix = "give --keep another place"
            raise UsageError(f"The folder {keep} cannot be made", found=error.strerror, fix=fix) from None
        yield keep.resolve()
        return
    sweep()
    root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        yield root.resolve()
    finally:
        with signals_wait():
            shutil.rmtree(root, ignore_errors=True)


def sweep() -> int:
    """Delete the folders of replays that were killed: they hold patient-level tables. Return how many there were."""
    total = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        mine = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
        if number.isdigit() and mine and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)
            total += 1
    return total


def _check_keep(study: Study, keep: str | Path | None) -> Path | None:
    """Refuse a folder that holds something, or that may leave the house."""
    if keep is None:
        return None
    folder = Path(keep).resolve()
    if folder.is_relative_to(study.root / "reports"):
        raise UsageError("A replay holds patient-level tables", fix="keep it in a folder outside reports/")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"The folder {keep} is not empty", fix="give --keep a new folder")
    return folder


def _unlocked(study: Study, stages: tuple[Stage, ...]) -> tuple[str, ...]:
    """Say in what the study differs from its lock; empty where there is no lock."""
    if not (study.folder / "plan.lock.json").is_file():
        return ()
    from lumier_analysis.pipeline.plan_lock import differences

    return tuple(difference.text() for difference in differences(study, stages=stages))


def _rerun(study: Study, root: Path, stages: tuple[Stage, ...], sealed: bool, progress: Progress) -> FinishedRun:
    """Run the stages in a clean project below `root` and read what they wrote."""
    clean = clean_project(study, root, stages, sealed=sealed)
    try:
        run_study(clean, progress=progress, stages=stages)
    except LumierError as error:
        # The notes name files of a folder that is about to go.
        error.__notes__ = [
            "It happened in the replay, in a clean folder; the results of the study itself stand as they were.",
            "To look into that folder: add --keep DIR.",
        ]
        raise
    return read_run(clean, stages, "the replay")


def replay(
    study: Study,
    *,
    against: str | Path | None = None,
    tolerances: tuple[Tolerance, ...] = TOLERANCES,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    stages: tuple[Stage, ...] = STAGES,
) -> Replay:
    """Run the plan again from the raw files in a clean folder, and compare every number.

    Parameters
    ----------
    study : Study
    against : str or Path, optional
        An export (zip or folder) to compare with; the study's own ledger by default.
    tolerances : tuple of Tolerance
        For another machine or other versions; on the same ones, none applies.
    keep : str or Path, optional
        An empty or new folder to replay in, which stays; it holds patient-level tables.
    progress : Progress, optional
    stages : tuple of Stage

    Returns
    -------
    Replay
        The study itself is not changed.

    Raises
    ------
    AnalysisError
        There is no complete run, or no sound export, to compare with.
    UsageError
        `keep` cannot be used, or a run of the study is going on.
    LumierError
        Of the family of what went wrong in the rerun.
    KeyboardInterrupt
        Ctrl-C or SIGTERM; the folder is gone then too.
    """
    kept, began = _check_keep(study, keep), time.monotonic()
    progress = progress or Progress()
    sealed = is_sealed(study)
    chosen = stages_to_replay(study, stages)
    with signals_interrupt(), _folder(kept) as root:
        with study_lock(study.analysis / "run" / "lock"):
            if against is None:
                frozen = read_run(study, chosen, f"data/{study.name}/analysis/results")
            else:
                frozen = read_export(Path(against), chosen)
            unlocked = _unlocked(study, stages)
        replayed = _rerun(study, root, chosen, sealed, progress)
    return compare_runs(
        frozen, replayed, chosen, tolerances=tolerances, unlocked=unlocked, sealed=sealed,
        seconds=time.monotonic() - began, titles={a.id: a.title for a in study.plan.analyses},
    )  # fmt: skip
