"""The temporary folder of a stage: gone when the stage ends, or when the next one starts if it was killed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lumier_analysis.pipeline.kernel import signals_wait
from lumier_analysis.pipeline.process_mark import is_running, this_process

#: Names of such folders begin so; they hold patient-level tables, so none may be left.
PREFIXES = ("lumier-stage-", "lumier-dry-run-", "lumier-isolation-", "lumier-warm-")
OWNER = "owner.json"
#: A folder younger than this, in seconds, may not have been given its owner yet.
YOUNG = 60.0


def _abandoned(folder: Path) -> bool:
    """Tell whether the process that made the folder is gone; False where that cannot be known."""
    try:
        stat = folder.lstat()
        if folder.is_symlink() or (hasattr(os, "getuid") and stat.st_uid != os.getuid()):
            return False
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        if owner["host"] != socket.gethostname():
            return False  # a container may share the folder and not the processes
        return not is_running(owner)
    except (OSError, ValueError, KeyError, TypeError):
        with suppress(OSError):
            return not (folder / OWNER).exists() and time.time() - folder.stat().st_mtime > YOUNG
        return False


def sweep() -> int:
    """Delete what stages that were killed have left in the temporary folder; return how many there were."""
    found = [p for prefix in PREFIXES for p in Path(tempfile.gettempdir()).glob(f"{prefix}*") if _abandoned(p)]
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(found)


@contextmanager
def stage_folder(prefix: str = PREFIXES[0]) -> Iterator[Path]:
    """Give a new folder that its user alone may read, and delete it at the end, whatever ends it.

    Parameters
    ----------
    prefix : str
        One of `PREFIXES`.
    """
    sweep()
    base = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        (base / OWNER).write_text(json.dumps(this_process()), encoding="utf-8")
        yield base
    finally:
        with signals_wait():
            _make_deletable(base)
            shutil.rmtree(base, ignore_errors=True)


def _make_deletable(base: Path) -> None:
    """Give the user back the right to empty folders that a stage has closed; Windows wants it of files too."""
    for folder, _, files in os.walk(base):
        with suppress(OSError):
            Path(folder).chmod(0o700)
        if os.name == "nt":
            for name in files:
                with suppress(OSError):
                    Path(folder, name).chmod(0o600)
