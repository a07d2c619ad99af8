"""What normalisation did: how far samples and chips lie apart before and after."""

from __future__ import annotations

import numpy as np
import pandas as pd


def relative_levels(ct: pd.DataFrame, minimum_fraction: float = 0.5) -> pd.Series:
    """Return how far each sample lies from the others over all genes: the median relative log expression.

    Parameters
    ----------
    ct : DataFrame
        Samples x genes, cycles or log2.
    minimum_fraction : float
        Share of genes a sample needs; with less it has NaN.

    Returns
    -------
    Series
        Per sample: median over genes of (value - the gene's median over samples). Nil for a sample like the others;
        a whole sample that is shifted (input of RNA, chip) lies off it. Genes that are regulated do not move it while
        they are fewer than half (Gandolfo 2018, PLoS ONE 13:e0191629).
    """
    enough = ct.notna().mean(axis=1) >= minimum_fraction
    return (ct - ct.median(axis=0)).median(axis=1).where(enough).rename("relative_level")


def normalisation_effect(levels: pd.DataFrame, chips: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summarise levels of samples before and after normalisation.

    A patient's samples share a chip, so that chips differ a little by their patients, too; after normalisation that is
    what should be left.

    Parameters
    ----------
    levels : DataFrame
        Samples x steps ("measured", "calibrated", "normalised"): see `relative_levels`.
    chips : Series
        Chip of every sample.

    Returns
    -------
    summary : DataFrame
        Index step: samples, sd (over all samples), sd_within (pooled within chips), sd_between (of chips, by analysis
        of variance, not below nil), chip_share (of the variance, 0 to 1).
    by_chip : DataFrame
        step, chip, samples, low, q25, median, q75, high (10th, 25th, 50th, 75th and 90th centile), for a figure.
    """
    chip = chips.reindex(levels.index)
    rows, parts = {}, []
    for step in levels.columns:
        value = levels[step].dropna().astype("float64")
        by = value.groupby(chip.reindex(value.index))
        n, groups = by.size(), by.ngroups
        within_df, total = int(n.sum()) - groups, int(n.sum())
        deviations = (value - by.transform("mean")).pow(2).sum()
        within = deviations / within_df if within_df > 0 else np.nan
        between = np.nan
        if groups > 1 and within_df > 0:
            mean_square = float((n * (by.mean() - value.mean()) ** 2).sum()) / (groups - 1)
            effective = (total - float((n**2).sum()) / total) / (groups - 1)
            between = max(0.0, (mean_square - within) / effective)
        rows[step] = {
            "samples": total,
            "sd": value.std(ddof=1),
            "sd_within": np.sqrt(within),
            "sd_between": np.sqrt(between),
            "chip_share": between / (between + within) if between + within > 0 else np.nan,
        }
        q = by.quantile(np.array([0.1, 0.25, 0.5, 0.75, 0.9])).unstack() if len(value) else pd.DataFrame()  # noqa: PD010
        q.columns = ["low", "q25", "median", "q75", "high"][: q.shape[1]]
        parts.append(q.assign(step=step, samples=n).rename_axis("chip").reset_index())
    order = ["step", "chip", "samples", "low", "q25", "median", "q75", "high"]
    summary = pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")
    return summary, pd.concat(parts, ignore_index=True).reindex(columns=order)
