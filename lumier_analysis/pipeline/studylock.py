"""One run at a time on a study."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lumier_analysis.errors import UsageError
from lumier_analysis.pipeline.disk_faults import disk_faults
from lumier_analysis.pipeline.kernel import end_processes_of
from lumier_analysis.pipeline.leftovers import KILLED
from lumier_analysis.pipeline.process_mark import is_running, this_process
from lumier_analysis.study.who import who


def _read_owner(path: Path) -> dict[str, object] | None:
    """Return who holds the lock; None where the file is so young that its owner may still be writing it."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return owner if isinstance(owner, dict) else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        # Not from before now alone: the clock may have been set back since.
        return None if abs(time.time() - path.stat().st_mtime) < 5 else {}


def _owner_lives(owner: dict[str, object]) -> bool:
    """Tell whether the process that wrote the lock is still the same running process."""
    if owner.get("host") != socket.gethostname():
        return True  # it cannot be known from here
    try:
        return is_running(owner)
    except (KeyError, ValueError, TypeError):
        return False


def _create(path: Path, text: str) -> None:
    """Make the lock file with all it says at once; FileExistsError where there is one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "w", encoding="utf-8") as stream:
                stream.write(text)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _holder(owner: dict[str, object]) -> str:
    """Say who holds the lock."""
    process = f"process {owner.get('pid', '?')} on {owner.get('host', '?')}"
    return f"{process}, started by {owner['who']}" if owner.get("who") else process


def _take(path: Path) -> None:
    """Make the lock file, or refuse; what a dead process has left, lock and processes, ends here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in (1, 2):
        try:
            _create(path, json.dumps(this_process() | {"who": who()}))
        except FileExistsError:
            owner = _read_owner(path)
            if attempt == 2 or owner is None or (owner and _owner_lives(owner)):
                raise UsageError(
                    "Another run of this study is going on",
                    found=_holder(owner or {}),
                    fix=f"wait for it; if you know that it has ended, delete {'/'.join(path.parts[-5:])}",
                ) from None
            # A kernel outlives its runner by a second, the process of the report by as long as that takes.
            if owner.get("mark"):
                end_processes_of(str(owner["mark"]))
            path.with_name(KILLED).touch()
            path.unlink(missing_ok=True)
            continue
        return


@contextmanager
def study_lock(path: Path) -> Iterator[None]:
    """Hold the lock file of a study; take it over where the process that left it is dead.

    Raises
    ------
    UsageError
        Another run is going on; the message names its process, its machine and who started it.
    LumierError
        The disk is full or may not be written.
    """
    with disk_faults("the lock of the run", path.parents[min(4, len(path.parents) - 1)]):
        _take(path)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
