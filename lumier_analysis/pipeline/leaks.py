"""Attempts to read what a staged stage must not see, made from inside its environment; started by `isolation`.

Run as a module in the staged project: targets come as JSON on standard input, what became of each attempt goes out as
JSON. Nothing that is read is given out, only its size and hash. The absolute paths are handed in, as a notebook might
have guessed them.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

READ, ABSENT, DENIED, UNKNOWN, MISSING = "read", "absent", "denied", "path unknown", "not installed"
IMPOSSIBLE = "not possible"
_SECONDS = 20
Target = dict[str, str]
Reader = Callable[[str], "bytes | None"]


class _Unknown(Exception):
    """The route did not tell where the file stands."""


def _open(path: str) -> bytes:
    return Path(path).read_bytes()


def _os_open(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, os.fstat(handle).st_size)
    finally:
        os.close(handle)


def _mmap(path: str) -> bytes:
    with Path(path).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return mapped[:]


def _numpy(path: str) -> bytes:
    import numpy as np

    return np.fromfile(path, dtype=np.uint8).tobytes()


def _pandas(path: str) -> None:
    import pandas as pd

    if path.endswith(".parquet"):
        pd.read_parquet(path)
    else:
        pd.read_csv(path, header=None, sep="\x01", encoding="latin-1", engine="python", on_bad_lines="skip")


def _polars(path: str) -> None:
    import polars as pl

    if path.endswith(".parquet"):
        pl.read_parquet(path)
    else:
        pl.read_csv(path, has_header=False, encoding="utf8-lossy", infer_schema=False, truncate_ragged_lines=True)


def _pyarrow(path: str) -> bytes | None:
    import pyarrow as pa
    import pyarrow.parquet

    if path.endswith(".parquet"):
        pyarrow.parquet.read_table(path)
        return None
    with pa.memory_map(path) as stream:
        return bytes(stream.read())


def _child(*command: str) -> bytes:
    """Return what a child process prints."""
    if shutil.which(command[0]) is None:
        raise ImportError(command[0])
    done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    if done.returncode == 0 and done.stdout:
        return done.stdout
    if b"ermission denied" in done.stderr or b"not permitted" in done.stderr:
        raise PermissionError
    raise FileNotFoundError


def _shell(path: str) -> bytes:
    return _child("sh", "-c", 'cat "$1"', "sh", path)


def _symbolic(path: str) -> bytes:
    link = Path(os.environ.get("TMPDIR", "."), "symbolic")
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link.read_bytes()


def _hard(path: str) -> bytes:
    link = Path(os.environ.get("TMPDIR", "."), "hard")
    link.unlink(missing_ok=True)
    link.hardlink_to(path)
    return link.read_bytes()


#: Unmounts every folder above a file, then binds each of them elsewhere without what is mounted below it, and reads.
_UNMASK = """
import ctypes, os, pathlib, sys
library, file, spot = ctypes.CDLL(None), pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
if library.unshare(0x10020000):
    sys.exit("not permitted")
for folder in file.parents:
    library.umount2(os.fsencode(folder), 2)
content = file.read_bytes() if file.is_file() else b""
for folder in file.parents:
    if not content and not library.mount(os.fsencode(folder), os.fsencode(spot), None, ctypes.c_ulong(4096), None):
        below = spot / file.relative_to(folder)
        content = below.read_bytes() if below.is_file() else b""
        library.umount2(os.fsencode(spot), 2)
os.write(1, content)
"""


def _new_namespace(path: str) -> bytes:
    """Take the masks away in a namespace of the child's own, where it holds every capability."""
    spot = Path(os.environ.get("TMPDIR", "."), "spot")
    spot.mkdir(exist_ok=True)
    return _child(sys.executable, "-I", "-S", "-c", _UNMASK, path, str(spot))


BY_PATH: dict[str, Reader] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
    "open()": _open,
    "os.open": _os_open,
    "mmap": _mmap,
    "numpy.fromfile": _numpy,
    "shell child (cat)": _shell,
    "symbolic link": _symbolic,
    "hard link": _hard,
    "new namespace, unmount": _new_namespace,
    "`..` from the working folder": lambda path: _open(os.path.relpath(path)),
}


