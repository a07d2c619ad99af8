"""The strict notebook runner: papermill's engine, none of its optimism.

papermill 2.7 saves a notebook whose cells all say "completed" after a dead kernel, a time-out or an interrupt, takes
`sys.exit(0)` for success, and leaves processes behind. Success is therefore decided here, from what was executed; the
executed notebook appears in its place only then, whole. Otherwise it is kept as ``*.failed.ipynb``.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from lumier_analysis import errors
from lumier_analysis.errors import LumierError, NotebookError
from lumier_analysis.pipeline.checks import check_notebook, first_line, load_notebook
from lumier_analysis.pipeline.executed import error_output, not_executed, one_line, printed_warnings
from lumier_analysis.pipeline.kernel import end_processes, run_token, signals_interrupt, signals_wait
from lumier_analysis.pipeline.kernel_manager import Launch, kernel_manager_class
from lumier_analysis.pipeline.normalise import normalise
from lumier_analysis.pipeline.warm import WarmStart
from lumier_analysis.study.io import write_text_atomic

#: Longest time one cell may take, in seconds; the slowest cell of a full run takes well under a minute.
CELL_SECONDS = 1800
START_SECONDS = 60


class Outcome(Enum):
    """How the run of a notebook ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    KERNEL_DIED = "kernel died"
    TIMED_OUT = "timed out"
    INTERRUPTED = "interrupted"
    EXITED_EARLY = "exited early"
    SKIPPED_CELLS = "skipped cells"


@dataclass(frozen=True)
class NotebookRun:
    """One run of one notebook.

    Attributes
    ----------
    outcome : Outcome
    notebook : str
        Stem of the source notebook.
    sentence : str
        What happened, for a reader; empty where all went well.
    path : Path or None
        The executed notebook, or the ``*.failed.ipynb``; None where nothing was executed.
    seconds : float
        Duration, start of the kernel included.
    ename, evalue : str
        Class and text of the error of a failed cell.
    cell : int or None
        Execution number of the cell the run ended in (``In [n]`` of `path`).
    line : str
        First line of that cell.
    warnings : tuple of str
        Warnings printed by the cells.
    """

    outcome: Outcome
    notebook: str
    sentence: str = ""
    path: Path | None = None
    seconds: float = 0.0
    ename: str = ""
    evalue: str = ""
    cell: int | None = None
    line: str = ""
    warnings: tuple[str, ...] = field(default=())

    def error(self) -> LumierError | None:
        """Return the error this run ends in: of the family raised in the cell, else NotebookError; None if done."""
        if self.outcome is Outcome.DONE:
            return None
        family = getattr(errors, self.ename, None)
        if isinstance(family, type) and issubclass(family, LumierError):
            return family(self.sentence)
        return NotebookError(self.sentence)


@dataclass
class _Watch:
    """Where the execution stands: the notebook being executed, the code cell last begun and its number."""

    notebook: Any = None
    cell: Any = None
    number: int = 0

    def on_notebook_start(self, notebook: Any) -> None:
        self.notebook = notebook

    def on_cell_start(self, cell: Any, cell_index: int) -> None:
        # Not by index: papermill inserts cells of its own above the one that failed.
        if cell.cell_type == "code" and cell.source.strip():
            self.cell, self.number = cell, self.number + 1

    def place(self) -> tuple[int | None, str]:
        """Return execution number and first line of the cell last begun."""
        if self.cell is None:
            return None, ""
        return self.number, first_line(self.cell.source)


def _execute(
    source: Any,
    parameters: Mapping[str, Any],
    watch: _Watch,
    root: Path,
    cell_seconds: int,
    launch: Launch | None,
    warm: WarmStart | None,
) -> None:
    """Execute through papermill; whatever it started is gone when this returns or raises."""
    token = run_token()
    with tempfile.TemporaryDirectory(prefix="lumier-ipython-", ignore_cleanup_errors=True) as folder:
        manager = kernel_manager_class(root, token, Path(folder), launch, warm)
        try:
            from papermill import execute_notebook

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the machinery in this process; a cell's own are in its output
                execute_notebook(
                    source,
                    None,
                    parameters=dict(parameters),
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    log_output=False,
                    request_save_on_cell_execute=False,
                    start_timeout=START_SECONDS,
                    execution_timeout=cell_seconds,
                    autosave_cell_every=0,
                    force_raise_errors=True,
                    kernel_manager_class=manager,
                    extra_arguments=["--IPKernelApp.log_level=50"],
                    on_notebook_start=watch.on_notebook_start,
                    on_cell_start=watch.on_cell_start,
                )
        finally:
            with signals_wait():
                end_processes(token, manager.started)  # type: ignore[attr-defined]


