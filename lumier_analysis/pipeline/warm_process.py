"""The warm process: it has imported what notebooks import, and forks a process for each stage (Linux).

A program of its own, which the runner hands to the interpreter as text: nothing of the package is imported, and no
command line tells where the project stands. Through a socket it gets a handle of a file for each process to start, and
says what has begun and how it ended, one line of JSON each. When the runner is gone the socket is at its end, and
everything ends here.

What is forked is a session leader with the environment, folder, masks and arguments that it would have been started
with; only the modules are there already. None of them belongs to the study, so none can differ from stage to stage. The
file is read by the forked process alone: no stage finds in its memory what another one was told.
"""

from __future__ import annotations

import atexit
import builtins
import ctypes
import gc
import importlib
import io
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
import types
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

#: What is imported before anything is forked: what cleaning imports, each with all that it brings. One that is missing
#: is left out.
AHEAD = (
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "IPython.core.completer"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.displayhook"),
    *("IPython.extensions.storemagic", "sqlite3", "tornado.platform.asyncio", "encodings.idna"),
    *("numpy", "pandas", "pandas.core.arrays.arrow.extension_types", "pandas.io.formats.html"),
    *("pyarrow.parquet", "pyarrow.dataset", "scipy.optimize", "scipy.stats", "joblib", "numba", "pydantic", "yaml"),
    *("pandera.pandas", "pandera.backends.pandas.register", "pandera.strategies.pandas_strategies"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
    *("PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.GifImagePlugin", "PIL.BmpImagePlugin", "PIL.PpmImagePlugin"),
    *("jinja2", "openpyxl"),
)
#: What later stages import besides: while the first one runs.
LATER = (
    *("sklearn.experimental.enable_iterative_imputer", "sklearn.impute", "sklearn.linear_model", "sklearn.metrics"),
    *("patsy", "statsmodels.api", "pingouin", "nbformat"),
)
#: Optional packages that take long to import, and no notebook has a use for: grammars of web addresses (see
#: `source_notebook`), random data for tests, a debugger.
WITHOUT = ("rfc3987_syntax", "hypothesis", "debugpy")
TOKEN = "LUMIER_RUN_TOKEN"
_DIE_WITH_PARENT, _NAME = 1, 15
_LIBRARY = ctypes.CDLL(None)


def _token_place() -> tuple[int, int]:
    """Return where the mark of a run stands in the environment that the system shows of this process, and its length.

    The processes of a stage are found by that mark. A forked process shows the environment of the one it comes from, so
    the mark is written over there.
    """
    _LIBRARY.getenv.restype = ctypes.c_void_p
    return _LIBRARY.getenv(TOKEN.encode()) or 0, len(os.environ.get(TOKEN, ""))


def _masks(source: str) -> Any:
    """Return the module of the masks, from its text."""
    module = types.ModuleType("lumier_masks")
    sys.modules[module.__name__] = module
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    return module


def become(request: dict[str, Any], place: tuple[int, int]) -> None:
    """Run the module that a request names, as ``python -m`` would in its folder and environment."""
    environment, (address, length) = request["environment"], place
    mark = environment.get(TOKEN, "").encode()
    if address and len(mark) == length:
        ctypes.memmove(address, mark, length)
    os.environ.clear()
    os.environ.update(environment)
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # a kernel ends when this is no longer its parent
    time.tzset()
    tempfile.tempdir = None
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # as the generator of the standard library does by itself
    os.chdir(request["folder"])
    if request["output"]:
        handle = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number in (1, 2):
            os.dup2(handle, number)
        os.close(handle)
    if request["masks"]:
        _masks(request["masks_source"]).enter(request["masks"])
        _die_with_parent()  # new rights have taken that back
    sys.path.insert(0, request["folder"])
    importlib.invalidate_caches()
    module, *arguments = request["command"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def leave() -> None:
    """End as the interpreter does, but for taking apart a few thousand modules, which takes it a quarter of a second.

    Exit functions run, and files that are still open are written out. What only a `close` or a finaliser completes (an
    archive, a Parquet writer) stays as it is where a module holds it; a notebook's own variables are gone by then.
    """
    for thread in threading.enumerate():
        if thread.name == "Control":  # it still says that the kernel is idle, to a thread that an exit function ends
            thread.join(timeout=1.0)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    # Apart, as a file that another thread is writing to would be waited for.
    last = threading.Thread(target=_write_out, daemon=True)
    last.start()
    last.join(timeout=2.0)
    os._exit(0)


def _write_out() -> None:
    """Flush every file that is open for writing."""
    kinds = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    # By their type: some objects do not like to be asked for their class.
    for stream in (sys.__stdout__, sys.__stderr__, *(o for o in gc.get_objects() if issubclass(type(o), kinds))):
        with suppress(Exception):
            if stream:
                stream.flush()


def _die_with_parent() -> None:
    _LIBRARY.prctl(_DIE_WITH_PARENT, ctypes.c_ulong(signal.SIGKILL), *map(ctypes.c_ulong, (0, 0, 0)))


def _fork(parent: int) -> int:
    """Fork; return 0 in the new process, which leads a session of its own and dies with this one."""
    child = os.fork()
    if child == 0:
        os.setsid()
        _LIBRARY.prctl(_NAME, ctypes.c_char_p(b"lumier-stage"), *map(ctypes.c_ulong, (0, 0, 0)))
        _die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
    return child


def _load_numba() -> None:
    """Load what numba loads when it first looks at a compiled function, the same in every process."""
    with suppress(Exception):
        from numba.core.registry import cpu_target

        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()


def _import(*names: str) -> None:
    for name in names:
        with suppress(Exception):  # told by the notebook that cannot do without
            importlib.import_module(name)


def _begin_imports() -> None:
    # pandas asks, when it is imported, whether it is in a notebook, and shows tables accordingly.
    builtins.get_ipython = lambda: types.SimpleNamespace(kernel=True)  # type: ignore[attr-defined]
    gc.disable()  # next to nothing of what imports make is garbage
    for name in WITHOUT:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it is then an ImportError


def _end_imports() -> None:
    for name in WITHOUT:
        del sys.modules[name]
    del builtins.get_ipython  # type: ignore[attr-defined]
    gc.enable()
    gc.freeze()  # a collection would go through all of it, and write on every page: they would be shared no more


def serve(connection: socket.socket, later: Sequence[str] = ()) -> dict[str, Any] | None:
    """Import the rest and fork what is asked for.

    Return None at the end, and in each forked process what it is to become.
    """
    parent = os.getpid()
    running: dict[int, int] = {}
    chosen = selectors.DefaultSelector()
    chosen.register(connection, selectors.EVENT_READ, 0)

    def say(message: dict[str, int]) -> None:
        connection.sendall(json.dumps(message).encode() + b"\n")

    say({"ready": 1})
    left = list(later)
    while True:
        asked = chosen.select(0 if left else None)
        if left and not asked:
            _import(left.pop(0))
            if not left:
                _load_numba()
                gc.collect()
                _end_imports()
        for key, _ in asked:
            if key.data:  # a process has ended
                _, status = os.waitpid(key.data, 0)
                chosen.unregister(key.fd)
                os.close(running.pop(key.data))
                say({"pid": key.data, "status": os.waitstatus_to_exitcode(status)})
                continue
            received, (*handles,), _, _ = socket.recv_fds(connection, 1, 1)
            if not received:
                for child in running:
                    with suppress(OSError):
                        os.killpg(child, signal.SIGKILL)
                return None
            child = _fork(parent)
            if child == 0:
                if left:
                    _end_imports()
                chosen.close()
                connection.close()
                for handle in running.values():
                    os.close(handle)
                with os.fdopen(handles[0], encoding="utf-8") as stream:
                    return dict(json.load(stream))
            os.close(handles[0])
            running[child] = os.pidfd_open(child)
            chosen.register(running[child], selectors.EVENT_READ, child)
            say({"pid": child})


def main(number: int) -> None:
    """Import, serve, and become what was asked for."""
    place = _token_place()
    _die_with_parent()  # while it imports it would not hear that the runner is gone
    _LIBRARY.prctl(_NAME, ctypes.c_char_p(b"lumier-warm"), *map(ctypes.c_ulong, (0, 0, 0)))
    del sys.path[0]  # the folder this was started in
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as a kernel sets it for itself
    _begin_imports()
    _import(*AHEAD)
    request = None
    with suppress(BrokenPipeError, ConnectionResetError):  # the runner is gone
        request = serve(socket.socket(fileno=number), LATER)
    if request is not None:
        try:
            become(request, place)
        except SystemExit as left:
            if left.code is not None and not (isinstance(left.code, int) and left.code == 0):  # Python tells it
                raise
        leave()


if __name__ == "__main__":
    main(int(sys.argv[1]))
