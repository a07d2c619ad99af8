"""What a report was made from: plan, lock, raw files, packages. No time, no user, no host."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime

from lumier_analysis.reporting.results import Results
from lumier_analysis.study import Study
from lumier_analysis.study.io import sha256_file

PACKAGES = ("numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "scikit-survival", "pingouin", "matplotlib")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Lines of (name, value), in the order shown, and (file, SHA-256) of the raw files."""

    facts: tuple[tuple[str, str], ...]
    raw_files: tuple[tuple[str, str], ...]


def package_version(name: str) -> str:
    """Return the installed version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def raw_file_hashes(study: Study, results: Results) -> tuple[tuple[str, str], ...]:
    """Return raw files and hashes, from the first that has any: the ledger, the raw folder, the record of the run.

    The raw folder is empty where the files were read in place, with ``--raw``.
    """
    read = {name: sha for files in results.inputs.values() for name, sha in files.items() if name.startswith("raw/")}
    if not read and study.raw.is_dir():
        for spec in study.plan.files.values():
            for path in study.raw.glob(spec.path):
                read["raw/" + path.relative_to(study.raw).as_posix()] = sha256_file(path)
    return tuple(sorted((read or _recorded(study)).items()))


def _recorded(study: Study) -> dict[str, str]:
    """Return the raw files that the record of the last run names."""
    found: dict[str, str] = {}
    for path in sorted((study.analysis / "run").glob("*.json")):
        try:
            key = json.loads(path.read_text(encoding="utf-8"))["key"]
        except (ValueError, KeyError, TypeError):
            continue
        found |= {name.replace("raw:", "raw/", 1): sha for name, sha in key.items() if name.startswith("raw:")}
    return found


def provenance(study: Study, results: Results) -> Provenance:
    """Collect what identifies a run.

    The date is that of SOURCE_DATE_EPOCH, where it is set: the same inputs must give the same bytes.
    """
    lock = study.root / "requirements.lock"
    facts = [
        ("Study", study.name),
        ("Registration", study.plan.study.registration or "none"),
        ("Plan (SHA-256)", sha256_file(study.folder / "plan.yml")),
        ("lumier-analysis", package_version("lumier-analysis")),
        ("Dependency lock (SHA-256)", sha256_file(lock) if lock.is_file() else "no lock"),
        ("Python", platform.python_version()),
        *((name, package_version(name)) for name in PACKAGES),
    ]
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        facts.append(("Date", datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%d")))
    return Provenance(tuple(facts), raw_file_hashes(study, results))
