"""A stage that is a function: run in a process of its own, its error brought back."""

from __future__ import annotations

import subprocess
import sys

from lumier_analysis import errors
from lumier_analysis.errors import LumierError, NotebookError
from lumier_analysis.pipeline.kernel import end_processes, fixed_environment, run_token, signals_wait
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import Study


def run_builder(stage: Stage, study: Study) -> None:
    """Run a stage that is a function, in a process of its own and the fixed environment.

    Raises
    ------
    LumierError
        Of the family and with the message of the error raised there.
    """
    token = run_token()
    command = [sys.executable, "-m", "lumier_analysis.pipeline.build", str(stage.builder), str(study.folder)]
    try:
        done = subprocess.run(
            command, cwd=study.root, env=fixed_environment(token), capture_output=True, text=True, encoding="utf-8"
        )
    finally:
        with signals_wait():
            end_processes(token)
    if done.returncode == 0:
        return
    family, _, message = done.stdout.strip().rpartition("\n")[2].partition("\t")
    known = getattr(errors, family, None)
    if isinstance(known, type) and issubclass(known, LumierError):
        raise known(message)
    log = study.analysis / "run" / f"{stage.name}.log"
    log.write_text(done.stderr, encoding="utf-8")
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    place = log.relative_to(study.root) if log.is_relative_to(study.root) else log
    raise NotebookError(f"The stage {stage.name} stopped: {last}", fix=f"see {place}")
