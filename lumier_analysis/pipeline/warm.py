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
import site
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from lumier_analysis.pipeline import masks, warm_process
from lumier_analysis.pipeline.fresh import code_files
from lumier_analysis.pipeline.kernel import TOKEN, end_processes, fixed_environment, run_token, signals_wait
from lumier_analysis.pipeline.scrubbed import scrubbed_environment
from lumier_analysis.pipeline.stage_folder import PREFIXES, stage_folder
from lumier_analysis.pipeline.warm_forked import WarmProcess
from lumier_analysis.study import Study

COLD = "LUMIER_COLD"
#: Longest time an answer may take, in seconds, the imports included; after it stages start cold.
READY_SECONDS = 120
#: Beginnings of the names of variables that libraries read when they are imported.
_DECIDE = (
    *("PYTHON", "NUMBA_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NVPL_", "NPY_", "LD_", "DYLD_", "MALLOC_"),
    *(
        "SKLEARN_",
        "SCIPY_",
        "PANDAS_",
        "ARROW_",
        "JOBLIB_",
        "NUMEXPR_",
        "GLIBC_",
        "PANDERA_",
        "PYDANTIC_",
        "SM_",
        "MPL_",
    ),
)


def _deciding(variables: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in variables.items() if k.startswith(_DECIDE) and k != "PYTHONUNBUFFERED"}


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
        self._unread, self._ready = b"", False
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
        return _deciding(environment) == _deciding(self.environment)

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
            return self._ask(request) if not self._closed and self.suits(environment) else None

    def _answered(self, answer: Callable[[], object]) -> bool:
        """Wait for an answer; False where the warm process is gone, or took too long and was ended."""
        end = time.monotonic() + READY_SECONDS
        while not answer():
            if time.monotonic() > end:
                self._process.kill()
            if not self._read(1.0):
                return False
        return True

    def _ask(self, request: dict[str, Any]) -> WarmProcess | None:
        """Have a process forked; None where the warm process does not answer in time, or is gone."""
        if not self._answered(lambda: self._ready):
            return None
        with suppress(OSError):
            # A file in memory, gone with its last handle.
            with os.fdopen(os.memfd_create("lumier"), "w", encoding="utf-8") as stream:
                json.dump(request, stream)
                stream.flush()
                stream.seek(0)
                socket.send_fds(self._connection, [b"1"], [stream.fileno()])
            if self._answered(lambda: self._begun):
                return WarmProcess(self._begun.pop(), self)
        return None

    def close(self) -> None:
        """End the warm process and everything that it has forked."""
        self._closed = True
        self._process.kill()
        end_processes(self._token, [self._process.pid])
        self._process.wait()
        with self._lock:
            self._connection.close()


def _others(study: Study) -> bool:
    """Tell whether a stage would import other modules than the warm process does, or draw by other settings.

    Those that lie beside the package, and those that the user has installed for himself: a staged stage has another
    home, and does without.
    """
    own = site.ENABLE_USER_SITE and site.getusersitepackages() in sys.path
    return bool(own) or any(name.startswith("../") for name in code_files(study.root))


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
        if sys.platform.startswith("linux") and not os.environ.get(COLD) and not _others(study):
            with suppress(OSError):  # the disk is full, say: told by the stage that cannot do without
                base = stack.enter_context(stage_folder(PREFIXES[-1]))
                environment = scrubbed_environment(base, hidden)
                fonts = any((base / "matplotlib").iterdir())  # without a list of them every run would make its own
                if fonts and _deciding(environment) == _deciding(fixed_environment()):
                    warm = WarmStart(environment)
        try:
            yield warm
        finally:
            if warm is not None:
                with signals_wait():
                    warm.close()
