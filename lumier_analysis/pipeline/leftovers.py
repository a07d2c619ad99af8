"""What a stage has written, and what a stage that was killed has left.

A run that is killed outright cannot clean up; the next one does. While a stage runs, ``run/<stage>.begun`` says which
results stood before it, so that the next run knows which are the killed stage's.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_json

#: Path -> time of change in ns, size in bytes, inode: what differs when a file is written again.
Marks = dict[Path, tuple[int, int, int]]
#: The names of `study.io`'s temporary files.
TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")
#: Left beside the lock of a run by who takes it over from a dead process.
KILLED = "killed"
_OWN = ("plan.lock", "deviations.", "openings.", "seal_recipient.")


def snapshot(study: Study) -> Marks:
    """Return every file of the study's results with what changes when it is written again."""
    files = {}
    for folder in (study.analysis, study.reports):
        for path in folder.rglob("*") if folder.is_dir() else ():
            # The sealed archive is kept while what it holds is unchanged; encrypting it anew would change its bytes.
            if path.is_file() and not any(path.is_relative_to(study.analysis / own) for own in ("run", "sealed")):
                stat = path.stat()
                files[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return files


def study_path(study: Study, path: Path) -> str:
    """Return the study path of a result: ``analysis/...`` or ``reports/...``."""
    if path.is_relative_to(study.reports):
        return f"reports/{path.relative_to(study.reports).as_posix()}"
    return f"analysis/{path.relative_to(study.analysis).as_posix()}"


def written_since(study: Study, before: Marks) -> list[Path]:
    """Return the files that are new or were written again since the snapshot."""
    return sorted(path for path, mark in snapshot(study).items() if before.get(path) != mark)


def begun_path(study: Study, stage: Stage) -> Path:
    """Return where it stands that a stage has begun."""
    return study.analysis / "run" / f"{stage.name}.begun"


def begin(study: Study, stage: Stage, before: Marks) -> None:
    """Write down that a stage begins, and what stands before it."""
    write_json(begun_path(study, stage), {study_path(study, path): list(mark) for path, mark in before.items()})


def claimed_files(study: Study) -> set[str]:
    """Return the study paths that the records of complete runs name."""
    claimed: set[str] = set()
    for path in (study.analysis / "run").glob("*.json"):
        try:
            claimed |= set(json.loads(path.read_text(encoding="utf-8"))["outputs"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return claimed


def clear_killed_stage(study: Study, stage: Stage) -> list[str]:
    """Delete what a stage that was killed has left in the places it declares; return the study paths."""
    begun = begun_path(study, stage)
    try:
        before = {name: tuple(mark) for name, mark in json.loads(begun.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return []
    places = [*stage.writes, *stage.may_write, f"reports/notebooks/{stage.notebook}.ipynb"]
    claimed, gone = claimed_files(study), []
    for path, mark in snapshot(study).items():
        name = study_path(study, path)
        own = any(name == place or name.startswith(f"{place}/") for place in places)
        if own and name not in claimed and before.get(name) != mark:
            path.unlink(missing_ok=True)
            gone.append(name)
    return gone


def sweep_temporaries(study: Study) -> int:
    """Delete the hidden temporary files that a killed process has left; return how many there were.

    Only where a lock was taken over from a dead process: another program may be writing otherwise.
    """
    killed = study.analysis / "run" / KILLED
    if not killed.exists():
        return 0
    found = [p for folder in (study.analysis, study.reports) if folder.is_dir() for p in folder.rglob(".*")]
    found += [p for own in _OWN for p in study.folder.glob(f".{own}*")]
    found = [p for p in found if p.is_file() and TEMPORARY.fullmatch(p.name)]
    for path in found:
        path.unlink(missing_ok=True)
    killed.unlink(missing_ok=True)
    return len(found)
