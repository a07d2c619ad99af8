"""One run at a time on a study."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from lumier_analysis.errors import UsageError


def _read_owner(path: Path) -> dict[str, object] | None:
    """Return who holds the lock; None where the file is so young that its owner may still be writing it."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return owner if isinstance(owner, dict) else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None if time.time() - path.stat().st_mtime < 5 else {}


def _owner_lives(owner: dict[str, object]) -> bool:
    """Tell whether the process that wrote the lock is still the same running process."""
    if owner.get("host") != socket.gethostname():
        return True  # it cannot be known from here
    try:
        # A process id is used again after a while; the time of creation tells the two apart.
        return abs(psutil.Process(int(str(owner["pid"]))).create_time() - float(str(owner["created"]))) < 1.0
    except (psutil.Error, KeyError, ValueError):
        return False


@contextmanager
def study_lock(path: Path) -> Iterator[None]:
    """Hold the lock file of a study; take it over where the process that left it is dead.

    Raises
    ------
    UsageError
        Another run is going on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    me = {"pid": os.getpid(), "host": socket.gethostname(), "created": psutil.Process().create_time()}
    for attempt in (1, 2):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            owner = _read_owner(path)
            if attempt == 2 or owner is None or (owner and _owner_lives(owner)):
                owner = owner or {}
                raise UsageError(
                    "Another run of this study is going on",
                    found=f"process {owner.get('pid', '?')} on {owner.get('host', '?')}",
                    fix=f"wait for it; if you know that it has ended, delete {'/'.join(path.parts[-4:])}",
                ) from None
            with suppress(FileNotFoundError):
                path.unlink()
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(me, stream)
        break
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
