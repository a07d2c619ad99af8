"""Freshness by content: a stage is fresh while everything it was made from, and everything it made, is unchanged.

Times of files play no part. What a stage depends on is hashed into named parts, so that a stale stage can say why.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumier_analysis.errors import NotebookError, RawDataError
from lumier_analysis.pipeline.leftovers import begun_path
from lumier_analysis.pipeline.normalise import source_text
from lumier_analysis.pipeline.source_notebook import load_notebook
from lumier_analysis.pipeline.stages import STAGES, Stage, files_at, locate, parameters_of
from lumier_analysis.study import Study
from lumier_analysis.study.io import sha256_file, sha256_text
from lumier_analysis.study.seal import seal_parts

#: Files of the package that can change a number or its presentation.
PACKAGE_SUFFIXES = {".py", ".html", ".css", ".j2", ".json"}
#: Of modules without a source.
COMPILED = {".so", ".pyd", ".pyc"}
ABSENT = "absent"
#: Parts in the order in which a reader wants to hear of them.
LABELS = {
    "plan": "the plan",
    "raw": "raw file {}",
    "seal": "the seal's {}",
    "notebook": "notebook {}",
    "package": "package module {}",
    "lock": "requirements.lock",
    "python": "the Python version",
    "frozen": "the lock of the plan",
    "input": "input {}",
    "parameter": "parameter {}",
}


def record_path(study: Study, stage: Stage) -> Path:
    """Return where the run record of a stage stands."""
    return study.analysis / "run" / f"{stage.name}.json"


def read_record(study: Study, stage: Stage) -> dict[str, Any] | None:
    """Return the record of the last complete run of a stage; None where there is none that can be read."""
    try:
        record = json.loads(record_path(study, stage).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and {"key", "outputs"} <= record.keys() else None


def raw_files(study: Study) -> dict[str, Path]:
    """Return the raw files that the plan names, by path below the raw folder.

    Raises
    ------
    RawDataError
        The raw folder, or a file or pattern of the plan, is not there.
    """
    shown = study.raw.relative_to(study.root) if study.raw.is_relative_to(study.root) else study.raw
    if not study.raw.is_dir():
        place = f"data/{study.name}"
        put = f"put them into {place}/raw, or add --raw FOLDER"
        fix = f"type: lumier simulate {place}" if study.plan.study.synthetic else put
        raise RawDataError(f"The raw files of {study.name} are not there", found=f"no folder {shown}", fix=fix)
    found: dict[str, Path] = {}
    for name, spec in study.plan.files.items():
        matches = sorted(p for p in study.raw.glob(spec.path) if p.is_file())
        if not matches:
            there = sorted(p.relative_to(study.raw).as_posix() for p in study.raw.rglob("*") if p.is_file())
            listing = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")
            raise RawDataError(
                f"The raw file {spec.path} (files.{name} of the plan) is missing in {shown}",
                found=listing or "an empty folder",
                fix="put it there, or correct the path in plan.yml",
            )
        found |= {p.relative_to(study.raw).as_posix(): p for p in matches}
    return found


def code_files(root: Path) -> dict[str, Path]:
    """Return the files of the package, and those beside it that a kernel would import or draw by, by path below it.

    A kernel works in the project folder: a module there stands before every installed one, and matplotlib reads the
    settings that it finds there.
    """
    package = root / "lumier_analysis"

    def code(places: Iterable[Path]) -> list[Path]:
        suffixes = PACKAGE_SUFFIXES | COMPILED
        return [p for p in sorted(places) if p.suffix in suffixes and p.parent.name != "__pycache__" and p.is_file()]

    own = code(package.rglob("*"))
    compiled = (p for p in root.iterdir() if p.suffix in COMPILED)
    packages = (p.parent for p in root.glob("*/__init__.py") if p.parent != package)
    inside = (p for folder in packages for p in code(folder.rglob("*")))
    beside = sorted([*root.glob("*.py"), *root.glob("notebooks/*.py"), *root.glob("matplotlibrc"), *compiled, *inside])
    files = {p.relative_to(package).as_posix(): p for p in own}
    return files | {f"../{p.relative_to(root).as_posix()}": p for p in beside if p.is_file()}


def stage_key(stage: Stage, study: Study) -> dict[str, str]:
    """Return the parts a stage depends on, each with its hash.

    Raises
    ------
    RawDataError
        A raw file is missing.
    NotebookError
        The notebook is missing or unreadable.
    """
    root = study.root
    key = {"plan": sha256_file(study.folder / "plan.yml"), "python": platform.python_version()}
    lock = root / "requirements.lock"
    key["lock"] = sha256_file(lock) if lock.is_file() else ABSENT
    if stage.reads_raw:
        key |= {f"raw:{name}": sha256_file(path) for name, path in raw_files(study).items()}
        corrections = study.folder / "corrections.csv"
        key |= {"raw:corrections.csv": sha256_file(corrections)} if corrections.is_file() else {}
        key |= seal_parts(study)
    if stage.notebook:
        notebook = load_notebook(root / "notebooks" / f"{stage.notebook}.ipynb")
        key[f"notebook:{stage.notebook}"] = sha256_text(source_text(notebook))
    if stage.builder:
        # The report says under which lock its numbers stand. Imported here: it brings all that reports are made with.
        from lumier_analysis.reporting.frozen import lock_sentence

        key["frozen"] = lock_sentence(study)
    key |= {f"package:{name}": sha256_file(path) for name, path in code_files(root).items()}
    for read in stage.reads:
        key |= {f"input:{name}": sha256_file(path) for name, path in files_at(study, read).items()}
    # Where the raw files stand does not matter, only what they hold.
    parameters = {k: v for k, v in parameters_of(stage, study).items() if k != "raw"}
    return key | {f"parameter:{k}": json.dumps(v, sort_keys=True) for k, v in parameters.items()}


def output_hashes(study: Study, outputs: list[str]) -> dict[str, str]:
    """Return the hash of each output by study path, ``absent`` where it is not there."""
    places = {name: locate(study, name) for name in outputs}
    return {name: sha256_file(p) if p.is_file() else ABSENT for name, p in places.items()}


def _changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Say in words which parts differ."""
    reasons = []
    kinds = list(LABELS)
    for part in sorted(before.keys() | now.keys(), key=lambda p: (kinds.index(p.partition(":")[0]), p)):
        old, new = before.get(part), now.get(part)
        if old == new:
            continue
        kind, _, name = part.partition(":")
        what = LABELS[kind].format(name)
        if kind in ("python", "parameter", "frozen") and old and new:
            reasons.append(f"{what} changed from {old} to {new}")
        else:
            reasons.append(f"{what} {'is new' if old is None else 'is gone' if new is None else 'changed'}")
    return reasons


