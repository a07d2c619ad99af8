"""From the reactions of a plate to scores, with the constants that were locked: a plate the study has never seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.errors import SignatureError
from lumier_analysis.qpcr import calibrate, expression_from_reactions
from lumier_analysis.qpcr.reactions import check_reactions
from lumier_analysis.signature.score_table import finished, score_expression
from lumier_analysis.signature.signature_fields import MeasurementConstants, SignatureFields

#: Columns by which a table is known as one of reactions and not of expression.
REACTION_COLUMNS = frozenset({"sample", "assay", "ct", "state"})


@dataclass(frozen=True, eq=False)
class PlateScores:
    """What a plate scored.

    Attributes
    ----------
    table : DataFrame
        As `LockedSignature.score` returns.
    notes : tuple of str
        What a reader must know: calibration, controls left out, genes the plate lacks.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def is_reactions(data: pd.DataFrame) -> bool:
    """Return whether a table has the columns of reactions."""
    return set(data.columns) >= REACTION_COLUMNS


def score_reactions(signature: SignatureFields, reactions: pd.DataFrame, *, calibrated: bool = True) -> PlateScores:
    """Score the samples of a plate.

    Nothing is learned from the plate: limit of detection, usual levels of the reference genes and of the inter-plate
    calibrator, efficiencies and scaling are those of the lock.

    Parameters
    ----------
    signature : SignatureFields
    reactions : DataFrame
        As `qpcr.read_ct` gives them: sample, assay, ct (cycles), state; chip, task and sample_type where there are
        any. A sample on several chips is averaged.
    calibrated : bool
        False scores without inter-plate calibration where the signature has one, and says so.

    Raises
    ------
    SignatureError
        A signature of an expression matrix, a plate without the reference genes or any gene of the signature, or a
        chip without the calibrator.
    AnalysisError
        The table is no table of reactions.
    """
    constants = signature.measurement
    if constants is None:
        raise SignatureError(
            f"the signature {signature.name} was locked on an expression matrix and cannot score a plate",
            fix="give an expression table, or a signature derived from qPCR",
        )
    plate = reactions if "chip" in reactions else reactions.assign(chip="plate")
    plate = plate.assign(sample=plate["sample"].astype("str").str.strip().where(plate["sample"].notna(), ""))
    check_reactions(plate)
    notes = _check_assays(signature, plate)
    plate, note = _calibrated(plate, constants, calibrated)
    notes.append(note)
    own, controls = _samples(plate, constants)
    if controls:
        notes.append(f"Controls and standards, not scored: {', '.join(controls)}.")
    if own.empty:
        raise SignatureError("the plate holds no sample", found=f"controls alone: {', '.join(controls)}")

    panel = list(dict.fromkeys([g for genes in signature.modules.values() for g in genes] + list(signature.scaling)))
    efficiencies = pd.Series(constants["efficiencies"], dtype="float64")
    measured = expression_from_reactions(
        own,
        reference_genes=list(signature.reference_genes),
        limit_of_detection=constants["limit_of_detection"],
        genes=panel,
        reference_levels=pd.Series(constants["reference_levels"], dtype="float64"),
        efficiencies=efficiencies if len(efficiencies) else None,
    )
    table = score_expression(signature, measured.log2)
    most = constants["maximum_missing_fraction"]
    untrusted = measured.missing_fraction
    reason = measured.reason.astype("object").mask(
        measured.reason.eq("") & untrusted.gt(most), [f"{v:.0%} of the panel's reactions untrusted" for v in untrusted]
    )
    failed = reason.ne("").to_numpy()
    table = finished(
        signature,
        np.where(failed, np.nan, table["score"].to_numpy()),
        np.where(failed, reason, table["reason"]).tolist(),
        table.index,
    )
    if constants["not_detected"] == "impute":
        notes.append(
            "Reactions below detection count as the limit of detection; the study imputed them, which a single plate"
            " cannot repeat."
        )
    return PlateScores(table, tuple(notes))


def _check_assays(signature: SignatureFields, plate: pd.DataFrame) -> list[str]:
    """Refuse a plate without the reference genes or any gene; return notes on the genes it lacks."""
    assays = set(plate["assay"])
    shown = ", ".join(sorted(map(str, assays))[:8]) + (f" and {len(assays) - 8} more" if len(assays) > 8 else "")
    absent = [g for g in signature.reference_genes if g not in assays]
    if absent:
        raise SignatureError(
            f"the plate lacks reference genes of the signature {signature.name}",
            found=f"no {', '.join(absent)}; its assays are {shown}",
            fix="name the assays as the signature does, or give the signature of this panel",
        )
    lacking = [g for g in signature.genes if g not in assays]
    if len(lacking) == len(signature.genes):
        raise SignatureError(
            f"the plate measures no gene of the signature {signature.name}",
            found=f"assays {shown}",
            fix="give the signature of this panel",
        )
    return [f"Genes of the signature that the plate does not measure: {', '.join(lacking)}."] if lacking else []


def _calibrated(plate: pd.DataFrame, constants: MeasurementConstants, calibrated: bool) -> tuple[pd.DataFrame, str]:
    """Return the reactions on the scale of the study's chips, and a note of what was done."""
    name, levels = constants["calibrator"], pd.Series(constants["calibrator_levels"], dtype="float64")
    if name is None or levels.empty:
        return plate, "The signature carries no inter-plate calibrator: Ct values are used as measured."
    if not calibrated:
        return plate, f"Inter-plate calibration by {name} was switched off: Ct values are used as measured."
    usable = plate[plate["sample"].eq(name) & plate["state"].eq("detected") & plate["assay"].isin(levels.index)]
    without = sorted(set(plate["chip"].astype(str)) - set(usable["chip"].astype(str)))
    if without:
        raise SignatureError(
            f"the signature was locked with the inter-plate calibrator {name}, and it gave no Ct",
            found=f"chip {', '.join(without[:3])}",
            fix=f"name the calibrator {name} on the plate, or score without calibration (--no-calibrator)",
        )
    shift = calibrate(plate, name, levels=levels)
    each = ", ".join(f"{chip} " + f"{value:+.2f}".replace("-", "−") for chip, value in shift.chip_shift.items())
    return shift.reactions, f"Calibrated by {name} to the levels of the lock; median shift in cycles: {each}."


def _samples(plate: pd.DataFrame, constants: MeasurementConstants) -> tuple[pd.DataFrame, list[str]]:
    """Return the reactions of samples, and the names of the controls and standards left out."""
    controls = {constants["no_template_control"], constants["calibrator"]} - {None}
    out = plate["sample"].isin(controls)
    if "sample_type" in plate:
        out |= plate["sample_type"].eq(constants["no_template_control"])
    if "task" in plate:
        out |= ~plate["task"].fillna("unknown").isin(["unknown", "", "other"])
    named = plate["sample"].ne("")
    return plate[named & ~out], sorted(plate.loc[named & out, "sample"].unique())