def _describe(caught: BaseException | None, watch: _Watch, name: str, cell_seconds: int) -> dict[str, Any]:
    """Turn what the engine raised, and what the notebook shows, into outcome and sentence."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    cell, line = watch.place()
    where = f"{name}, In [{cell}] ({line})" if cell else name
    at: dict[str, Any] = {"cell": cell, "line": line}
    if isinstance(caught, KeyboardInterrupt):
        return at | {"outcome": Outcome.INTERRUPTED, "sentence": f"The run was interrupted in {where}."}
    if isinstance(caught, CellTimeoutError):
        sentence = f"{where} took longer than {cell_seconds} seconds and was stopped."
        return at | {"outcome": Outcome.TIMED_OUT, "sentence": sentence}
    shown = error_output(watch.notebook) if watch.notebook is not None else None
    if shown is not None:
        cell, ename, evalue, line = shown
        where = f"{name}, In [{cell}] ({line})"
        at = {"cell": cell, "line": line, "ename": ename, "evalue": evalue}
        if ename == "SystemExit":
            after = len(not_executed(watch.notebook))
            sentence = f"{where} ended the notebook by sys.exit; cells after it that did not run: {after}."
            return at | {"outcome": Outcome.EXITED_EARLY, "sentence": sentence}
        family = getattr(errors, ename, None)
        known = isinstance(family, type) and issubclass(family, LumierError)
        sentence = evalue if known else f"{where} stopped with {ename}: {one_line(evalue) or '(no message)'}"
        return at | {"outcome": Outcome.FAILED, "sentence": sentence}
    if isinstance(caught, DeadKernelError):
        sentence = f"The kernel died in {where}; the usual reason is too little memory."
        return at | {"outcome": Outcome.KERNEL_DIED, "sentence": sentence}
    if caught is not None:
        sentence = f"{where} could not be run, {type(caught).__name__}: {one_line(str(caught)) or '(no message)'}"
        return at | {"outcome": Outcome.FAILED, "sentence": sentence, "ename": type(caught).__name__}
    left = not_executed(watch.notebook)
    if left:
        missed = first_line(left[0].source)
        sentence = f"{name} reached its end but {len(left)} of its cells were not executed, the first being ({missed})."
        return {"outcome": Outcome.SKIPPED_CELLS, "sentence": sentence, "line": missed}
    return {"outcome": Outcome.DONE}


def run_notebook(
    source: Path,
    output: Path,
    parameters: Mapping[str, Any],
    *,
    root: Path,
    failed: Path | None = None,
    cell_seconds: int = CELL_SECONDS,
    launch: Launch | None = None,
    warm: WarmStart | None = None,
) -> NotebookRun:
    """Run a notebook; write the executed one to `output` only if every cell ran without error.

    Parameters
    ----------
    source : Path
        The notebook, never changed.
    output : Path
        Where the executed notebook goes.
    parameters : mapping
        For the cell tagged `parameters`.
    root : Path
        Working folder of the kernel: the project folder.
    failed : Path, optional
        Where an unfinished notebook is kept; beside `output` with the ending ``.failed.ipynb`` by default.
    cell_seconds : int
        Longest time one cell may take, in seconds.
    launch : Launch, optional
        How the kernel of a staged run is started; in the fixed environment by default.
    warm : WarmStart, optional
        What the kernel is forked from, if it can be.

    Returns
    -------
    NotebookRun
        Never raises for what a notebook does; SIGTERM, SIGHUP and Ctrl-C give the outcome INTERRUPTED. No process
        that the notebook started is alive afterwards.
    """
    import nbformat

    failed = failed or output.with_name(f"{source.stem}.failed.ipynb")
    began = time.monotonic()
    failed.unlink(missing_ok=True)
    try:
        notebook = load_notebook(source)
        check_notebook(notebook, parameters, source.name)
    except NotebookError as error:
        return NotebookRun(Outcome.REFUSED, source.stem, sentence=str(error), seconds=time.monotonic() - began)

    for name in ("papermill", "traitlets", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of theirs is said below
    watch, caught = _Watch(), None
    with signals_interrupt():
        try:
            _execute(notebook, parameters, watch, root, cell_seconds, launch, warm)
        except (Exception, KeyboardInterrupt) as error:
            caught = error
    described = _describe(caught, watch, source.stem, cell_seconds)
    path: Path | None = None
    if watch.notebook is not None:
        executed = watch.notebook
        for place in (root, *(launch.hidden if launch else ())):
            executed = normalise(executed, notebook, place)
        path = output if described["outcome"] is Outcome.DONE else failed
        with signals_wait():
            write_text_atomic(path, nbformat.writes(executed) + "\n")
    with suppress(OSError):
        if described["outcome"] is not Outcome.DONE:
            output.unlink(missing_ok=True)  # an older result must not pass for this one's
    return NotebookRun(
        notebook=source.stem,
        path=path,
        seconds=time.monotonic() - began,
        warnings=printed_warnings(watch.notebook) if watch.notebook is not None else (),
        **described,
    )
