"""Ways to learn where the study stands from inside a stage, and to read a file there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from lumier_analysis.pipeline.leak_readers import child, open_path

#: kind, relative (to the project), absolute, root (the project).
Target = dict[str, str]


class Unknown(Exception):
    """The route did not tell where the file stands."""


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
    raise Unknown


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
    raise PermissionError if denied else Unknown


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
        top = child("git", "rev-parse", "--show-toplevel").decode("utf-8", "replace").strip()
    except FileNotFoundError:
        raise Unknown from None
    return _from_places([top], target)


BY_SEARCH: dict[str, Callable[[Target], bytes]] = {
    "path below data/, as staged": lambda target: open_path(target["relative"]),
    "`..` below the package": lambda target: open_path(f"lumier_analysis/../{target['relative']}"),
    "environment variables": _environment,
    "paths of interpreter and modules": _interpreter,
    "/proc/<parent>/cwd": _parents_folder,
    "/proc/<parent>/environ": _parents_environment,
    "git, from the working folder": _git_here,
}
