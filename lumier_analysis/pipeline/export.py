"""Export: one run as an RO-Crate in a zip, with checksums, for a journal or a regulator.

The full ledger holds small counts, which must not leave the house, and the records name people: an export has the
numbers as disclosure control shows them, and "person 1" for a name. With `internal` it has the full ledger and the
records as they stand, and is not for passing on.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lumier_analysis.errors import AnalysisError, DisclosureError, UsageError
from lumier_analysis.pipeline.crate import crate_metadata
from lumier_analysis.pipeline.export_text import DEVIATIONS, LOCK, OPENINGS, describe, readme
from lumier_analysis.pipeline.finished_run import LEDGERS, ledgers_of
from lumier_analysis.pipeline.fresh import read_record, status
from lumier_analysis.pipeline.leftovers import claimed_files
from lumier_analysis.pipeline.pseudonyms import names_left, people, without_names
from lumier_analysis.pipeline.read_export import LEDGER, MANIFEST, NUMBERS, RUNS, manifest_text
from lumier_analysis.pipeline.shown_numbers import shown_numbers
from lumier_analysis.pipeline.stages import STAGES, Stage, files_at, locate, shown
from lumier_analysis.pipeline.studylock import study_lock
from lumier_analysis.reporting import lint_reports, read_ledger, study_identifiers
from lumier_analysis.reporting.lint import PICTURES
from lumier_analysis.study import Study
from lumier_analysis.study.io import json_text, write_bytes_atomic

METADATA = "ro-crate-metadata.json"
#: Every file in the zip bears it; zip knows no date before 1980, and no time zone.
ZIP_DATE = (2020, 1, 1, 0, 0, 0)
LICENCE = "Results: as agreed with the sponsor of the study. Code: GPL-3.0-or-later."
#: What a run record says of paths and people; it stays in the house.
PRIVATE = ("who", "raw")
#: Absolute paths in the text of a warning, but for the file's own name.
_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\s\\/:'\"]+[\\/])+")


def export_run(
    study: Study, target: str | Path | None = None, *, internal: bool = False, stages: tuple[Stage, ...] = STAGES
) -> Path:
    """Pack a run into a zip.

    Parameters
    ----------
    study : Study
    target : str or Path, optional
        The zip, or a folder for it. By default ``reports/<study>-export.zip``, or, if internal,
        ``data/<study>/analysis/export/<study>-internal.zip``.
    internal : bool
        Add the full ledger, with which a replay elsewhere can be compared to the last digit.
    stages : tuple of Stage

    Returns
    -------
    Path
        The zip; the same run gives the same bytes.

    Raises
    ------
    AnalysisError
        The report is missing, or no longer that of the study as it stands; a file beside it is of no stage.
    DisclosureError
        A file would show a patient, a small count, a person of the records, or where this machine keeps its files.
    LockError, SealError
        The lock, or the log of openings, was altered.
    UsageError
        `target` is no zip, cannot be written, is in the raw folder, or is a place for files that may leave the house
        and the export is internal.
    """
    path = _target(study, target, internal)
    with study_lock(study.analysis / "run" / "lock"):
        _require_fresh(study, stages)
        files = _collect(study, stages, internal)
        names = {} if internal else people(study)
    files |= without_names(files, names)
    _lint(study, files, names)
    files[METADATA] = _metadata(study, files, stages, internal)
    files[MANIFEST] = manifest_text(files).encode()
    try:
        return write_bytes_atomic(path, zip_bytes(files))
    except OSError as error:
        raise UsageError(f"{path} cannot be written", found=error.strerror, fix="give --out another place") from None


def _target(study: Study, target: str | Path | None, internal: bool) -> Path:
    """Return where the zip goes."""
    default = f"{study.name}-{'internal' if internal else 'export'}.zip"
    if target is None:
        return (study.analysis / "export" if internal else study.root / "reports") / default
    path = Path(target).resolve()
    path = path / default if path.is_dir() else path
    if path.suffix.lower() != ".zip":
        raise UsageError(f"An export is a zip, and {Path(target).name} is none", fix="--out FILE.zip")
    if path.is_relative_to(study.raw):
        raise UsageError("The raw folder holds raw files, nothing else", fix="leave --out away")
    if path.is_relative_to(study.reports):
        fix = f"write it beside: --out reports/{default}" if not internal else "leave --out away"
        raise UsageError(f"reports/{study.name}/ holds what a run wrote, nothing else", fix=fix)
    if internal and path.is_relative_to(study.root / "reports"):
        raise UsageError(
            "An internal export holds small counts and must not stand below reports/", fix="leave --out away"
        )
    return path


def _require_fresh(study: Study, stages: tuple[Stage, ...]) -> None:
    """Refuse a study whose report is missing or is not that of its files as they stand."""
    for state in status(study, stages):
        if not state.fresh:
            raise AnalysisError(
                "The report is not that of the study as it stands",
                found=f"stage {state.stage.name}: {'; '.join(state.reasons[:3])}",
                fix=f"run `lumier run data/{study.name}` first",
            )
    if not (study.reports / "report.html").is_file():
        raise AnalysisError("There is no report to export", fix=f"run `lumier run data/{study.name}` first")
    # A figure of an earlier plan, say, whose stage was killed; or something put there by hand.
    if strangers := sorted(files_at(study, "reports").keys() - claimed_files(study)):
        more = f", and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        raise AnalysisError(
            "An export holds what the stages wrote, and nothing else",
            found=f"{shown(locate(study, strangers[0]), study.root)}{more}, of no stage",
            fix=f"move it out of reports/{study.name}/, or delete it",
        )


def public_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run record without people, hosts and paths."""
    kept = {key: value for key, value in record.items() if key not in PRIVATE}
    kept["parameters"] = {k: v for k, v in record.get("parameters", {}).items() if k != "raw"}
    kept["warnings"] = [_FOLDERS.sub("", text) for text in record.get("warnings", [])]
    return kept


