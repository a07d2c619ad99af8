"""What a stage ran on, and how much memory it took."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Seconds between two looks at the memory of a stage's processes.
LOOK = 0.25


def processor() -> str:
    """Return the model of the processor: linear algebra chooses its instructions by it, and so its last bits."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    return platform.processor() or platform.machine()


@dataclass
class Memory:
    """Largest resident memory seen, in bytes."""

    peak: int = 0


def _resident(but: int | None = None) -> int:
    """Return the resident memory of all processes below this one, but for one, in bytes."""
    total = 0
    with suppress(psutil.Error):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                total += process.memory_info().rss if process.pid != but else 0
    return total


@contextmanager
def memory_watched(seconds: float = LOOK, but: int | None = None) -> Iterator[Memory]:
    """Follow the memory of the processes that the body starts.

    The peak is the largest sum of resident memory at any look. Pages that processes share count once for each, so it
    errs upwards; what comes and goes between two looks is not seen.

    Parameters
    ----------
    seconds : float
        Time between two looks.
    but : int, optional
        Number of a process that does not count, as others share its pages.
    """
    memory, over = Memory(), threading.Event()

    def look() -> None:
        while not over.wait(seconds):
            memory.peak = max(memory.peak, _resident(but))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        over.set()
        watcher.join()
