"""A module run to its end in a process of its own, warm or cold, and what it printed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from lumier_analysis.pipeline.warm import WarmStart


def run_module(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    prefix: Sequence[str] = (),
    masked: Sequence[Path] = (),
    warm: WarmStart | None = None,
    seconds: float | None = None,
) -> tuple[int, str]:
    """Run ``python -m`` `command`; return its exit code and what it printed, errors included.

    Parameters
    ----------
    command : sequence of str
        Name of a module, and its arguments.
    environment : mapping
        All its variables.
    folder : Path
        Where it works.
    prefix : sequence of str
        What goes before its command at a cold start.
    masked : sequence of Path
        Folders that it finds empty; what `prefix` brings about at a cold start.
    warm : WarmStart, optional
        What it is forked from.
    seconds : float, optional
        Longest time it may take; no limit by default.

    Raises
    ------
    subprocess.TimeoutExpired
        It took longer, and was ended.
    """
    if warm is not None:
        with TemporaryDirectory(prefix="lumier-said-") as place:
            output = Path(place, "said")
            process = warm.start(command, environment=environment, folder=folder, masked=masked, output=output)
            if process is not None:
                try:
                    code = process.wait(seconds)
                finally:
                    process.kill()
                return code, output.read_text(encoding="utf-8", errors="replace") if output.is_file() else ""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", *command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout
