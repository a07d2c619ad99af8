"""Amplification efficiency from standard curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.reactions import check_reactions

#: Slopes of 90 to 110 % amplification, and the fit that a curve should have (MIQE; Bustin 2009, Clin Chem 55:611).
USUAL_SLOPE, USUAL_R2 = (-3.6, -3.1), 0.98


def standard_curves(standards: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Fit the standard curve of every assay: Ct on log10 quantity.

    Parameters
    ----------
    standards : DataFrame
        assay, quantity (above nil, any unit), ct (cycles), chip: one row a detected reaction. Chips may differ in level
        (each has its intercept) but share the slope.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Index assay: reactions, dilutions, slope (cycles per tenfold), slope_low, slope_high, efficiency (E, factor per
        cycle), efficiency_low, efficiency_high, r_squared, flag ("" or what is unusual), usable (the slope is
        negative, and so is all of its interval).

    Raises
    ------
    AnalysisError
        A quantity is not above nil, or a Ct is not finite.

    Notes
    -----
    E = 10^(-1 / slope) (Pfaffl 2001, Nucleic Acids Res 29:e45); its interval is that of the slope, transformed. R² is
    that within chips.
    """
    quantity, ct = standards["quantity"].to_numpy(dtype="float64"), standards["ct"].to_numpy(dtype="float64")
    bad = ~(np.isfinite(quantity) & (quantity > 0) & np.isfinite(ct))
    if bad.any():
        row = standards[bad].iloc[0]
        raise AnalysisError(
            "A standard needs a quantity above nil and a Ct",
            found=f"assay {row['assay']}, quantity {row['quantity']}, Ct {row['ct']}",
            fix="correct the quantities of the standards",
        )
    data = standards[["assay", "chip"]].assign(x=np.log10(quantity), y=ct)
    by_chip = data.groupby(["assay", "chip"])
    data = data.assign(dx=data["x"] - by_chip["x"].transform("mean"), dy=data["y"] - by_chip["y"].transform("mean"))
    data = data.assign(xx=data["dx"] ** 2, xy=data["dx"] * data["dy"], yy=data["dy"] ** 2)
    by = data.groupby("assay")
    sums, n = by[["xx", "xy", "yy"]].sum(), by.size()
    df = n - by["chip"].nunique() - 1
    # Rounded: 1e5 and 10^5 as text of two programs are one dilution.
    dilutions = data.assign(x=data["x"].round(6)).groupby("assay")["x"].nunique()
    enough = (df >= 1) & (dilutions >= 3)
    slope = (sums["xy"] / sums["xx"]).where(enough)
    residual = (sums["yy"] - slope * sums["xy"]).clip(lower=0)
    se = np.sqrt(residual / df.where(enough) / sums["xx"])
    half = pd.Series(scipy.stats.t.ppf(0.5 + level / 2, df.clip(lower=1)), index=df.index) * se
    table = pd.DataFrame({"reactions": n, "dilutions": dilutions, "slope": slope})
    table["slope_low"], table["slope_high"] = slope - half, slope + half
    usable = table["slope_high"] < 0
    for suffix, of in (("", "slope"), ("_low", "slope_low"), ("_high", "slope_high")):
        # A steeper (more negative) slope is a lower efficiency: the ends keep their order.
        table[f"efficiency{suffix}"] = np.power(10.0, -1.0 / table[of].where(usable))
    table["r_squared"] = (1 - residual / sums["yy"].where(sums["yy"] > 0)).where(enough)
    low, high = USUAL_SLOPE
    flags = np.select(
        [~enough, ~usable, (slope < low) | (slope > high), table["r_squared"] < USUAL_R2],
        ["fewer than 3 dilutions", "no amplification curve", "efficiency outside 90 to 110 %", "R² below 0.98"],
        default="",
    )
    return table.assign(flag=pd.Series(flags, index=table.index, dtype="str"), usable=usable)


def is_standard(reactions: pd.DataFrame) -> pd.Series:
    """Return which reactions are of a standard, by their task, or by their sample type where no task is known."""
    if "task" in reactions:
        return reactions["task"].eq("standard")
    if "sample_type" in reactions:
        return reactions["sample_type"].str.strip().str.casefold().isin(["standard", "std"])
    return pd.Series(False, index=reactions.index)


def standards_of(reactions: pd.DataFrame) -> pd.DataFrame:
    """Return the detected reactions of standards, with their quantity.

    Parameters
    ----------
    reactions : DataFrame
        As a reader gives them: standards have a `quantity`, see `is_standard`.

    Raises
    ------
    AnalysisError
        There are none.
    """
    check_reactions(reactions)
    found = reactions[is_standard(reactions) & reactions["state"].eq("detected")]
    found = found[found["quantity"].gt(0)] if "quantity" in found else found[:0]
    if not len(found):
        raise AnalysisError(
            "The exports hold no standards of known quantity to compute efficiencies from",
            found="no reaction of a standard with a quantity above nil",
            fix="set `qpcr.efficiency: doubling` in the plan, or export the standards with their quantities",
        )
    return found


def efficiencies(curves: pd.DataFrame) -> pd.Series:
    """Return E of the assays whose curve can be used; the others are left out and taken to double each cycle."""
    return curves.loc[curves["usable"], "efficiency"].rename("efficiency")
