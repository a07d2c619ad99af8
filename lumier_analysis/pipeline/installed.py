"""Which packages are installed, read quickly as a run asks several times, and what would be imported in their place."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from importlib.machinery import PathFinder, all_suffixes
from pathlib import Path

_FIELD = re.compile(r"^(Name|Version):[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def installed_packages() -> dict[str, str]:
    """Return name -> version of every installed package, as its metadata has them.

    The lines are looked for in the head of the metadata: `importlib.metadata` takes all of it apart, description
    included, once for the name and once for the version, which takes ten times as long.
    """
    found: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
        fields = dict(reversed(_FIELD.findall(text.partition("\n\n")[0])))
        if len(fields) == 2:
            found.setdefault(fields["Name"], fields["Version"])  # the first one is the one that is imported
    return found


def modules_in_place() -> dict[str, Path]:
    """Return name -> place of the modules in folders of PYTHONPATH that are imported in place of installed ones.

    Those that run at every start of Python, ``sitecustomize`` and ``usercustomize``, are among them.
    """
    folders = [Path(p).resolve() for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    others = [p for p in sys.path if p and Path(p).resolve() not in folders]
    found: dict[str, Path] = {}
    for folder in (f for f in folders if f.is_dir()):
        for place in sorted(folder.iterdir()):
            name = place.name.partition(".")[0]
            if not (place.name.endswith(tuple(all_suffixes())) or (place / "__init__.py").is_file()):
                continue
            spec = PathFinder.find_spec(name, others)
            replaced = spec is not None and spec.origin is not None and Path(spec.origin).resolve() != _origin(place)
            if replaced or name in ("sitecustomize", "usercustomize"):
                found.setdefault(name, place)
    return found


def _origin(place: Path) -> Path:
    """Return the file that is run when a module at `place` is imported."""
    return (place / "__init__.py" if place.is_dir() else place).resolve()
