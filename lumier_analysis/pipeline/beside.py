"""A stage that runs beside the one before it, on which it does not depend.

Its notebook runs staged, in a thread of the runner, and writes into the study only when its turn has come: results,
records, and what a killed run leaves are as if the stages had run one after the other. Where anything that it depends
on is another by then, or it did not end well, what it made is dropped and the stage runs as any other: no failure is
then owed to having run beside.
"""

from __future__ import annotations

import threading
from pathlib import Path

from lumier_analysis.pipeline.kernel import signals_wait
from lumier_analysis.pipeline.machine import memory_watched
from lumier_analysis.pipeline.masks import Masks
from lumier_analysis.pipeline.notebook import NotebookRun, Outcome
from lumier_analysis.pipeline.staged import run_staged
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.pipeline.warm import WarmStart
from lumier_analysis.study import Study

#: What every notebook stage writes, declared or not.
_ALWAYS = ("reports/figures", "reports/notebooks")


def may_run_beside(stage: Stage, earlier: Stage) -> bool:
    """Tell whether a stage may run beside the one before it: it says so, and reads nothing that the other writes."""
    written = (*earlier.writes, *earlier.may_write, *_ALWAYS)

    def overlap(a: str, b: str) -> bool:
        return a == b or a.startswith(f"{b}/") or b.startswith(f"{a}/")

    return stage.apart and bool(earlier.notebook) and not any(overlap(r, w) for r in stage.reads for w in written)


class Beside:
    """One stage that runs beside another.

    Parameters
    ----------
    stage : Stage
    study : Study
    key : dict
        What the stage depends on, see `fresh.stage_key`.
    failed : Path
        Where an unfinished notebook is kept.
    warm : WarmStart
        What its kernel is forked from; it ends with it.

    Attributes
    ----------
    stage : Stage
    peak : int
        Largest resident memory of all stages that ran at the time, in bytes; known once it is taken.
    """

    def __init__(self, stage: Stage, study: Study, key: dict[str, str], failed: Path, warm: WarmStart) -> None:
        self.stage, self._key, self._warm = stage, key, warm
        self._ended, self._turn, self._wanted = threading.Event(), threading.Event(), False
        self._made: tuple[NotebookRun, Masks] | None = None
        self.peak = 0

        from jupyter_core.utils import ensure_event_loop

        def await_turn() -> bool:
            self._ended.set()
            self._turn.wait()
            return self._wanted

        def work() -> None:
            try:
                with memory_watched(but=warm.pid) as memory:
                    self._made = run_staged(stage, study, failed, warm, await_turn)
                self.peak = memory.peak
            except Exception:
                self._made = None  # it is told by the run that follows
            finally:
                self._ended.set()
                ensure_event_loop().close()  # that of this thread

        # A daemon: whatever happens to the run, Python does not wait for it at its end.
        self._thread = threading.Thread(target=work, name=f"lumier-{stage.name}", daemon=True)
        self._thread.start()

    def take(self, stage: Stage, key: dict[str, str]) -> tuple[NotebookRun, Masks] | None:
        """Wait for the notebook, let its results be moved into the study, and return them as `run_staged` does.

        None where it is another stage, depends on something else by now, or did not end well.
        """
        if stage is not self.stage or key != self._key or self._turn.is_set():
            return None
        self._ended.wait()
        self._wanted = True
        self._finish()
        return self._made if self._made and self._made[0].outcome is Outcome.DONE else None

    def close(self) -> None:
        """Drop what was not taken; a notebook that still runs is ended, with the warm process."""
        with signals_wait():  # a second Ctrl-C would leave it waiting for its turn
            if self._thread.is_alive() and not self._ended.is_set():
                self._warm.close()
            self._finish()

    def _finish(self) -> None:
        with signals_wait():
            self._turn.set()
            self._thread.join()
