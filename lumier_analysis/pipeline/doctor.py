"""What of this machine differs from what the results were locked with."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from lumier_analysis.errors import EnvironmentMismatch
from lumier_analysis.pipeline.installed import installed_packages

PYTHONS = ((3, 11), (3, 12))
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes
    ----------
    topic : str
    text : str
    differs : bool
        Whether results may differ from those made with the lock.
    """

    topic: str
    text: str
    differs: bool = False


def locked_versions(lock: Path, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the pinned version of every package that this Python and system need, by canonical name.

    Parameters
    ----------
    lock : Path
        requirements.lock.
    environment : mapping, optional
        Values of environment markers; those of this interpreter by default.

    Raises
    ------
    EnvironmentMismatch
        There is no lock, or it pins nothing.
    """
    if not lock.is_file():
        raise EnvironmentMismatch("requirements.lock is missing", fix="git checkout -- requirements.lock")
    pins: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        match = _PIN.match(line)
        if match and (
            not match["marker"] or Marker(match["marker"]).evaluate(dict(environment) if environment else None)
        ):
            pins[canonicalize_name(match["name"])] = match["version"]
    if not pins:
        raise EnvironmentMismatch("requirements.lock pins no package", fix="git checkout -- requirements.lock")
    return pins


def installed_versions() -> dict[str, str]:
    """Return the version of every installed package by canonical name."""
    return {canonicalize_name(name): version for name, version in installed_packages().items()}


def compare_versions(locked: Mapping[str, str], installed: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each package that is absent or of another version than the lock's."""
    return [
        Finding("package", f"{name} {installed.get(name, 'is not installed')}, the lock has {version}", differs=True)
        for name, version in sorted(locked.items())
        if installed.get(name) != version
    ]


def _compiled_share(folder: Path) -> float:
    """Return the share of a folder's modules that have bytecode, between 0 and 1."""
    modules = list(folder.rglob("*.py"))
    compiled = sum(Path(importlib.util.cache_from_source(str(m))).is_file() for m in modules)
    return compiled / len(modules) if modules else 1.0


def _bytecode(root: Path) -> list[Finding]:
    """Return findings on bytecode: without it every start of a kernel compiles what it imports."""
    folders = {"lumier_analysis": root / "lumier_analysis"}
    for package in ("numpy", "pandas", "matplotlib"):
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            folders[package] = Path(spec.origin).parent
    shares = {name: _compiled_share(folder) for name, folder in folders.items()}
    missing = [name for name, share in shares.items() if share < 0.9]
    text = f"not compiled: {', '.join(missing)}; python3 .ci/bootstrap.py compiles it" if missing else "compiled"
    return [Finding("bytecode", text)]


def _raw_data(root: Path) -> list[Finding]:
    """Return for each study whether its raw files stand in their folder."""
    findings = []
    for plan in sorted((root / "data").glob("*/plan.yml")):
        raw = plan.parent / "raw"
        count = sum(p.is_file() for p in raw.rglob("*")) if raw.is_dir() else 0
        text = f"{count} raw files" if count else "no raw files in its folder"
        findings.append(Finding(f"data/{plan.parent.name}", text))
    return findings


def examine(root: Path) -> list[Finding]:
    """Compare this machine with requirements.lock and look at what slows or stops a run.

    Parameters
    ----------
    root : Path
        Project folder.

    Raises
    ------
    EnvironmentMismatch
        There is no usable lock.
    """
    version = platform.python_version()
    wanted = " or ".join(f"{a}.{b}" for a, b in PYTHONS)
    good = sys.version_info[:2] in PYTHONS
    findings = [Finding("python", version if good else f"{version}, the project needs {wanted}", differs=not good)]
    locked = locked_versions(root / "requirements.lock")
    differing = compare_versions(locked, installed_versions())
    findings += differing or [Finding("packages", f"all {len(locked)} as in requirements.lock")]
    findings += _bytecode(root) + _raw_data(root)
    threads = os.environ.get("OMP_NUM_THREADS", "not limited")
    findings.append(Finding("threads", f"{os.cpu_count()} cores; stages run on one BLAS thread (here: {threads})"))
    return findings
