"""Warm starts: the kernels of a run are forked from one process that has imported the libraries (Linux).

Most of the time that a kernel takes to start goes into imports, the same in every stage. Here they are made once, while
the runner still checks the study. What a stage can see and do is as at a cold start (`warm_process`): a session,
environment, masks and package of its own; the results are the same to the last byte. Where it cannot be had, stages
start cold: on other systems, where a variable would change what the libraries are, or with LUMIER_COLD set.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from lumier_analysis.pipeline import masks, warm_process
from lumier_analysis.pipeline.fresh import code_files
from lumier_analysis.pipeline.kernel import TOKEN, end_processes, fixed_environment, run_token, signals_wait
from lumier_analysis.pipeline.scrubbed import scrubbed_environment
from lumier_analysis.pipeline.stage_folder import PREFIXES, stage_folder
from lumier_analysis.study import Study

COLD = "LUMIER_COLD"
#: Longest time the imports may take, in seconds; after it stages start cold.
READY_SECONDS = 120
#: Beginnings of the names of variables that libraries read when they are imported.
_DECIDE = (
    *("PYTHON", "NUMBA_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NVPL_", "NPY_", "LD_", "DYLD_", "MALLOC_"),
    *("SKLEARN_", "SCIPY_", "PANDAS_", "ARROW_", "JOBLIB_", "NUMEXPR_"),
)


class WarmProcess:
    """A process that the warm one has forked, with the part of `subprocess.Popen` that a kernel manager uses.

    Attributes
    ----------
    pid : int
    returncode : int or None
        None while it runs.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, owner: WarmStart) -> None:
        self.pid, self._owner = pid, owner
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._owner.status(self.pid, 0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code; TimeoutExpired after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() >= end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            self.returncode = self._owner.status(self.pid, 0.1)
        return int(self.returncode or 0)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class WarmStart:
    """The warm process, seen from the runner.

    Parameters
    ----------
    environment : mapping
        All the variables that it is started with.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment, self._token = dict(environment), run_token()
        self._connection, theirs = socket.socketpair()
        self._unread, self._ready, self._began = b"", False, time.monotonic()
        self._ended: dict[int, int] = {}
        self._lock = threading.RLock()  # stages that run at the same time ask from threads of their own
        self._closed = False
        self._begun: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-", str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**environment, TOKEN: self._token},
            cwd="/",
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(Path(warm_process.__file__).read_bytes())
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """Number of the warm process."""
        return self._process.pid

    def _read(self, seconds: float) -> bool:
        """Take what has been said within `seconds`; return False at the end of the process."""
        if not select.select([self._connection], [], [], seconds)[0]:
            return True
        with suppress(ConnectionResetError):
            received = self._connection.recv(1 << 16)
            *lines, self._unread = (self._unread + received).split(b"\n")
            for message in map(json.loads, lines):
                self._ready = self._ready or "ready" in message
                if "status" in message:
                    self._ended[message["pid"]] = message["status"]
                elif "pid" in message:
                    self._begun.append(message["pid"])
            return bool(received)
        return False

    def status(self, pid: int, seconds: float) -> int | None:
        """Return how a process ended, waiting for word of it `seconds` at most; None while it runs."""
        with self._lock:
            if pid not in self._ended and (self._connection.fileno() < 0 or not self._read(seconds)):
                # Nobody is left to say how; what was forked dies with it.
                return self._ended.setdefault(pid, -int(signal.SIGKILL))
            return self._ended.get(pid)

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Tell whether the libraries are the same here as if they were imported in `environment`."""

        def deciding(variables: Mapping[str, str]) -> dict[str, str]:
            named = {name: value for name, value in variables.items() if name.startswith(_DECIDE)}
            return {name: value for name, value in named.items() if name != "PYTHONUNBUFFERED"}

        return deciding(environment) == deciding(self.environment)

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        masked: Sequence[Path] = (),
        output: Path | None = None,
    ) -> WarmProcess | None:
        """Start ``python -m`` `command` warm; return None where it must be started cold.

        Parameters
        ----------
        command : sequence of str
            Name of a module, and its arguments.
        environment : mapping
            All its variables.
        folder : Path
            Where it works.
        masked : sequence of Path
            Folders that it finds empty, see `masks`.
        output : Path, optional
            File for what it prints; nowhere by default.

        Raises
        ------
        RuntimeError
            The warm process was closed, so the run is ending.
        """
        request: dict[str, Any] = {
            "command": list(command),
            "environment": dict(environment),
            "folder": str(folder),
            "masks": [str(place) for place in masked],
            "masks_source": Path(masks.__file__).read_text(encoding="utf-8") if masked else "",
            "output": str(output) if output else None,
        }
        with self._lock:
            process = self._ask(request) if not self._closed and self.suits(environment) else None
        if process is None and self._closed:
            raise RuntimeError("the run is ending")
        return process

    def _ask(self, request: dict[str, Any]) -> WarmProcess | None:
        """Have a process forked; None where the warm process is not ready in time, or gone."""
        while not self._ready:
            if time.monotonic() - self._began > READY_SECONDS:
                self._process.kill()
            if not self._read(1.0):
                return None
        with suppress(OSError):
            # A file in memory, gone with its last handle.
            with os.fdopen(os.memfd_create("lumier"), "w", encoding="utf-8") as stream:
                json.dump(request, stream)
                stream.flush()
                stream.seek(0)
                socket.send_fds(self._connection, [b"1"], [stream.fileno()])
            while not self._begun:
                if not self._read(1.0):
                    return None
            return WarmProcess(self._begun.pop(), self)
        return None

    def close(self) -> None:
        """End the warm process and everything that it has forked."""
        self._closed = True  # from here on nothing is started, neither warm nor cold
        self._process.kill()
        end_processes(self._token, [self._process.pid])
        self._process.wait()
        with self._lock:
            self._connection.close()


@contextmanager
def warm_start(study: Study, hidden: Sequence[Path]) -> Iterator[WarmStart | None]:
    """Give the warm process of a run, and end it at the end; None where stages must start cold.

    Parameters
    ----------
    study : Study
    hidden : sequence of Path
        Folders that no variable of the process may name.
    """
    with ExitStack() as stack:
        warm = None
        # What lies beside the package would stand before an installed module of its name, or decide the figures.
        beside = any(name.startswith("../") for name in code_files(study.root))
        if sys.platform.startswith("linux") and not os.environ.get(COLD) and not beside:
            base = stack.enter_context(stage_folder(PREFIXES[-1]))
            environment = scrubbed_environment(base, hidden)
            if any((base / "matplotlib").iterdir()):  # without a list of fonts every run would make its own
                warm = WarmStart(environment)
                if not warm.suits(fixed_environment()):
                    warm.close()
                    warm = None
        try:
            yield warm
        finally:
            if warm is not None:
                with signals_wait():
                    warm.close()
