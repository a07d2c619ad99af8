"""Long steps of a notebook: how many run at a time, and how far they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumier_analysis.errors import UsageError

#: Set by `lumier run --jobs`; how many fits run at a time. No number depends on it.
JOBS = "LUMIER_JOBS"
#: Set by the runner: the file in which a step says how far it is, so that nothing of it stands in the notebook.
PROGRESS = "LUMIER_PROGRESS"


def jobs() -> int:
    """Return how many fits run at a time: what ``lumier run --jobs`` says, else the processors this process may use.

    Raises
    ------
    UsageError
        The variable LUMIER_JOBS is no whole number of at least 1.
    """
    said = os.environ.get(JOBS, "")
    if not said:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not said.isascii() or not said.isdigit() or int(said) < 1:
        raise UsageError(
            "The number of jobs must be a whole number of at least 1", found=said, fix="lumier run --jobs 2"
        )
    return int(said)


def step(label: str) -> Callable[[int, int], None]:
    """Return a function to be called as ``progress(done, total)`` in a long step.

    Under ``lumier run`` the runner shows the count; in JupyterLab one line below the cell is updated in place and
    taken away at the end; elsewhere nothing is shown.
    """
    handle: Any = None

    def progress(done: int, total: int) -> None:
        nonlocal handle
        text = f"{label}: {done} of {total}"
        if place := os.environ.get(PROGRESS):
            Path(place).write_text(text, encoding="utf-8")
            return
        shell = _shell()
        if shell is None:
            return
        from IPython.display import display

        content = {"text/plain": text if done < total else ""}
        if handle is None:
            handle = display(content, raw=True, display_id=True)
        else:
            handle.update(content, raw=True)

    return progress


def _shell() -> Any:
    """Return the IPython shell this code runs in, or None."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()