def _collect(study: Study, stages: tuple[Stage, ...], internal: bool) -> dict[str, bytes]:
    """Return the files of the export but metadata and checksums."""
    threshold = study.plan.disclosure.threshold
    files: dict[str, bytes] = {}
    for name in ("plan.yml", LOCK, DEVIATIONS, OPENINGS):
        if (study.folder / name).is_file():
            files[name] = (study.folder / name).read_bytes()
    lock = study.root / "requirements.lock"
    if lock.is_file():
        files[lock.name] = lock.read_bytes()
    for stage in stages:
        if stage.notebook:
            name = f"notebooks/{stage.notebook}.ipynb"
            files[name] = (study.root / name).read_bytes()
        if (record := read_record(study, stage)) is not None:
            files[f"{RUNS}/{stage.name}.json"] = json_text(public_record(record)).encode()
    for name, path in files_at(study, "reports").items():
        files[f"report/{name.removeprefix('reports/')}"] = path.read_bytes()
    results = read_ledger(study)
    numbers = {"numbers": shown_numbers(results, threshold), "inputs": results.inputs}
    files[NUMBERS] = json_text(numbers).encode()
    if internal:
        for ledger in ledgers_of(stages).values():
            files[_in_crate(ledger)] = locate(study, ledger).read_bytes()
    files["README.md"] = readme(study, internal=internal).encode()
    return files


def _lint(study: Study, files: Mapping[str, bytes], names: Mapping[str, str]) -> None:
    """Refuse identifiers, small counts, files that cannot be searched, people, and paths of this machine."""
    texts: dict[str, str] = {}
    for name, content in files.items():
        if PurePosixPath(name).suffix.lower() in PICTURES:
            continue
        try:
            texts[name] = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DisclosureError(f"{name} cannot be searched for what must stay in the house") from error
    with tempfile.TemporaryDirectory(prefix="lumier-export-") as folder:
        empty = Path(folder) / "export"
        empty.mkdir()
        lint_reports(empty, study_identifiers(study), texts=texts, threshold=study.plan.disclosure.threshold)
    if named := [name for name, text in texts.items() if names_left(text, names)]:
        raise DisclosureError(
            f"{named[0]} names a person who locked, amended or opened",
            found=f"{len(named)} files",
            fix="take the name out of it, amend and run again; or keep the export in the house: --internal",
        )
    places = {str(place) for place in (study.root, study.raw, Path.home()) if len(place.parts) > 1}
    for name, text in texts.items():
        if any(re.search(rf"(?<![\w.]){re.escape(place)}(?![\w.-])", text) for place in places):
            raise DisclosureError(
                f"{name} names a folder of this machine", fix="print no absolute path in a notebook, then run again"
            )


def _metadata(study: Study, files: Mapping[str, bytes], stages: tuple[Stage, ...], internal: bool) -> bytes:
    """Return the metadata file of the crate."""
    found = {stage.name: read_record(study, stage) for stage in stages}
    records = {name: public_record(record) for name, record in found.items() if record is not None}
    outputs = {}
    for name, record in records.items():
        outputs[name] = [_in_crate(path) for path in record["outputs"] if _in_crate(path) in files]
    last = max((str(record.get("finished", "")) for record in records.values()), default="")
    info = study.plan.study
    text = crate_metadata(
        files,
        {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        {name: describe(name) for name in files},
        records,
        name=f"{info.title}: analysis",
        description=f"{'Internal, not for passing on. ' if internal else ''}One run of the analysis plan of"
        f" {info.title}{f' ({info.registration})' if info.registration else ''}. {info.caution or ''}".strip(),
        licence=LICENCE,
        date=last[:10],
        outputs=outputs,
    )
    return text.encode()


def _in_crate(path: str) -> str:
    """Return where a study path stands in the crate."""
    if path.startswith(LEDGERS):
        return f"{LEDGER}/{path.removeprefix(LEDGERS)}"
    head, _, rest = path.partition("/")
    return f"report/{rest}" if head == "reports" else path


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a zip whose bytes depend on names and contents alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            item = zipfile.ZipInfo(name, ZIP_DATE)
            item.external_attr, item.create_system, item.compress_type = 0o644 << 16, 3, zipfile.ZIP_DEFLATED
            archive.writestr(item, files[name])
    return buffer.getvalue()
