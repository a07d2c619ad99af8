"""Run a study: every stale stage in order, each stage's results either whole or absent."""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings

from lumier_analysis.errors import LumierError, NotebookError
from lumier_analysis.pipeline.beside import Beside, may_run_beside
from lumier_analysis.pipeline.disk_faults import disk_faults
from lumier_analysis.pipeline.fresh import output_hashes, read_record, record_path, stage_key, stale_reasons
from lumier_analysis.pipeline.installed import installed_packages
from lumier_analysis.pipeline.kernel import signals_interrupt, signals_wait
from lumier_analysis.pipeline.leftovers import (
    begin,
    begun_path,
    clear_killed_stage,
    snapshot,
    study_path,
    sweep_temporaries,
    written_since,
)
from lumier_analysis.pipeline.machine import memory_watched, processor
from lumier_analysis.pipeline.moved_numbers import numbers_moved
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run_stage import failed_path, run_stage
from lumier_analysis.pipeline.staged import hidden_folders
from lumier_analysis.pipeline.stages import STAGES, Stage, files_at, find_stage, locate, parameters_of, shown
from lumier_analysis.pipeline.studylock import study_lock
from lumier_analysis.pipeline.unseal import how_to_open, sealed_stages
from lumier_analysis.pipeline.warm import WarmStart, warm_start
from lumier_analysis.study import Study, open_study
from lumier_analysis.study.io import write_json
from lumier_analysis.study.who import who
from lumier_analysis.study.work import jobs


@dataclass(frozen=True)
class StudyRun:
    """What `run_study` did.

    Attributes
    ----------
    study : Study
    ran : tuple of str
        Names of the stages that ran, in order; empty where all were fresh.
    report : Path or None
        The report, if it is there.
    """

    study: Study
    ran: tuple[str, ...]
    report: Path | None


def open_for_run(folder: str | Path, raw: str | Path | None = None) -> Study:
    """Open a study; without `raw`, take the raw folder of its last run where ``data/<study>/raw`` is absent."""
    study = open_study(folder, raw)
    if raw is None and not study.raw.is_dir():
        record = read_record(study, STAGES[0])
        remembered = study.root / record["raw"] if record and record.get("raw") else None
        if remembered is not None and remembered.is_dir():
            return open_study(study.folder, remembered)
    return study


def _complete(stage: Stage, study: Study) -> None:
    """Refuse a stage that ended well without having written what it must."""
    for path in stage.writes:
        if not files_at(study, path):
            place = shown(locate(study, path), study.root)
            raise NotebookError(f"The stage {stage.name} ran to its end but did not write {place}")


def _execute(
    stage: Stage,
    study: Study,
    key: dict[str, str],
    record: dict[str, Any] | None,
    warm: WarmStart | None,
    beside: Beside | None,
) -> float:
    """Run a stage, and record it; on any failure nothing of it is left. Return its duration in seconds."""
    clear_killed_stage(study, stage)
    old = set((record or {}).get("outputs", {}))
    before = {path: mark for path, mark in snapshot(study).items() if study_path(study, path) not in old}
    begin(study, stage, before)
    # The record goes first: whatever happens from here on, the stage is not fresh until a new one is written.
    record_path(study, stage).unlink(missing_ok=True)
    for name in old:
        locate(study, name).unlink(missing_ok=True)
    started = datetime.datetime.now(datetime.UTC)
    try:
        with memory_watched(but=warm.pid if warm else None) as memory:
            seconds, warnings, isolation = run_stage(stage, study, key, warm, beside)
        _complete(stage, study)
        outputs = [study_path(study, p) for p in written_since(study, before) if not p.name.startswith(".")]
        packages = installed_packages()
        write_json(
            record_path(study, stage),
            {
                "stage": stage.name,
                "started": started.isoformat(timespec="seconds"),
                "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "seconds": round(seconds, 2),
                "peak_memory_bytes": max(memory.peak, beside.peak if beside and beside.stage is stage else 0),
                "who": who(),
                "parameters": parameters_of(stage, study),
                "raw": parameters_of(stage, study).get("raw"),
                "warnings": list(warnings),
                "isolation": isolation,
                "key": key,
                "outputs": output_hashes(study, outputs),
                "platform": platform.platform(),
                "processor": processor(),
                "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
            },
        )
    except BaseException:
        with signals_wait():
            for path in written_since(study, before):
                path.unlink(missing_ok=True)
            begun_path(study, stage).unlink(missing_ok=True)
        raise
    begun_path(study, stage).unlink(missing_ok=True)
    return seconds


def _start_beside(
    coming: tuple[Stage, ...], study: Study, fresh: bool, warm: WarmStart, stack: ExitStack
) -> Beside | None:
    """Start the stage after the next one, if both are to run and it may run beside the next one."""
    if len(coming) < 2 or jobs() < 2 or not may_run_beside(coming[1], coming[0]):
        return None
    try:
        key = stage_key(coming[1], study)
    except LumierError:  # told in its turn
        return None
    if not fresh and not stale_reasons(coming[1], study, read_record(study, coming[1]), key):
        return None
    with signals_wait():  # nobody would end what runs before it is known here
        beside = Beside(coming[1], study, key, failed_path(coming[1], study), warm)
        stack.callback(beside.close)
    return beside


