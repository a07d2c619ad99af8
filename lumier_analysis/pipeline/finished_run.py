"""A run that is over, as another is compared with it: its numbers, the records of its stages, the files it wrote."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lumier_analysis.errors import AnalysisError
from lumier_analysis.pipeline.fresh import output_hashes, read_record
from lumier_analysis.pipeline.installed import installed_packages
from lumier_analysis.pipeline.machine import processor
from lumier_analysis.pipeline.shown_numbers import shown_numbers
from lumier_analysis.pipeline.stages import Stage, locate
from lumier_analysis.reporting.results import Results, read_ledger
from lumier_analysis.study import Study

LEDGERS = "analysis/results/"


@dataclass(frozen=True)
class FinishedRun:
    """What is compared of a run.

    Attributes
    ----------
    name : str
        What it is called in messages.
    entries : mapping
        Ledger id -> entry as in the ledger file; empty where only `shown` is known.
    shown : mapping
        Ledger id -> texts as disclosure control shows them.
    inputs : mapping
        Notebook -> {file: SHA-256} as the ledger names them.
    records : mapping
        Stage -> its run record.
    altered : tuple of str
        Outputs that are no longer what their run wrote.
    """

    name: str
    entries: Mapping[str, Mapping[str, Any]]
    shown: Mapping[str, Mapping[str, Any]]
    inputs: Mapping[str, Mapping[str, str]]
    records: Mapping[str, Mapping[str, Any]]
    altered: tuple[str, ...] = field(default=())


def ledgers_of(stages: tuple[Stage, ...]) -> dict[str, str]:
    """Return notebook -> ledger file, as study paths, of the stages that write one."""
    return {str(stage.notebook): path for stage in stages for path in stage.writes if path.startswith(LEDGERS)}


def plain_entries(results: Results, notebooks: set[str]) -> dict[str, dict[str, Any]]:
    """Return the entries of some notebooks as they stand in the ledger file, NaN as None."""
    return {
        entry.id: {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(entry).items()}
        for entry in results.entries()
        if entry.notebook in notebooks
    }


def read_run(study: Study, stages: tuple[Stage, ...], name: str) -> FinishedRun:
    """Read the run of a study from its ledger and run records.

    Raises
    ------
    AnalysisError
        A stage has left no ledger, or a ledger file is damaged.
    """
    ledgers = ledgers_of(stages)
    absent = [path.removeprefix(LEDGERS) for path in ledgers.values() if not locate(study, path).is_file()]
    if absent or not ledgers:
        raise AnalysisError(
            f"The study {study.name} has no complete run to compare with",
            found=f"no ledger {', '.join(absent)}" if absent else "no ledger at all",
            fix=f"run `lumier run data/{study.name}`",
        )
    results = read_ledger(study)
    found = {stage.name: read_record(study, stage) for stage in stages}
    records = {name: record for name, record in found.items() if record is not None}
    altered = []
    for record in records.values():
        now = output_hashes(study, list(record["outputs"]))
        altered += [path for path, sha in record["outputs"].items() if now[path] != sha]
    entries = plain_entries(results, set(ledgers))
    shown = shown_numbers(results, study.plan.disclosure.threshold)
    return FinishedRun(
        name,
        entries,
        {id: shown[id] for id in entries},
        {n: files for n, files in results.inputs.items() if n in ledgers},
        records,
        tuple(altered),
    )


def environment_changes(record: Mapping[str, Any]) -> list[str]:
    """Say in what this machine differs from the one of a run record, package versions included; empty if in nothing."""
    facts = {
        "the processor": (record.get("processor", "not recorded"), processor()),
        "the system": (record.get("platform", "not recorded"), platform.platform()),
        "Python": (record.get("key", {}).get("python", "not recorded"), platform.python_version()),
    }
    changes = [f"{what}: {was}, now {now}" for what, (was, now) in facts.items() if was != now]
    before = dict(record.get("packages", {}))
    now = installed_packages()
    for name in sorted(before.keys() | now.keys(), key=str.lower):
        if before.get(name) != now.get(name):
            changes.append(f"package {name}: {before.get(name, 'absent')}, now {now.get(name, 'absent')}")
    return changes


def read_json_object(text: str, what: str) -> dict[str, Any]:
    """Return a JSON object, or raise AnalysisError that names it."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise AnalysisError(f"{what} cannot be read as a JSON object", fix="take an untouched copy")
    return content
