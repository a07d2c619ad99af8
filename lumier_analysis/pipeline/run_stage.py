"""One stage run by the way that is its own: a function, a notebook, a staged notebook, or one that runs already."""

from __future__ import annotations

import time
from pathlib import Path

from lumier_analysis.pipeline.beside import Beside
from lumier_analysis.pipeline.notebook import Outcome, run_notebook
from lumier_analysis.pipeline.run_builder import run_builder
from lumier_analysis.pipeline.staged import run_staged
from lumier_analysis.pipeline.stages import Stage, parameters_of, shown
from lumier_analysis.pipeline.warm import WarmStart
from lumier_analysis.study import Study

#: What the record of a run says of a stage that ran in the project folder itself.
NOT_STAGED = "not staged"


def failed_path(stage: Stage, study: Study) -> Path:
    """Return where an unfinished notebook is kept."""
    return study.analysis / "run" / f"{stage.notebook}.failed.ipynb"


def run_stage(
    stage: Stage, study: Study, key: dict[str, str], warm: WarmStart | None, beside: Beside | None
) -> tuple[float, tuple[str, ...], str]:
    """Run one stage.

    Parameters
    ----------
    stage : Stage
    study : Study
    key : dict
        What it depends on, see `fresh.stage_key`.
    warm : WarmStart, optional
        What its process is forked from.
    beside : Beside, optional
        A stage that runs already; taken where it is this one.

    Returns
    -------
    float, tuple of str, str
        Seconds, warnings, and how it was kept apart.

    Raises
    ------
    LumierError
        With notes that say what the user may do next.
    KeyboardInterrupt
        It was interrupted.
    """
    began = time.monotonic()
    if not stage.notebook:
        run_builder(stage, study, warm)
        return time.monotonic() - began, (), NOT_STAGED
    source = study.root / "notebooks" / f"{stage.notebook}.ipynb"
    parameters = parameters_of(stage, study)
    failed = failed_path(stage, study)
    output = study.reports / "notebooks" / f"{stage.notebook}.ipynb"
    isolation = NOT_STAGED
    if (taken := beside and beside.take(stage, key)) or stage.staged:
        run, masks = taken or run_staged(stage, study, failed, warm)
        isolation = masks.sentence
    else:
        run = run_notebook(source, output, parameters, root=study.root, failed=failed, warm=warm)
    error = run.error()
    if error is None:
        return run.seconds, run.warnings, isolation
    if run.outcome is not Outcome.REFUSED:
        at = f"In [{run.cell}]: {run.line}" if run.cell else "before its first cell"
        settings = ", ".join(f"{k} = {v!r}" for k, v in parameters.items())
        error.add_note(f"It happened in notebooks/{stage.notebook}.ipynb, {at}")
        if run.path is not None:
            error.add_note(f"The notebook as far as it came: {shown(run.path, study.root)}")
        error.add_note(
            f"To go through this stage cell by cell: jupyter lab notebooks/{stage.notebook}.ipynb"
            f"  (in its parameters cell: {settings})"
        )
    if run.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt(run.sentence) from error
    raise error
