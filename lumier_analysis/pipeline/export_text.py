"""What an export says of itself: its README, and what each of its files is."""

from __future__ import annotations

from pathlib import PurePosixPath

from lumier_analysis import __version__
from lumier_analysis.pipeline.read_export import LEDGER, MANIFEST, NUMBERS, RUNS
from lumier_analysis.study import Study

LOCK, DEVIATIONS, OPENINGS, REPORT = "plan.lock.json", "deviations.md", "openings.jsonl", "report/report.html"
_FILES = {
    "README.md": "What the parts of this export are",
    "plan.yml": "The analysis plan",
    LOCK: "The lock of the plan: what was frozen, by hash",
    DEVIATIONS: "Departures from the locked plan, with reasons",
    OPENINGS: "Openings of the validation outcomes: when, by whom, under which lock, why; each line with its hash",
    "requirements.lock": "Package versions",
    NUMBERS: "Every number of the ledger as disclosure control shows it, and the hashes of what it was computed from",
    MANIFEST: "SHA-256 of every other file",
    REPORT: "The report",
}
_FOLDERS = {
    "notebooks": "Notebook, source",
    "report/notebooks": "Notebook, executed",
    "report/figures": "Figure",
    "report/tables": "Table",
    RUNS: "Run record of a stage: times, versions, hashes of what it read and wrote, warnings, peak memory",
    LEDGER: "The full ledger of a notebook, small counts included; not for passing on",
}
_README = """# {title}: export of one run

Report: `report/report.html`. What each file is: `ro-crate-metadata.json` (RO-Crate 1.2).

- `plan.yml`, `plan.lock.json`, `deviations.md`: the plan, what was frozen of it, and what was departed from.
- `openings.jsonl`: every opening of the validation outcomes, where they were sealed.
- `notebooks/`, `requirements.lock`: the code that ran on the package lumier-analysis {version}, and its packages.
- `report/`: report, model card, figures, tables, executed notebooks.
- `numbers.json`: every number as it may be shown, with plan item, notebook cell and input hashes.
- `runs/`: of each stage, when it ran, on what, and the SHA-256 of everything it read and wrote.
{ledger}
{people}
The files are whole if `sha256sum --check manifest-sha256.txt` says so. To run the analysis again from the raw files
and compare every number: `lumier replay data/{study} --against` this file. Patient-level data are not in it.
"""
_LEDGER = {
    False: "\nThe full ledger is not in it: it holds counts below {threshold}.\n",
    True: "- `ledger/`: the full ledger, counts below {threshold} included. **This export is not for passing on.**\n",
}
_PEOPLE = {
    False: """People are "person 1", "person 2", ... in the order in which they first appear in the records, that is in
`openings.jsonl`, `deviations.md`, `plan.lock.json` and the report. Every hash is that of the record as it was written:
each line of `openings.jsonl` keeps its own and that of the line before, and the lock its own and those of the entries
of `deviations.md`. A record with a pseudonym does not yield its hash, though whoever guesses a name can try it there.
The content hash of the lock covers no name and holds here too; `report.html` is not the file whose SHA-256
`runs/report.json` gives where that one names a person. The data manager verifies the records themselves, in the study:
type `lumier verify data/{study}`, and compare the hash of the last line of its `openings.jsonl` with the last one here.
""",
    True: """People are named in `openings.jsonl`, `deviations.md`, `plan.lock.json` and the report, the records to the
byte; `lumier verify data/{study}` checks those of the study.
""",
}


def describe(name: str) -> str:
    """Return what a file of the export is."""
    return _FILES.get(name) or _FOLDERS.get(PurePosixPath(name).parent.as_posix(), "")


def readme(study: Study, *, internal: bool) -> str:
    """Return the README of an export."""
    return _README.format(
        title=study.plan.study.title,
        study=study.name,
        version=__version__,
        ledger=_LEDGER[internal].format(threshold=study.plan.disclosure.threshold),
        people=_PEOPLE[internal].format(study=study.name),
    )
