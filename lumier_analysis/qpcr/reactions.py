"""Quality of reactions and chips: inter-plate calibration, controls, replicates. All of it in cycles (log space)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError

STATES = ("detected", "not detected", "untrusted")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Reactions on a common scale, and what was subtracted.

    Attributes
    ----------
    reactions : DataFrame
        The reactions with `ct` corrected; `ct_raw` is as measured.
    shifts : DataFrame
        Chips x assays, cycles: what was subtracted from every Ct. Positive: the chip read late.
    borrowed : DataFrame of bool
        Chips x assays: the calibrator gave no Ct there, the chip's median shift was used.
    chip_shift : Series
        Median shift of a chip over the assays its calibrator was detected in.
    levels : Series
        Mean Ct of the calibrator per assay that chips were brought to; freeze it to calibrate later chips alike.
    """

    reactions: pd.DataFrame
    shifts: pd.DataFrame
    borrowed: pd.DataFrame
    chip_shift: pd.Series
    levels: pd.Series


def check_reactions(reactions: pd.DataFrame) -> None:
    """Refuse a table that is no table of reactions, has an unknown state, or a detected reaction without Ct."""
    absent = [c for c in ("sample", "assay", "ct", "state", "chip") if c not in reactions.columns]
    if absent:
        raise AnalysisError("The table of reactions lacks columns", found=f"no {', '.join(absent)}")
    if not len(reactions):
        raise AnalysisError("The table of reactions is empty")
    strange = reactions.loc[~reactions["state"].isin(STATES), "state"]
    if len(strange):
        raise AnalysisError(
            "A reaction has an unknown state", found=str(strange.iloc[0]), fix=f"use {', '.join(STATES)}"
        )
    blank = reactions["state"].eq("detected") & ~np.isfinite(reactions["ct"].to_numpy(dtype="float64"))
    if blank.any():
        row = reactions[blank].iloc[0]
        raise AnalysisError(
            "A detected reaction has no Ct", found=f"sample {row['sample']}, assay {row['assay']}, chip {row['chip']}"
        )


def calibrate(reactions: pd.DataFrame, calibrator: str, *, levels: pd.Series | None = None) -> Calibration:
    """Bring chips to a common scale by the inter-plate calibrator, in log space.

    Shift of a chip and assay = mean Ct of the calibrator's detected reactions there - its level, the mean over the
    chips in which it was detected (Hellemans 2007, Genome Biol 8:R19, on the log scale). Where a chip's calibrator gave
    no Ct for an assay, the chip's median shift over assays is used. Every Ct of the chip and assay loses the shift,
    untrusted ones too; the calibrator itself too, which then shows its level everywhere.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct (cycles), state, chip, and more.
    calibrator : str
        Sample name of the calibrator.
    levels : Series, optional
        Frozen levels (assay -> Ct) from an earlier calibration; without it they are computed from these chips.

    Returns
    -------
    Calibration

    Raises
    ------
    AnalysisError
        A chip has no detected reaction of the calibrator (that `levels` knows).
    """
    check_reactions(reactions)
    used = reactions[reactions["sample"].eq(calibrator) & reactions["state"].eq("detected")]
    chips = pd.Index(reactions["chip"].unique(), name="chip")
    assays = pd.Index(reactions["assay"].unique(), name="assay")
    means = used.groupby(["chip", "assay"])["ct"].mean().unstack("assay")  # noqa: PD010 (a Series)
    observed = means.reindex(index=chips, columns=assays)
    level = observed.mean(axis=0) if levels is None else levels.astype("float64").reindex(assays)
    shifts = (observed - level).astype("float64")
    without = shifts.index[shifts.isna().all(axis=1)]
    if len(without):
        raise AnalysisError(
            f"The inter-plate calibrator {calibrator} gave no Ct on {len(without)} of {len(chips)} chips",
            found=f"chip {without[0]}",
            fix="correct `qpcr.calibrator` in the plan, or set it to null to do without calibration",
        )
    chip_shift = shifts.median(axis=1).rename("shift")
    borrowed = shifts.isna()
    # Filled row by row: every chip with its own median.
    filled = shifts.T.fillna(chip_shift).T
    row, column = chips.get_indexer(reactions["chip"]), assays.get_indexer(reactions["assay"])
    corrected = reactions.assign(ct_raw=reactions["ct"], ct=reactions["ct"] - filled.to_numpy()[row, column])
    return Calibration(corrected, filled, borrowed, chip_shift, level.rename("level"))


