"""What tells a process from every other one, also after the clock of the machine was set."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import psutil


def process_mark(pid: int | None = None) -> str | None:
    """Return the mark of a running process, of this one by default; None where there is none of this number.

    The number of a process is used again after a while; when it was started tells the two apart. Linux gives that in
    ticks since the machine was started; as a time of day it would move with the clock.
    """
    pid = os.getpid() if pid is None else pid
    boot, stat = Path("/proc/sys/kernel/random/boot_id"), Path(f"/proc/{pid}/stat")
    try:
        if boot.is_file():
            # The name of the program stands in brackets and may hold any character.
            state, *fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return None if state in "ZX" else f"{boot.read_text(encoding='ascii').strip()}.{fields[18]}.{pid}"
        return f"{psutil.Process(pid).create_time():.3f}.{pid}"
    except (OSError, psutil.Error):
        return None


def this_process() -> dict[str, Any]:
    """Return what a file says of the process that made it."""
    created = psutil.Process().create_time()
    return {"pid": os.getpid(), "host": socket.gethostname(), "created": created, "mark": process_mark()}


def is_running(owner: dict[str, Any]) -> bool:
    """Tell whether the process of `this_process`, on this machine, is still the same running process.

    Raises
    ------
    KeyError, ValueError, TypeError
        It was not written by `this_process`.
    """
    if owner.get("mark"):
        return process_mark(int(str(owner["pid"]))) == owner["mark"]
    try:
        return abs(psutil.Process(int(str(owner["pid"]))).create_time() - float(str(owner["created"]))) < 1.0
    except psutil.Error:
        return False
