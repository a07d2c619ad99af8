"""Which layers keep the validation outcomes from the derivation on this machine, found by trying to read them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumier_analysis.errors import AnalysisError
from lumier_analysis.pipeline.kernel import TOKEN, end_processes, run_token, signals_interrupt, signals_wait
from lumier_analysis.pipeline.leak_searches import BY_SEARCH
from lumier_analysis.pipeline.leaks import ABSENT, DENIED, GIT, IMPOSSIBLE, MISSING, READ, UNKNOWN
from lumier_analysis.pipeline.masks import Masks
from lumier_analysis.pipeline.run_module import run_module
from lumier_analysis.pipeline.staged import hidden_folders, staged
from lumier_analysis.pipeline.stages import Stage, find_stage
from lumier_analysis.pipeline.warm import warm_start
from lumier_analysis.study import Study
from lumier_analysis.study.io import sha256_file
from lumier_analysis.study.seal import COHORT, SEALED_TABLES, archive_path, is_sealed

OUTCOMES, SEALED, RAW, TRUTH, RESULTS = "outcome tables", "sealed archive", "raw files", "truth", "earlier results"
LEAKED, NOT_INSTALLED = "LEAKED", "not installed here"
_SECONDS = 300


@dataclass(frozen=True)
class Attempt:
    """One route to one kind of file.

    Attributes
    ----------
    route, kind : str
    held : str
        The layer that held, in words; "LEAKED" where none did.
    """

    route: str
    kind: str
    held: str


@dataclass(frozen=True)
class Isolation:
    """What was tried, and what held.

    Attributes
    ----------
    study : str
        Name of the study.
    sealed : bool
        Whether its validation outcomes are sealed.
    masks : Masks
    attempts : tuple of Attempt
    absent : tuple of str
        Kinds of file that the study does not have, which could not be tried.
    """

    study: str
    sealed: bool
    masks: Masks
    attempts: tuple[Attempt, ...]
    absent: tuple[str, ...]

    @property
    def leaked(self) -> tuple[Attempt, ...]:
        """The routes that read."""
        return tuple(a for a in self.attempts if a.held == LEAKED)

    @property
    def broken(self) -> bool:
        """Whether the study is sealed and an outcome was read all the same; raw files hold them too."""
        return self.sealed and bool(self.leaked)

    def lines(self) -> list[str]:
        """Return what to print."""
        kinds = list(dict.fromkeys(a.kind for a in self.attempts))
        routes = list(dict.fromkeys(a.route for a in self.attempts))
        by = {(a.route, a.kind): a.held for a in self.attempts}
        rows = [["route", *kinds], *([route, *(by.get((route, k), "") for k in kinds)] for route in routes)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        table = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        state = "sealed" if self.sealed else "not sealed (opened, or never sealed)"
        layers = "staged, scrubbed and masked" if self.masks.held else "staged and scrubbed only"
        said = [f"Derivation of data/{self.study} here: {layers}. The validation outcomes are {state}.", *table]
        if self.absent:
            said.append(f"Not there, so not tried: {', '.join(self.absent)}.")
        if not self.masks.held:
            said.append(
                f"Staged and scrubbed only: {self.masks.why}. A notebook that guesses an absolute path, or learns it"
                " from the runner's process, reads raw/, truth/ and every table that is not encrypted, in clear."
            )
        read = sorted({a.kind for a in self.leaked})
        tried = [a for a in self.attempts if not a.held.startswith((NOT_INSTALLED, IMPOSSIBLE))]
        words = f"{LEAKED}: {', '.join(read)}, by {len(self.leaked)}" if read else "Nothing was read by any"
        said.append(f"{words} of {len(tried)} attempts.")
        return said


def _first(folder: Path, *patterns: str) -> Path | None:
    """Return the first file of a folder, of the first pattern that fits any."""
    for pattern in patterns:
        found = sorted(p for p in folder.rglob(pattern) if p.is_file() and p.stat().st_size) if folder.is_dir() else []
        if found:
            return found[0]
    return None


def targets_of(study: Study) -> dict[str, Path | None]:
    """Return one file of each kind that a derivation must not see; None where the study has none."""
    tables = [study.table_path(table, COHORT) for table in reversed(SEALED_TABLES)]
    archive = archive_path(study)
    return {
        OUTCOMES: next((p for p in tables if p.is_file()), None),
        SEALED: archive if archive.is_file() else None,
        RAW: _first(study.raw, "*.csv", "*"),
        TRUTH: _first(study.folder / "truth", "*.csv", "*.parquet", "*"),
        RESULTS: _first(study.results, "03_*.json"),
    }


def judge(result: Mapping[str, Any], true_hash: str, masks: Masks) -> str:
    """Say which layer held in one attempt, or that none did.

    Parameters
    ----------
    result : mapping
        As of `leaks.attempt`, with kind and route.
    true_hash : str
        SHA-256 of the file that was aimed at.
    masks : Masks
    """
    status = result["status"]
    masked = "masked: empty" if masks.held else "absent"
    if status == READ:
        if result["kind"] == SEALED:
            return "encrypted: unreadable"
        same = "sha256" not in result or result["sha256"] == true_hash
        # A whole file would be read unchanged; part of one is as much a leak.
        return LEAKED if same or result["size"] else masked
    if status == ABSENT:
        below_stage = result["route"] in list(BY_SEARCH)[:2]
        return "not staged: absent" if below_stage else "not in git" if result["route"] == GIT else masked
    if status == DENIED:
        return "masked: denied" if masks.held else "denied"
    if status == UNKNOWN:
        return "scrubbed: path unknown"
    if status == MISSING:
        return NOT_INSTALLED
    if status.startswith(IMPOSSIBLE):
        return str(status)
    # It was found and opened; that it is no table of that kind protects nothing but what is encrypted.
    return "encrypted: unreadable" if result["kind"] == SEALED else LEAKED


def try_leaks(study: Study, stage: Stage | None = None) -> Isolation:
    """Try to read outcomes, raw files and truth from inside the environment of the derivation.

    Parameters
    ----------
    study : Study
    stage : Stage, optional
        "derive" by default.

    Raises
    ------
    AnalysisError
        The attempts could not be made, so that nothing is known.
    """
    stage = stage or find_stage("derive")
    found = targets_of(study)
    present = {kind: path for kind, path in found.items() if path is not None}
    root = study.root
    targets = [
        {
            "kind": kind,
            "absolute": str(path),
            "relative": path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name,
            "root": str(root.resolve()),
        }
        for kind, path in present.items()
    ]
    token = run_token()
    with (
        signals_interrupt(),
        warm_start(study, hidden_folders(study)) as warm,
        staged(study, stage, prefix="lumier-isolation-") as made,
    ):
        asked = made.base / "targets.json"
        asked.write_text(json.dumps(targets), encoding="utf-8")
        try:
            code, said = run_module(
                ["lumier_analysis.pipeline.leaks", str(asked)],
                environment={**made.launch.environment, TOKEN: token},
                folder=made.study.root,
                prefix=made.launch.prefix,
                masked=made.launch.masked,
                warm=warm,
                seconds=_SECONDS,
            )
            results = json.loads(said.strip().rpartition("\n")[2]) if code == 0 else None
        except (subprocess.TimeoutExpired, ValueError):
            results = None
        finally:
            with signals_wait():
                end_processes(token)
        masks = made.masks
    if results is None:
        raise AnalysisError("The attempts to leak did not run to their end, so nothing is known of the isolation")
    hashes = {kind: sha256_file(path) for kind, path in present.items()}
    tried = tuple(Attempt(r["route"], r["kind"], judge(r, hashes[r["kind"]], masks)) for r in results)
    return Isolation(study.name, is_sealed(study), masks, tried, tuple(k for k, p in found.items() if p is None))
