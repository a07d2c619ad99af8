"""`lumier score`: a plate the study has never seen, scored by a locked signature, to CSV and to one page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lumier_analysis.errors import PrivacyError, RawDataError, SignatureError, UsageError
from lumier_analysis.qpcr import read_ct
from lumier_analysis.reporting.score_page import score_page
from lumier_analysis.signature import LockedSignature, PlateScores
from lumier_analysis.study import project_root
from lumier_analysis.study.io import sha256_file, write_text_atomic

# A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class ScoredPlate:
    """What was written, and the scores in it."""

    csv: Path
    page: Path
    scores: PlateScores

    @property
    def n_scored(self) -> int:
        """Samples that have a score."""
        return int(self.scores.table["scorable"].sum())


def score_plate_file(
    plate: str | Path, signature: str | Path, *, out: str | Path | None = None, calibrated: bool = True
) -> ScoredPlate:
    """Score a plate file and write ``<plate>_scores.csv`` and ``<plate>_scores.html``.

    Parameters
    ----------
    plate : path
        In any format that `read_ct` knows; never changed.
    signature : path
        The locked signature.
    out : path, optional
        A folder, or the CSV file; default the current folder. The page stands beside the CSV.
    calibrated : bool
        See `LockedSignature.score_plate`.

    Raises
    ------
    SignatureError
        The signature cannot be read or verified, or cannot score this plate.
    RawDataError
        The plate cannot be read.
    PrivacyError
        The output would stand under reports/: it names samples.
    UsageError
        The output would replace the plate or the signature.
    """
    plate, signature = Path(plate), Path(signature)
    locked = LockedSignature.load(signature)
    csv = _output(plate, signature, out)
    if not plate.is_file():
        raise RawDataError(f"there is no plate file {plate}", fix="lumier score PLATE --signature FILE")
    scores = locked.score_plate(read_ct(plate), calibrated=calibrated)
    page = score_page(locked, scores, plate=plate.name, plate_hash=sha256_file(plate))
    write_text_atomic(csv, scores_text(scores.table, locked))
    return ScoredPlate(csv, write_text_atomic(csv.with_suffix(".html"), page), scores)


def scores_text(table: pd.DataFrame, signature: LockedSignature) -> str:
    """Return the scores as CSV: sample_id, score, risk, flag, scorable, reason, signature (its content hash)."""
    shown = table.assign(signature=signature.hashes["content"])
    names = [f"'{name}" if str(name).startswith(_FORMULA) else str(name) for name in shown.index]
    shown = shown.set_axis(pd.Index(names, name="sample_id"))
    return shown.to_csv(lineterminator="\n")


def _output(plate: Path, signature: Path, out: str | Path | None) -> Path:
    """Return where the CSV goes, or refuse the place."""
    name = f"{plate.stem}_scores.csv"
    given = Path(out) if out is not None else Path()
    # "results.v2" may be a folder to come; only a name that ends in .csv is a file.
    csv = given if given.suffix.lower() == ".csv" and not given.is_dir() else given / name
    if csv.parent.exists() and not csv.parent.is_dir():
        raise UsageError(f"{csv.parent} is a file, not a folder", fix="give --out a folder or a .csv file")
    for kept, what in ((plate, "plate"), (signature, "signature")):
        if kept.resolve() in (csv.resolve(), csv.with_suffix(".html").resolve()):
            raise UsageError(f"the scores would replace the {what} itself", found=str(kept), fix="give another --out")
    try:
        reports = project_root() / "reports"
    except UsageError:
        return csv
    if csv.resolve().is_relative_to(reports.resolve()):
        raise PrivacyError(
            "scores name samples, and nothing of a sample stands under reports/",
            found=str(csv),
            fix="give --out a folder elsewhere",
        )
    return csv


def none_scored(done: ScoredPlate) -> SignatureError:
    """Return the error of a plate of which no sample could be scored."""
    reasons = done.scores.table["reason"].value_counts()
    return SignatureError(
        f"no sample of the plate could be scored; the reasons are in {done.csv.name}",
        found="; ".join(f"{reason} ({n})" for reason, n in reasons.head(3).items()),
        fix="look at the quality of the plate, or give the signature of this panel",
    )