def run_study(
    folder: str | Path | Study,
    raw: str | Path | None = None,
    *,
    fresh: bool = False,
    only: str | None = None,
    frozen: bool = False,
    progress: Progress | None = None,
    prepare: Callable[[], object] | None = None,
    stages: tuple[Stage, ...] = STAGES,
) -> StudyRun:
    """Run every stage that is not fresh, in order.

    While the outcomes of the validation cohort are sealed, the stages that need them wait.

    Parameters
    ----------
    folder : str, Path or Study
        The study, as for `open_study`; one that is open already keeps its project and raw folders.
    raw : str or Path, optional
        Folder of the raw files.
    fresh : bool
        Run the stages whether or not they are fresh.
    only : str, optional
        Run this stage alone.
    frozen : bool
        Refuse where anything differs from the locked plan, before the run and after it.
    progress : Progress, optional
        Where the line of each stage goes; standard output by default.
    prepare : function, optional
        Called once, before the first stage that runs: what takes time and a user's mistake must not wait for.
    stages : tuple of Stage
        The stages there are.

    Returns
    -------
    StudyRun

    Raises
    ------
    LumierError
        Of the family of what went wrong; notes on it say where, and how to look at it in JupyterLab. The results of
        the stage that failed are then absent, those of the stages before it stand.
    KeyboardInterrupt
        Ctrl-C, SIGTERM or SIGHUP; no process is left behind.
    """
    progress = progress or Progress()
    chosen = stages if only is None else (find_stage(only, stages),)
    study = folder if isinstance(folder, Study) else open_for_run(folder, raw)
    report = study.reports / "report.html"
    ran: list[str] = []
    # Filters of warnings belong to the process: two notebooks at the same time would not put them back.
    with signals_interrupt(), catch_warnings(), ExitStack() as stack:
        # At once where all stages run: the libraries are imported while the study is being checked.
        warm = stack.enter_context(warm_start(study, hidden_folders(study))) if fresh and len(chosen) > 1 else None
        if frozen:
            _require_unchanged(study, absent_made=True)
        stack.enter_context(study_lock(study.analysis / "run" / "lock"))
        sweep_temporaries(study)
        lines: list[str] = []
        beside: Beside | None = None
        waiting: set[str] = set()
        for position, stage in enumerate(chosen, 1):
            if stage.name in (waiting := sealed_stages(study, stages)):
                break
            record, key = read_record(study, stage), stage_key(stage, study)
            reasons = stale_reasons(stage, study, record, key)
            if not reasons and not fresh:
                lines.append(stage.name)
                continue
            for name in lines:
                progress.ended(name, "fresh")
            lines = []
            why = reasons[0] if reasons else "--fresh"
            if prepare is not None and not ran:
                prepare()
            if warm is None and not ran and position < len(chosen):
                warm = stack.enter_context(warm_start(study, hidden_folders(study)))
            if warm is not None and beside is None:
                beside = _start_beside(chosen[position - 1 :], study, fresh, warm, stack)
            began = time.monotonic()
            try:
                what = f"what the stage {stage.name} writes"
                with disk_faults(what, study.root), progress.running(stage.name, why):
                    seconds = _execute(stage, study, key, record, warm, beside)
                    moved = numbers_moved(study, stage)
            except LumierError:
                progress.ended(stage.name, "failed", time.monotonic() - began)
                raise
            except KeyboardInterrupt:
                progress.ended(stage.name, "interrupted", time.monotonic() - began)
                raise
            ran.append(stage.name)
            more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
            numbers = f"; {moved.note}" if moved else ""
            progress.ended(stage.name, "done", seconds, f"({why}{more}){numbers}")
            for line in moved.below(study.root) if moved else ():
                progress.line(line)
        if ran or waiting:
            for name in lines:
                progress.ended(name, "fresh")
            for stage in chosen if waiting else ():
                if stage.name in waiting:
                    progress.ended(stage.name, "sealed")
            if waiting:
                progress.line(how_to_open(study))
        elif only is None:
            progress.line("Nothing to do: all stages are fresh.")
        else:
            progress.line(f"Nothing to do: the stage {chosen[0].name} is fresh.")
    if frozen:
        _require_unchanged(study, absent_made=bool(waiting))
    # A report from before the outcomes were sealed again says nothing of this run.
    return StudyRun(study, tuple(ran), report if report.is_file() and not waiting else None)


def _require_unchanged(study: Study, *, absent_made: bool) -> None:
    """Refuse a study that is not what was locked; the modules of the lock are loaded only where they are needed."""
    from lumier_analysis.pipeline.plan_lock import require_unchanged

    require_unchanged(study, absent_made=absent_made)
