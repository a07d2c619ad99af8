"""A stage that is a function: run in a process of its own, its error brought back."""

from __future__ import annotations

from lumier_analysis import errors
from lumier_analysis.errors import LumierError, NotebookError
from lumier_analysis.pipeline.kernel import end_processes, fixed_environment, run_token, signals_wait
from lumier_analysis.pipeline.run_module import run_module
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.pipeline.warm import WarmStart
from lumier_analysis.study import Study


def run_builder(stage: Stage, study: Study, warm: WarmStart | None = None) -> None:
    """Run a stage that is a function, in a process of its own and the fixed environment.

    Parameters
    ----------
    stage : Stage
    study : Study
    warm : WarmStart, optional
        What the process is forked from.

    Raises
    ------
    LumierError
        Of the family and with the message of the error raised there.
    """
    token = run_token()
    command = ["lumier_analysis.pipeline.build", str(stage.builder), str(study.folder)]
    try:
        code, said = run_module(command, environment=fixed_environment(token), folder=study.root, warm=warm)
    finally:
        with signals_wait():
            end_processes(token)
    if code == 0:
        return
    for line in reversed(said.splitlines()):  # the last one may be Python's, of its own end
        family, tab, message = line.partition("\t")
        known = getattr(errors, family, None)
        if tab and isinstance(known, type) and issubclass(known, LumierError):
            raise known(message)
    log = study.analysis / "run" / f"{stage.name}.log"
    log.write_text(said, encoding="utf-8")
    last = (said.strip().splitlines() or [f"exit code {code}"])[-1]
    place = log.relative_to(study.root) if log.is_relative_to(study.root) else log
    raise NotebookError(f"The stage {stage.name} stopped: {last}", fix=f"see {place}")
