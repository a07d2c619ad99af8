"""Expression relative to reference genes, in log2 units, from reactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.reactions import check_reactions


@dataclass(frozen=True, eq=False)
class Expression:
    """Expression of samples.

    Attributes
    ----------
    log2 : DataFrame
        Samples x genes, log2 relative to the reference genes: one unit is a factor of two, higher is more RNA. NaN: no
        trusted measurement, or a sample without usable references.
    censored : DataFrame of bool
        Same shape: the value is a bound (limit of detection, detection floor), the truth is lower.
    reference_ct : Series
        Per sample: mean Ct of the reference genes (from reactions, cycles) or their mean log2 intensity (from probes).
    missing_fraction : Series
        Per sample: share of the genes without trusted measurement, before the references are looked at.
    reason : Series of str
        Why a sample cannot be scored; "" where it can.
    reference_levels : Series
        Usual Ct of each reference gene, which stands in where one is missing (empty from probes).
    absent : tuple of str
        Genes that were asked for and are not in the data.
    """

    log2: pd.DataFrame
    censored: pd.DataFrame
    reference_ct: pd.Series
    missing_fraction: pd.Series
    reason: pd.Series
    reference_levels: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))
    absent: tuple[str, ...] = ()


def mean_ct(reactions: pd.DataFrame, limit_of_detection: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return Ct (samples x assays) and which of them are bounds.

    Not detected, and detected above the limit, count as the limit itself: the Ct is at least that, and no later number
    (such as 40) is known. Untrusted reactions are left out. Replicates are averaged; the mean is a bound as soon as one
    of them is.
    """
    # An inlet without sample name was left empty: it measures nobody.
    trusted = reactions[reactions["state"].ne("untrusted") & reactions["sample"].ne("")]
    below = trusted["state"].eq("not detected") | trusted["ct"].gt(limit_of_detection)
    parts = trusted[["sample", "assay"]].assign(ct=trusted["ct"].mask(below, limit_of_detection), below=below)
    grouped = parts.groupby(["sample", "assay"])
    named = reactions.loc[reactions["sample"].ne(""), "sample"]
    order = {
        "index": pd.Index(named.unique(), name="sample_id"),
        "columns": pd.Index(reactions["assay"].unique(), name="gene"),
    }
    ct = grouped["ct"].mean().unstack("assay").reindex(**order).astype("float64")  # noqa: PD010 (a Series)
    any_below = grouped["below"].any().unstack("assay", fill_value=False)  # noqa: PD010 (a Series)
    bound = any_below.reindex(**order, fill_value=False).astype(bool)
    return ct, bound