def _from_places(places: Iterable[str], target: Target) -> bytes:
    """Read the file below the project, if any of the places is the project or lies in it."""
    root = Path(target["root"])
    for place in dict.fromkeys(places):
        for folder in (Path(place), *Path(place).parents):
            try:
                known = folder.is_absolute() and folder.resolve() == root
            except OSError:
                continue
            if known:
                return (folder / target["relative"]).read_bytes()
    raise _Unknown


def _ancestors() -> list[int]:
    """Return the process ids of parent, grandparent and so on."""
    found: list[int] = []
    pid = os.getppid()
    while pid > 0 and len(found) < 30:
        found.append(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return found


def _environment(target: Target) -> bytes:
    return _from_places([part for value in os.environ.values() for part in value.split(os.pathsep)], target)


def _interpreter(target: Target) -> bytes:
    modules = [str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())]
    return _from_places([sys.executable, sys.prefix, *sys.path, *modules], target)


def _parents_folder(target: Target) -> bytes:
    denied = False
    for pid in _ancestors():
        try:
            return Path(f"/proc/{pid}/cwd/{target['relative']}").read_bytes()
        except PermissionError:
            denied = True
        except OSError:
            continue
    raise PermissionError if denied else _Unknown


def _parents_environment(target: Target) -> bytes:
    places, denied = [], False
    for pid in _ancestors():
        try:
            text = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
            places += [p for entry in text.split("\0") for p in entry.partition("=")[2].split(os.pathsep)]
        except PermissionError:
            denied = True
        except OSError:
            continue
    if denied and not places:
        raise PermissionError
    return _from_places(places, target)


def _git_here(target: Target) -> bytes:
    try:
        top = _child("git", "rev-parse", "--show-toplevel").decode("utf-8", "replace").strip()
    except FileNotFoundError:
        raise _Unknown from None
    return _from_places([top], target)


BY_SEARCH: dict[str, Callable[[Target], bytes]] = {
    "path below data/, as staged": lambda target: _open(target["relative"]),
    "`..` below the package": lambda target: _open(f"lumier_analysis/../{target['relative']}"),
    "environment variables": _environment,
    "paths of interpreter and modules": _interpreter,
    "/proc/<parent>/cwd": _parents_folder,
    "/proc/<parent>/environ": _parents_environment,
    "git, from the working folder": _git_here,
}


GIT = "git, by the project's path"


def _git_there(target: Target) -> bytes:
    return _child("git", "-C", target["root"], "show", f"HEAD:{target['relative']}")


def attempt(read: Callable[[], bytes | None]) -> dict[str, Any]:
    """Make one attempt; return its status, and size and hash of what was read where it gives bytes."""
    try:
        content = read()
    except _Unknown:
        return {"status": UNKNOWN}
    except ImportError:
        return {"status": MISSING}
    except PermissionError:
        return {"status": DENIED}
    except (FileNotFoundError, NotADirectoryError):
        return {"status": ABSENT}
    except OSError as error:
        return {"status": f"{IMPOSSIBLE} ({error.strerror})"}
    except Exception as error:
        # polars wraps what the system says; anything else is a file that was there and could not be parsed.
        text = str(error).lower()
        gone = "no such file" in text or "not found" in text
        return {"status": ABSENT} if gone else {"status": f"not parsed ({type(error).__name__})"}
    if content is None:
        return {"status": READ}
    return {"status": READ, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def attempts(target: Target) -> list[dict[str, Any]]:
    """Try every route to one file.

    Parameters
    ----------
    target : dict
        kind, relative (to the project), absolute, root (the project).
    """
    tried: list[tuple[str, Callable[[], bytes | None]]] = []
    for name, search in BY_SEARCH.items():
        tried.append((name, lambda search=search: search(target)))  # type: ignore[misc]
    for name, reader in BY_PATH.items():
        tried.append((name, lambda reader=reader: reader(target["absolute"])))  # type: ignore[misc]
    tried.append((GIT, lambda: _git_there(target)))
    return [{"route": name, "kind": target["kind"], **attempt(read)} for name, read in tried]


def main() -> None:
    """Read the targets, write the attempts."""
    targets = json.load(sys.stdin)
    json.dump([result for target in targets for result in attempts(target)], sys.stdout)


if __name__ == "__main__":
    main()