def stale_reasons(stage: Stage, study: Study, record: dict[str, Any] | None, key: dict[str, str]) -> list[str]:
    """Say why a stage must run; empty where it is fresh.

    Parameters
    ----------
    stage : Stage
    study : Study
    record : dict or None
        Of the last complete run.
    key : dict
        What the stage depends on now, see `stage_key`.
    """
    if record is None:
        return ["it began and did not end" if begun_path(study, stage).is_file() else "it has no complete run"]
    reasons = _changes(record["key"], key)
    now = output_hashes(study, list(record["outputs"]))
    for name, before in record["outputs"].items():
        if now[name] != before:
            reasons.append(f"output {name} {'is missing' if now[name] == ABSENT else 'was altered'}")
    return reasons


def of_an_earlier_run(study: Study, stages: tuple[Stage, ...] = STAGES) -> list[str]:
    """Say why the tables and the signature are not those of the study as it stands; empty where they are.

    Of the cleaning and the derivation, which come before any opening. The seal plays no part, as it changes no content,
    nor do the tables of the cleaning, which an opening exchanges.

    Raises
    ------
    RawDataError, NotebookError
        A raw file or notebook is missing.
    """
    reasons = []
    for stage in (s for s in stages if s.reads_raw or s.staged):
        record = read_record(study, stage)
        if record is not None:
            key = {part: sha for part, sha in record["key"].items() if not part.startswith("seal:")}
            record = {"key": key, "outputs": {} if stage.reads_raw else record["outputs"]}
        now = {part: sha for part, sha in stage_key(stage, study).items() if not part.startswith("seal:")}
        reasons += [f"stage {stage.name}: {reason}" for reason in stale_reasons(stage, study, record, now)]
    return reasons


@dataclass(frozen=True)
class StageStatus:
    """Whether a stage is fresh, and if not, why."""

    stage: Stage
    reasons: tuple[str, ...]

    @property
    def fresh(self) -> bool:
        """Whether there is nothing to do."""
        return not self.reasons


def status(study: Study, stages: tuple[Stage, ...] = STAGES) -> list[StageStatus]:
    """Return the state of every stage; a stage after a stale one is stale too, as its inputs may change."""
    states: list[StageStatus] = []
    for stage in stages:
        try:
            reasons = stale_reasons(stage, study, read_record(study, stage), stage_key(stage, study))
        except (RawDataError, NotebookError) as error:
            reasons = [error.message]
        if waiting := next((s.stage.name for s in states if not s.fresh), None):
            # What the inputs are now says nothing yet: they are about to be written again.
            reasons = [f"it follows {waiting}", *(r for r in reasons if not r.startswith("input "))]
        states.append(StageStatus(stage, tuple(reasons)))
    return states
