"""What the report shows of the locked signature, which is verified first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lumier_analysis.reporting.wording import number_text
from lumier_analysis.study import Study
from lumier_analysis.study.names import display_name

if TYPE_CHECKING:
    from lumier_analysis.signature.signature_fields import CalibrationLine

KINDS = {"module_score": "pre-specified module score", "elastic_net": "elastic-net logistic regression"}


@dataclass(frozen=True, slots=True)
class SignatureCard:
    """Lines of (name, value) in the order shown, and the genes that carry a weight."""

    facts: tuple[tuple[str, str], ...]
    genes: tuple[str, ...]


def signature_card(study: Study) -> SignatureCard | None:
    """Read and verify the locked signature; None if none has been locked yet.

    Raises
    ------
    SignatureError
        The file is damaged, or is not what was locked.
    """
    path = next((p for p in (study.signature_path, study.reports / "locked_signature.json") if p.is_file()), None)
    if path is None:
        return None
    # Here and not above: four notebooks import this room without needing the derivation's libraries.
    from lumier_analysis.signature import LockedSignature

    lock = LockedSignature.load(path)
    modules = lock.scores.get(lock.name, []) if lock.kind == "module_score" else []
    facts = (
        ("Name", display_name(lock.name)),
        ("Kind", KINDS.get(lock.kind, lock.kind) + (f": mean of {', '.join(modules)}" if modules else "")),
        ("Genes", str(len(lock.genes))),
        ("Reference genes", ", ".join(lock.reference_genes)),
        ("Scaled to", display_name(lock.scaling_reference)),
        ("Threshold", "" if lock.threshold is None else f"score ≥ {number_text(lock.threshold, 4)}"),
        ("Risk", risk_formula(lock.calibration)),
        ("Test vectors", f"{len(lock.test_vectors)}, all reproduced"),
        ("Hash", str(lock.hashes.get("content", ""))),
        ("Derivation data", lock.data_hash),
    )
    return SignatureCard(tuple((name, value) for name, value in facts if value), tuple(lock.genes))


def risk_formula(calibration: CalibrationLine | None) -> str:
    """Return the calibration map as a formula."""
    if not calibration:
        return ""
    slope = calibration["slope"]
    sign = "−" if slope < 0 else "+"
    return f"expit({number_text(calibration['intercept'], 3)} {sign} {number_text(abs(slope), 3)} × score)"