def reference_mean(
    ct: pd.DataFrame, bound: pd.DataFrame, levels: pd.Series | None = None
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return each sample's mean Ct of the reference genes, why it has none, and the levels that were used.

    A reference gene that is untrusted or not detected does not count. The mean of those that remain is taken over their
    distance from their usual level, and the mean level is added: with all genes present that is the plain mean; without
    one, the sample does not move because the missing gene is by nature an early or a late one. With fewer than half of
    the genes there is no mean.

    Parameters
    ----------
    ct, bound : DataFrame
        Samples x reference genes, from `mean_ct`.
    levels : Series, optional
        Frozen usual Ct per reference gene; by default the medians over the samples in which all are usable (over all
        usable values where there are fewer than three such samples).
    """
    usable = ct.notna() & ~bound
    counts, n = usable.sum(axis=1), ct.shape[1]
    if levels is None:
        complete = ct[counts == n]
        levels = (complete if len(complete) >= 3 else ct.where(usable)).median(axis=0)
    levels = levels.astype("float64").reindex(ct.columns)
    known = usable & levels.notna()
    mean = (ct - levels).where(known).mean(axis=1) + levels.mean()
    enough = 2 * known.sum(axis=1) >= n
    reason = pd.Series(
        [
            "" if ok else f"{count} of {n} reference genes usable"
            for ok, count in zip(enough, known.sum(axis=1), strict=True)
        ],
        index=ct.index,
        dtype="str",
    )
    return mean.where(enough), reason, levels


def log2_units(efficiencies: pd.Series | None, assays: pd.Index) -> pd.Series:
    """Return how many log2 units a cycle counts, log2(E), by assay; 1 where no efficiency is known."""
    if efficiencies is None:
        return pd.Series(1.0, index=assays)
    units = pd.Series(np.log2(efficiencies.to_numpy(dtype="float64")), index=efficiencies.index)
    return units.reindex(assays).fillna(1.0)


def present(wanted: Sequence[str], available: pd.Index, what: str) -> list[str]:
    """Return `wanted`, or refuse where one of them is not in the data."""
    absent = [g for g in wanted if g not in available]
    if absent or not wanted:
        raise AnalysisError(
            f"The data lack {what}",
            found=f"no {', '.join(absent)}" if absent else "none named",
            fix="correct `panel.reference_genes` in the plan, or the names of the assays",
        )
    return list(dict.fromkeys(wanted))


def expression_from_reactions(
    reactions: pd.DataFrame,
    *,
    reference_genes: Sequence[str],
    limit_of_detection: float,
    genes: Sequence[str] | None = None,
    reference_levels: pd.Series | None = None,
    efficiencies: pd.Series | None = None,
) -> Expression:
    """Compute expression = -(Ct - mean Ct of the reference genes), log2.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct (cycles, calibrated where there is a calibrator), state, chip; only the samples to be
        measured, so without controls and calibrators. Rows without sample name are empty inlets and do not count.
    reference_genes : sequence of str
        Assays of the reference genes.
    limit_of_detection : float
        Cycles. Not detected and later Cts are censored there.
    genes : sequence of str, optional
        Columns of the result; every assay by default. Those that no assay measures are listed in `absent`.
    reference_levels : Series, optional
        Frozen usual Ct of the reference genes, see `reference_mean`.
    efficiencies : Series, optional
        See `expression_from_ct`.

    Returns
    -------
    Expression

    Raises
    ------
    AnalysisError
        A reference gene is not in the data, or the table is no table of reactions.

    Notes
    -----
    The mean of Cts is the logarithm of the geometric mean of quantities (Vandesompele 2002, Genome Biol
    3:research0034); without `efficiencies`, amplification is taken to double each cycle.
    """
    check_reactions(reactions)
    if not np.isfinite(limit_of_detection) or limit_of_detection <= 0:
        raise AnalysisError("The limit of detection is a positive number of cycles", found=str(limit_of_detection))
    ct, bound = mean_ct(reactions, limit_of_detection)
    return expression_from_ct(
        ct,
        bound,
        reference_genes=reference_genes,
        genes=genes,
        reference_levels=reference_levels,
        efficiencies=efficiencies,
    )


def expression_from_ct(
    ct: pd.DataFrame,
    bound: pd.DataFrame,
    *,
    reference_genes: Sequence[str],
    genes: Sequence[str] | None = None,
    reference_levels: pd.Series | None = None,
    efficiencies: pd.Series | None = None,
) -> Expression:
    """Compute expression from the mean Ct of samples; `expression_from_reactions` tells the rest.

    Parameters
    ----------
    ct, bound : DataFrame
        Samples x assays, from `mean_ct`.
    reference_genes, genes, reference_levels
        See `expression_from_reactions`; with `efficiencies`, levels are Ct x log2(E), too.
    efficiencies : Series, optional
        Amplification factor E of assays, above 1 and at most 2.5: a Ct counts log2(E) units a cycle (Pfaffl 2001,
        Nucleic Acids Res 29:e45). Assays that are not in it double each cycle (E = 2).

    Raises
    ------
    AnalysisError
        A reference gene is not in the data, or an efficiency is out of its range.
    """
    if efficiencies is not None:
        strange = efficiencies[~efficiencies.between(1.0, 2.5, inclusive="right")]
        if len(strange):
            raise AnalysisError(
                "An amplification efficiency is a factor above 1 and at most 2.5",
                found=f"{strange.index[0]}: {strange.iloc[0]:g}",
                fix="look at its standard curve",
            )
        ct = ct.mul(log2_units(efficiencies, ct.columns), axis=1)
    references = present(reference_genes, ct.columns, "reference genes")
    columns = list(ct.columns) if genes is None else [g for g in dict.fromkeys(genes) if g in ct.columns]
    absent = () if genes is None else tuple(g for g in dict.fromkeys(genes) if g not in ct.columns)
    reference, reason, levels = reference_mean(ct[references], bound[references], reference_levels)
    panel = ct[columns]
    log2 = panel.rsub(reference, axis=0)
    return Expression(
        log2=log2,
        censored=bound[columns] & log2.notna(),
        reference_ct=reference.rename("reference_ct"),
        missing_fraction=panel.isna().mean(axis=1).rename("missing_fraction"),
        reason=reason.rename("reason"),
        reference_levels=levels.rename("reference_level"),
        absent=absent,
    )
