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
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import psutil

from lumier_analysis.pipeline.process_mark import process_mark

if TYPE_CHECKING:
    from lumier_analysis.pipeline.warm import WarmStart

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


@dataclass(frozen=True)
class Launch:
    """How the kernel of a staged run is started.

    Attributes
    ----------
    environment : mapping
        All the variables it gets.
    prefix : tuple of str
        What goes before its command.
    hidden : tuple of Path
        Folders besides its own whose paths are taken out of what it prints.
    masked : tuple of Path
        Folders that it finds empty; what `prefix` brings about at a cold start.
    cold : bool
        Whether it may be started cold where it cannot be forked.
    """

    environment: Mapping[str, str]
    prefix: tuple[str, ...] = ()
    hidden: tuple[Path, ...] = ()
    masked: tuple[Path, ...] = ()
    cold: bool = True


def kernel_manager_class(
    root: Path, token: str, ipython_folder: Path, launch: Launch | None = None, warm: WarmStart | None = None
) -> type:
    """Return the kernel manager of one run: this interpreter, in `root`, in the fixed environment, encrypted.

    Parameters
    ----------
    root : Path
        Working folder of the kernel.
    token : str
        Marks the kernel and its children.
    ipython_folder : Path
        An empty folder, so that no start-up file or configuration of the user's takes part.
    launch : Launch, optional
        Of a staged run; its environment takes the place of the fixed one.
    warm : WarmStart, optional
        What the kernel is forked from where that can be; a new interpreter by default.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager, KernelManager

    class StageKernelManager(AsyncKernelManager):
        """Starts the interpreter that runs the pipeline, whatever kernelspec `python3` the user has installed."""

        # Half of it passes before a busy kernel is told to end, all of it before it is killed.
        shutdown_wait_time = 2.0

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            # Without encryption ipykernel warns on every start; older jupyter_client has no such setting.
            if self.has_trait("transport_encryption"):
                self.transport_encryption = "auto"
            # By default it stands below the user's home, and is named on the kernel's command line.
            self.connection_file = str(ipython_folder / "kernel.json")
            # Sockets in that folder: a port that was free when it was chosen may be another kernel's a moment later,
            # and the kernel is then dead before its first cell. Their paths have a limit, 103 or 107 characters.
            if os.name == "posix" and len(os.fsencode(self.connection_file)) < 90:
                self.transport = "ipc"

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(
                argv=[
                    *(launch.prefix if launch else ()),
                    sys.executable,
                    "-m",
                    "ipykernel_launcher",
                    "-f",
                    "{connection_file}",
                ],
                display_name="Python 3",
                language="python",
                metadata={"supported_encryption": ["curve"]},
            )

        async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
            environment = {**launch.environment, TOKEN: token} if launch else fixed_environment(token)
            environment["IPYTHONDIR"] = str(ipython_folder)
            # What the cells print comes through the kernel's messages; its own last words at an interrupt are noise.
            settings = {
                "env": environment,
                "cwd": str(root),
                "stdout": subprocess.DEVNULL,
                "stderr": subprocess.DEVNULL,
            }
            if warm is not None:
                from lumier_analysis.pipeline.warm_kernel import warm_provisioner

                self.provisioner = warm_provisioner(warm, launch, kernel_spec=self.kernel_spec, parent=self)
            await KernelManager._async_start_kernel(self, **(kwargs | settings))
            started.append(int(getattr(self.provisioner, "pid", 0) or 0))

    started: list[int] = []
    StageKernelManager.started = started  # type: ignore[attr-defined]
    return StageKernelManager


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
