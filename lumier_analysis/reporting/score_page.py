"""The page of a scored plate: one table of samples, and those that could not be scored with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lumier_analysis.reporting.pages import render
from lumier_analysis.reporting.wording import number_text
from lumier_analysis.signature import LockedSignature, PlateScores
from lumier_analysis.study.names import display_text


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A sample as the page shows it."""

    sample: str
    score: str = ""
    risk: str = ""
    flag: str = ""
    reason: str = ""


def score_page(signature: LockedSignature, scores: PlateScores, *, plate: str, plate_hash: str) -> str:
    """Return the page as self-contained HTML; the same plate and signature give the same text.

    Parameters
    ----------
    signature : LockedSignature
    scores : PlateScores
        Of `signature.score_plate`.
    plate : str
        File name.
    plate_hash : str
        SHA-256 of the file.
    """
    threshold = signature.threshold
    facts = [
        ("Signature", display_text(signature.name)),
        ("Signature hash", signature.hashes["content"]),
        ("Plate hash", plate_hash),
        ("Threshold", "none" if threshold is None else f"score ≥ {number_text(threshold, 3)}"),
        ("Risk", "of a flare by the next visit" if signature.calibration else "the signature has no calibration"),
    ]
    done = scores.table["scorable"].to_numpy()
    return render(
        "score.html.j2",
        plate=plate,
        name=display_text(signature.name),
        facts=facts,
        notes=scores.notes,
        scored=[_row(sample, line) for sample, line in scores.table[done].iterrows()],
        unscored=[ScoredRow(str(s), reason=str(r)) for s, r in scores.table.loc[~done, "reason"].items()],
    )


def _row(sample: object, line: pd.Series) -> ScoredRow:
    risk = "" if pd.isna(line["risk"]) else f"{number_text(100 * float(line['risk']), 1)} %"
    flag = "" if pd.isna(line["flag"]) else "at or above the threshold" if line["flag"] else "below"
    return ScoredRow(str(sample), number_text(float(line["score"]), 3), risk, flag)
