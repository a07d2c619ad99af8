"""Replicates of one reaction: those that lie apart, and the error of a Ct that all of them together tell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.reactions import check_reactions


def replicate_spread(reactions: pd.DataFrame, *, limit: float = 0.5, by_chip: bool = False) -> pd.DataFrame:
    """List the replicates (same sample and assay) that lie further apart than `limit` cycles.

    Parameters
    ----------
    reactions : DataFrame
        Detected reactions with a sample name are compared.
    limit : float
        Cycles between the lowest and the highest replicate; 0.5 as in Hellemans 2007 (Genome Biol 8:R19).
    by_chip : bool
        Compare replicates of one chip alone: between chips the chip itself adds to the spread.

    Returns
    -------
    DataFrame
        (chip, where `by_chip`,) sample, assay, replicates, spread (cycles, largest first).
    """
    check_reactions(reactions)
    keys = ["chip", "sample", "assay"] if by_chip else ["sample", "assay"]
    repeated = _repeated(reactions, keys)
    grouped = repeated.groupby(keys, sort=True)["ct"]
    table = pd.DataFrame({"replicates": grouped.size(), "spread": grouped.max() - grouped.min()}).reset_index()
    # Half a millionth of a cycle is below what instruments print: 0.5 exactly is not above 0.5.
    wide = table[table["spread"] > limit + 5e-7]
    return wide.sort_values(["spread", *keys], ascending=[False] + [True] * len(keys)).reset_index(drop=True)


def pooled_sd(reactions: pd.DataFrame, *, minimum_df: int = 5) -> pd.DataFrame:
    """Estimate the SD of a single Ct, assay by assay, from replicates on one chip.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct, state, chip. Detected replicates of named samples count, the calibrator's among them; they
        are compared within a chip, so the chip's shift does not enter.
    minimum_df : int
        An assay with fewer degrees of freedom borrows the SD pooled over all assays.

    Returns
    -------
    DataFrame
        Index assay (all of them, in the order of the data): df, sd (cycles, from the assay's own replicates; NaN
        without any), sd_used, borrowed.

    Raises
    ------
    AnalysisError
        No reaction was measured twice on a chip: there is nothing to estimate the error from.

    Notes
    -----
    sd² = sum of (Ct - mean of its replicates)² / sum of (replicates - 1), with that sum as degrees of freedom. It holds
    the error of the reaction and its loading; error made before the sample is split (extraction, reverse transcription,
    pre-amplification) is the same in all replicates and is not seen.
    """
    check_reactions(reactions)
    assays = pd.Index(reactions["assay"].unique(), name="assay")
    keys = ["chip", "sample", "assay"]
    repeated = _repeated(reactions, keys)
    grouped = repeated.groupby(keys)["ct"]
    n = grouped.size()
    # From the deviations themselves: sums of squares of Cts near 20 lose digits that an SD near 0.1 needs.
    squares = (repeated["ct"] - grouped.transform("mean")).pow(2).groupby(repeated["assay"]).sum().reindex(assays)
    df = (n - 1).groupby(level="assay").sum().reindex(assays).fillna(0).astype("int64")
    total = int(df.sum())
    if total < 1:
        raise AnalysisError(
            "The error of a Ct cannot be estimated: no reaction was measured twice on a chip",
            fix="load the calibrator or a sample into two inlets of every chip",
        )
    sd = np.sqrt(squares / df.where(df > 0)).astype("float64")
    overall = float(np.sqrt(squares.sum() / total))
    borrowed = df < minimum_df
    return pd.DataFrame({"df": df, "sd": sd, "sd_used": sd.mask(borrowed, overall), "borrowed": borrowed})


def _repeated(reactions: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the detected reactions of named samples whose keys stand more than once."""
    detected = reactions.loc[reactions["state"].eq("detected") & reactions["sample"].ne(""), [*keys, "ct"]]
    return detected[detected.duplicated(keys, keep=False)]
