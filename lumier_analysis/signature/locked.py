"""The locked signature: one JSON file that scores a new sample, and can tell whether it was altered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import SignatureError
from lumier_analysis.signature import score_table
from lumier_analysis.signature.plate import PlateScores, is_reactions, score_reactions
from lumier_analysis.signature.signature_fields import SignatureFields
from lumier_analysis.signature.signature_file import (
    canonical_text,
    check_hashes,
    check_text,
    content_of,
    field_hashes,
    read_fields,
)
from lumier_analysis.study.io import write_text_atomic

# Test vectors must reproduce to this (relative and absolute): sums may be ordered otherwise on another machine.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class LockedSignature(SignatureFields):
    """A frozen signature: `SignatureFields` and what they do.

    Built by `lock_module_score` or `lock_elastic_net`; read by `load`.
    """

    def score(self, data: pd.DataFrame) -> pd.DataFrame:
        """Score samples; nothing is re-scaled or re-centred on them.

        Parameters
        ----------
        data : DataFrame
            An expression table: index sample, one column a gene, log2 expression relative to the reference genes,
            higher = more RNA; NaN = untrusted. Other columns are ignored; an absent gene is missing for every sample.
            Or reactions as `qpcr.read_ct` gives them, known by the columns sample, assay, ct and state: see
            `score_plate`, which also returns notes.

        Returns
        -------
        DataFrame
            Index sample_id; score (NaN where not scorable), risk (of the event within the window), flag (score >=
            threshold; NA where not scorable), scorable, reason (why not; "" where it is).

        Raises
        ------
        SignatureError
            No gene of the signature, a doubled gene or sample, text or an infinite value in a gene's column; for
            reactions as `score_plate`.
        """
        return self.score_plate(data).table if is_reactions(data) else score_table.score_expression(self, data)

    def score_plate(self, reactions: pd.DataFrame, *, calibrated: bool = True) -> PlateScores:
        """Score the samples of a plate by the locked constants; see `plate.score_reactions`."""
        return score_reactions(self, reactions, calibrated=calibrated)

    def module_scores(self, expression: pd.DataFrame) -> pd.DataFrame:
        """Return every module score and every composite of the plan; index sample_id, NaN where genes fall short.

        Mean z of the module's genes that are there, at least half of them; a composite is the mean of its modules.
        """
        return score_table.module_scores(self, expression)

    def field_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each field as JSON, and under "content" that of all of them."""
        return field_hashes(self)

    def verify(self) -> None:
        """Check that content and test vectors are what they were when the signature was locked.

        Raises
        ------
        SignatureError
            Naming the fields that were altered, or the test vectors that no longer give their score.
        """
        check_hashes(self)
        wrong = []
        for i, vector in enumerate(self.test_vectors, start=1):
            got, wanted = self.expected(vector["expression"]), dict(vector)
            wrong += [f"{k} of test vector {i}" for k in got if not _same(got[k], wanted[k])]
        if wrong or not self.test_vectors:
            raise SignatureError(
                f"the locked signature {self.name} does not reproduce its test vectors",
                found=", ".join(wrong) or "no test vector",
                fix="use the version of the software that locked it",
            )

    def expected(self, sample: dict[str, float]) -> dict[str, Any]:
        """Return score, risk and flag of one sample as JSON knows them (None where not scorable)."""
        frame = pd.DataFrame({g: [sample.get(g, np.nan)] for g in self.genes}, index=["sample"], dtype=np.float64)
        line = score_table.score_expression(self, frame).iloc[0]
        numbers = {k: None if math.isnan(line[k]) else float(line[k]) for k in ("score", "risk")}
        return numbers | {"flag": None if pd.isna(line["flag"]) else bool(line["flag"])}

    def save(self, path: str | Path) -> Path:
        """Write the signature as JSON, whole or not at all; the same signature gives the same bytes."""
        return write_text_atomic(Path(path), canonical_text(self))

    @classmethod
    def load(cls, path: str | Path) -> LockedSignature:
        """Read a signature and verify it, to the byte.

        Raises
        ------
        SignatureError
            No such file, not JSON, another format version, missing or unknown fields, a value of the wrong kind, an
            altered field or byte, or as `verify`.
        """
        path = Path(path)
        read, text = read_fields(path)
        signature = cls(**content_of(read))
        try:
            signature.verify()
        except (KeyError, ValueError, IndexError) as error:
            raise SignatureError(f"{path.name} was altered and contradicts itself", found=repr(error)) from None
        check_text(signature, text, path.name)
        return signature

    def _repr_html_(self) -> str:
        threshold = "none" if self.threshold is None else f"{self.threshold:.3f}"
        return (
            f"<p><strong>Locked signature {self.name}</strong> ({self.kind}, {len(self.genes)} genes); threshold"
            f" {threshold}; content {self.field_hashes()['content'][:12]}</p>"
        )


def _same(a: Any, b: Any) -> bool:
    """Return whether two expected values agree: both absent, equal, or within `TOLERANCE`."""
    if a is None or b is None or isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
