"""The table of reactions, and inter-plate calibration in cycles (log space)."""

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