def control_summary(
    reactions: pd.DataFrame, *, no_template_control: str = "NTC", genomic_dna_assay: str | None = None
) -> pd.DataFrame:
    """Summarise no-template controls and the genomic DNA assay, chip by chip.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct, state, chip; sample_type where there is one.
    no_template_control : str
        Its sample name, or sample type.
    genomic_dna_assay : str, optional
        Name of the assay that sees genomic DNA alone.

    Returns
    -------
    DataFrame
        Per chip: ntc_reactions, ntc_detected, ntc_minimum_ct (cycles; NaN where nothing was detected), ntc_worst_assay,
        and, given an assay, gdna_reactions, gdna_detected, gdna_minimum_ct, gdna_worst_sample (controls left out).
    """
    check_reactions(reactions)
    ntc = is_control(reactions, no_template_control)
    summary = _lowest(reactions[ntc], reactions["chip"].unique(), "ntc", "assay")
    if genomic_dna_assay is not None:
        gdna = reactions[reactions["assay"].eq(genomic_dna_assay) & ~ntc & reactions["sample"].ne("")]
        if not len(gdna):
            raise AnalysisError(
                f"No reaction belongs to the genomic DNA assay {genomic_dna_assay}",
                fix="correct `qpcr.genomic_dna_assay` in the plan, or leave it out",
            )
        summary = summary.join(_lowest(gdna, reactions["chip"].unique(), "gdna", "sample"))
    return summary


def is_control(reactions: pd.DataFrame, no_template_control: str) -> pd.Series:
    """Return which reactions are no-template controls, by sample name or sample type."""
    mask = reactions["sample"].eq(no_template_control)
    if "sample_type" in reactions:
        mask |= reactions["sample_type"].eq(no_template_control)
    return mask


def _lowest(part: pd.DataFrame, chips: np.ndarray, prefix: str, worst: str) -> pd.DataFrame:
    """Count the reactions of every chip and name the earliest detected one (a lower Ct is more template)."""
    chips_index = pd.Index(chips, name="chip")
    detected = part[part["state"].eq("detected")]
    first = detected.sort_values("ct", kind="stable").drop_duplicates("chip").set_index("chip")
    return pd.DataFrame(
        {
            f"{prefix}_reactions": part.groupby("chip").size().reindex(chips_index, fill_value=0),
            f"{prefix}_detected": detected.groupby("chip").size().reindex(chips_index, fill_value=0),
            f"{prefix}_minimum_ct": first["ct"].reindex(chips_index),
            f"{prefix}_worst_{worst}": first[worst].reindex(chips_index).fillna(""),
        }
    )


def chip_quality(
    reactions: pd.DataFrame,
    *,
    calibration: Calibration | None = None,
    no_template_control: str = "NTC",
    genomic_dna_assay: str | None = None,
) -> pd.DataFrame:
    """Summarise every chip in one row.

    Parameters
    ----------
    reactions : DataFrame
        As measured (not calibrated), so that control Cts are those of the chip.
    calibration : Calibration, optional
        What `calibrate` returned, for the shift of the chip.
    no_template_control, genomic_dna_assay : str
        See `control_summary`.

    Returns
    -------
    DataFrame
        Index chip: reactions, samples, percent_not_detected, percent_untrusted (of the reactions of named samples other
        than no-template controls), calibrator_shift (cycles; positive: late; NaN without calibration),
        calibrator_borrowed (assays without calibrator Ct), and the columns of `control_summary`.
    """
    controls = control_summary(reactions, no_template_control=no_template_control, genomic_dna_assay=genomic_dna_assay)
    # Empty inlets and no-template controls are rightly not detected: they would hide a chip that failed.
    filled = reactions[~is_control(reactions, no_template_control) & reactions["sample"].ne("")]
    by_chip = filled.groupby("chip")
    frame = pd.DataFrame(index=controls.index)
    frame["reactions"] = reactions.groupby("chip").size()
    frame["samples"] = by_chip["sample"].nunique().reindex(frame.index, fill_value=0)
    for state, column in (("not detected", "percent_not_detected"), ("untrusted", "percent_untrusted")):
        frame[column] = 100.0 * filled["state"].eq(state).groupby(filled["chip"]).mean()
    frame["calibrator_shift"] = np.nan if calibration is None else calibration.chip_shift
    frame["calibrator_borrowed"] = 0 if calibration is None else calibration.borrowed.sum(axis=1)
    return frame.join(controls)


def replicate_spread(reactions: pd.DataFrame, *, limit: float = 0.5) -> pd.DataFrame:
    """List the replicates (same sample and assay) that lie further apart than `limit` cycles.

    Parameters
    ----------
    reactions : DataFrame
        Detected reactions with a sample name are compared.
    limit : float
        Cycles between the lowest and the highest replicate; 0.5 as in Hellemans 2007 (Genome Biol 8:R19).

    Returns
    -------
    DataFrame
        sample, assay, replicates, spread (cycles, largest first).
    """
    check_reactions(reactions)
    detected = reactions[reactions["state"].eq("detected") & reactions["sample"].ne("")]
    grouped = detected.groupby(["sample", "assay"], sort=True)["ct"]
    table = pd.DataFrame({"replicates": grouped.size(), "spread": grouped.max() - grouped.min()}).reset_index()
    # Half a millionth of a cycle is below what instruments print: 0.5 exactly is not above 0.5.
    wide = table[table["spread"] > limit + 5e-7]
    return wide.sort_values(["spread", "sample", "assay"], ascending=[False, True, True]).reset_index(drop=True)
