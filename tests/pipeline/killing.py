"""Killing a process at one of its changes of the disk, or its kernel at a time, and looking at what is left."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import psutil

from lumier_analysis.errors import LumierError

TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")


def results(root: Path, study: str = "tiny") -> dict[str, bytes]:
    """Return every result, but neither records of runs nor hidden temporary files."""
    folders = (root / "data" / study / "analysis", root / "reports" / study)
    files = [p for f in folders for p in f.rglob("*") if p.is_file() and not p.is_relative_to(folders[0] / "run")]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files if not TEMPORARY.fullmatch(p.name)}


def hidden(root: Path) -> list[Path]:
    """Return the hidden temporary files of a project."""
    return [p for p in (*(root / "data").rglob(".*"), *(root / "reports").rglob(".*")) if p.is_file()]


def in_child(work: Callable[[], object], temporary: Path, log: Path) -> int:
    """Call `work` in a process of its own; return how it ended: 0, 1 for an error, or minus the signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child of a process with threads: it starts its own
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        log.with_suffix(".error").unlink(missing_ok=True)  # of a child before
        os.environ["TMPDIR"] = str(temporary)
        tempfile.tempdir = str(temporary)
        with log.open("w") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        work()
        code = 0
    except LumierError as error:
        log.with_suffix(".error").write_text(str(error))
    finally:
        os._exit(code)


def kill_me() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Killer:
    """Counts the changes that this process makes to the disk below some folders, and kills it before one of them.

    A change is opening for writing, the first half of a write, the end of a write (fsync), a rename, a new folder, a
    removed file or folder. With `after`, changes count from the moment a file is moved there.
    """

    def __init__(self, folders: tuple[Path, ...], change: int, after: Path | None = None) -> None:
        self.folders, self.left, self.count = tuple(map(str, folders)), change, 0
        self.after, self.active = after, after is None
        sys.addaudithook(self.hook)
        self.fsync, self.fdopen = os.fsync, os.fdopen
        os.fsync = self.counted_fsync
        os.fdopen = self.counted_fdopen

    def step(self, doing: Callable[[], object] = lambda: None) -> None:
        if not self.active:
            return
        self.count += 1
        self.left -= 1
        if self.left == -1:
            doing()
            kill_me()

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        if self.after is not None and event == "os.rename" and str(args[1]) == str(self.after):
            self.after, self.active = None, True
            return
        change = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir") or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if change and str(args[0]).startswith(self.folders):
            self.step()

    def counted_fsync(self, handle: int) -> None:
        self.fsync(handle)
        self.step()

    def counted_fdopen(self, handle: int, *args: str, **options: str) -> object:
        stream = self.fdopen(handle, *args, **options)
        if isinstance(stream, io.BufferedWriter):
            return HalfWriter(stream, self)
        return stream


class HalfWriter:
    """A file of which the first half may be the last thing written."""

    def __init__(self, stream: io.BufferedWriter, killer: Killer) -> None:
        self.stream, self.killer = stream, killer

    def __enter__(self) -> HalfWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()

    def write(self, content: bytes) -> int:
        def half() -> None:
            self.stream.write(content[: len(content) // 2])
            self.stream.flush()

        self.killer.step(half)
        return self.stream.write(content)

    def flush(self) -> None:
        self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()


def kill_after_kernel_start(target: str, seconds: float, after: Path | None = None) -> None:
    """Kill this process or its first kernel, `seconds` after that was started; with `after`, once that file stands."""
    me = psutil.Process()

    def watch() -> None:
        while True:
            for child in me.children(recursive=True) if after is None or after.exists() else ():
                with contextlib.suppress(psutil.Error):
                    if child.name() == "lumier-stage" or "ipykernel_launcher" in child.cmdline():
                        time.sleep(seconds)
                        child.kill() if target == "kernel" else kill_me()
                        return
            time.sleep(0.01)

    threading.Thread(target=watch, daemon=True).start()


def spread(total: int, n: int) -> list[int]:
    """Return up to `n` numbers below `total`, evenly spread, first and last among them."""
    if n >= total:
        return list(range(total))
    return sorted({round(i * (total - 1) / (n - 1)) for i in range(n)})
