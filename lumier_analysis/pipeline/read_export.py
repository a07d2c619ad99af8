"""An export read back: its files checked against their checksums, its run as another is compared with it."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.pipeline.finished_run import FinishedRun, ledgers_of
from lumier_analysis.pipeline.stages import Stage

MANIFEST = "manifest-sha256.txt"
NUMBERS = "numbers.json"
LEDGER = "ledger"
RUNS = "runs"
_TAKE = "take an untouched copy of the export"


def manifest_text(files: dict[str, bytes]) -> str:
    """Return the checksums of files, one a line, as ``sha256sum --check`` reads them."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))


def _read_files(path: Path) -> dict[str, bytes]:
    """Return the files of a zip or a folder by name; nothing is extracted to disk."""
    if path.is_dir():
        if not (path / MANIFEST).is_file():
            return {}  # no export: not read whole, as it may be anything
        return {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}
    if not path.is_file():
        raise UsageError(f"There is no export {path}", fix="give --against a zip, or its folder, of lumier export")
    try:
        with zipfile.ZipFile(path) as archive:
            return {item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise AnalysisError(f"{path.name} is no sound zip", found=str(error), fix=_TAKE) from error


def _check(files: dict[str, bytes], name: str) -> None:
    """Refuse an export whose files are not those of its manifest."""
    if MANIFEST not in files:
        raise AnalysisError(f"{name} is no export", found=f"no {MANIFEST}", fix="give a zip that lumier export wrote")
    lines = files[MANIFEST].decode("utf-8", errors="replace").splitlines()
    named = {line.partition("  ")[2]: line.partition("  ")[0] for line in lines if line.strip()}
    present = {n: hashlib.sha256(content).hexdigest() for n, content in files.items() if n != MANIFEST}
    wrong = sorted(n for n in named.keys() | present.keys() if named.get(n) != present.get(n))
    if wrong:
        raise AnalysisError(f"The export {name} was altered", found=", ".join(wrong[:5]), fix=_TAKE)


def _json(files: dict[str, bytes], name: str) -> Any:
    """Return a file of the export as JSON."""
    try:
        return json.loads(files[name])
    except (KeyError, ValueError) as error:
        raise AnalysisError(f"The export has no sound {name}", fix=_TAKE) from error


def read_export(path: Path, stages: tuple[Stage, ...]) -> FinishedRun:
    """Read the run of an export.

    Parameters
    ----------
    path : Path
        The zip, or the folder it was unpacked to.
    stages : tuple of Stage
        Whose numbers are taken.

    Raises
    ------
    UsageError
        There is nothing at `path`.
    AnalysisError
        It is no export, or one of its files is not what its manifest names.
    """
    files = _read_files(Path(path))
    _check(files, Path(path).name)
    try:
        return _finished(files, Path(path).name, stages)
    except (KeyError, TypeError, AttributeError) as error:
        raise AnalysisError(f"The export {Path(path).name} is not laid out as one", fix=_TAKE) from error


def _finished(files: dict[str, bytes], name: str, stages: tuple[Stage, ...]) -> FinishedRun:
    """Return the run of an export from its files."""
    notebooks = ledgers_of(stages)
    numbers = _json(files, NUMBERS)
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(n for n in files if n.startswith(f"{LEDGER}/")):
        for entry in _json(files, path)["entries"]:
            if entry["notebook"] in notebooks:
                entries[entry["id"]] = entry
    records = {s.name: _json(files, n) for s in stages if (n := f"{RUNS}/{s.name}.json") in files}
    return FinishedRun(
        name=f"the export {name}",
        entries=entries,
        shown={id: shown for id, shown in numbers["numbers"].items() if shown["notebook"] in notebooks},
        inputs={notebook: given for notebook, given in numbers["inputs"].items() if notebook in notebooks},
        records=records,
    )
