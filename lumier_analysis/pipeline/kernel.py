"""The kernel of a stage: how it is started, and how nothing of it is left behind.

A stage must give the same bytes on every run, so its kernel gets a fixed environment: one BLAS thread (the number of
threads changes the last bits of a matrix product), a fixed hash seed, UTC, an empty IPython profile. A kernel runs in
a session of its own, so neither the death of the kernel nor a signal to this process reaches what the kernel itself
started; those processes are found by a token in their environment, or by their session, and ended here.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

from lumier_analysis.pipeline.process_mark import process_mark

TOKEN = "LUMIER_RUN_TOKEN"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
#: Variables that change what a notebook does or shows, or (bytecode) how long its imports take.
DROPPED = (
    *("PYTHONDONTWRITEBYTECODE", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "MPLBACKEND", "LANGUAGE"),
    *("PYTHONOPTIMIZE", "NUMBA_DISABLE_JIT"),  # no assertion would be checked; other last bits
)
#: 2020-01-01 00:00 UTC, the date that dated formats get; zip cannot hold dates before 1980.
SOURCE_DATE_EPOCH = "1577836800"


def fixed_environment(token: str | None = None) -> dict[str, str]:
    """Return the environment every stage runs in.

    Parameters
    ----------
    token : str, optional
        Marks the processes of one run, see `end_processes`.
    """
    environment = {k: v for k, v in os.environ.items() if k not in DROPPED}
    environment.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    # In place of the user's own settings of figures.
    found = importlib.util.find_spec("matplotlib")
    if found is not None and found.origin:
        environment["MATPLOTLIBRC"] = str(Path(found.origin).parent / "mpl-data" / "matplotlibrc")
    environment.update(PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C.UTF-8", SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH)
    if token:
        environment[TOKEN] = token
    return environment


def run_token() -> str:
    """Return a new token, which begins with the mark of this process."""
    return f"{process_mark()}-{uuid.uuid4().hex}"


def end_processes_of(mark: str) -> int:
    """End every process that a runner of this mark, dead by now, has left; return how many there were."""
    tokens = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            token = process.environ().get(TOKEN, "")
            if token.startswith(f"{mark}-"):
                tokens.add(token)
    return sum(end_processes(token) for token in sorted(tokens))


def _belongs(process: psutil.Process, token: str, sessions: list[int]) -> bool:
    """Tell whether a process carries the token or lives in a kernel's session."""
    try:
        if hasattr(os, "getsid") and os.getsid(process.pid) in sessions:
            return True
        return process.environ().get(TOKEN) == token
    except (psutil.Error, OSError):
        return False


def end_processes(token: str, sessions: list[int] | None = None) -> int:
    """End every process of a run that is still alive; return how many there were.

    Parameters
    ----------
    token : str
        The token of the run.
    sessions : list of int, optional
        Process ids of its kernels, each the leader of a session.
    """
    total = 0
    # A process may start another while it is looked for, hence a second and third look.
    for _ in range(3):
        mine = os.getpid()
        found = [p for p in psutil.process_iter() if p.pid != mine and _belongs(p, token, sessions or [])]
        if not found:
            break
        total += len(found)
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=3)
    return total


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, so that an ended run cleans up as an interrupted one does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    names = [s for s in ("SIGTERM", "SIGHUP") if hasattr(signal, s)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Hold SIGTERM, SIGHUP and SIGINT back: cleaning up must not itself be interrupted half-way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [s for s in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, s)]
    before = {name: signal.signal(getattr(signal, name), signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
