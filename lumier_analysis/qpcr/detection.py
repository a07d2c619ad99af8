"""What was detected: quality of assays and samples, and where reactions are missing together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.qpcr.reactions import check_reactions


def detection_table(reactions: pd.DataFrame, by: str | list[str], *, limit_of_detection: float) -> pd.DataFrame:
    """Count the states of reactions.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct, state, chip; only those to be counted (without controls). Rows without sample name are empty
        inlets and do not count.
    by : str or list of str
        Columns to group by: "assay", "sample", "chip", ["chip", "assay"].
    limit_of_detection : float
        Cycles; a detected Ct beyond it counts as not detected.

    Returns
    -------
    DataFrame
        Index `by`, sorted: reactions, detected, not_detected, untrusted (they add up), detection_rate (detected of
        those trusted, 0 to 1; NaN where none is), untrusted_share (of all), median_ct (of the detected).
    """
    check_reactions(reactions)
    own = reactions[reactions["sample"].ne("")]
    keys = [by] if isinstance(by, str) else list(by)
    untrusted = own["state"].eq("untrusted")
    detected = own["state"].eq("detected") & own["ct"].le(limit_of_detection)
    flags = own[keys].assign(reactions=1, detected=detected, not_detected=~(detected | untrusted), untrusted=untrusted)
    table = flags.groupby(keys, sort=True).sum().astype("int64")
    trusted = table["reactions"] - table["untrusted"]
    table["detection_rate"] = table["detected"] / trusted.where(trusted > 0)
    table["untrusted_share"] = table["untrusted"] / table["reactions"]
    table["median_ct"] = own["ct"].where(detected).groupby([own[k] for k in keys]).median()
    return table


def assay_quality(
    reactions: pd.DataFrame,
    *,
    limit_of_detection: float,
    minimum_detection: float = 0.5,
    maximum_untrusted: float = 0.1,
) -> pd.DataFrame:
    """Judge every assay by how often it is detected and trusted.

    Parameters
    ----------
    reactions : DataFrame
        Reactions of samples, see `detection_table`.
    limit_of_detection : float
        Cycles.
    minimum_detection, maximum_untrusted : float
        Proportions beyond which an assay is flagged. A gene that is mostly below detection tells where the limit lies,
        not how it varies; `fit_scaling` drops it at the same share.

    Returns
    -------
    DataFrame
        Index assay: columns of `detection_table`, and flag ("", "seldom detected", "often untrusted" or both).
    """
    table = detection_table(reactions, "assay", limit_of_detection=limit_of_detection)
    seldom = table["detection_rate"].fillna(0) < minimum_detection
    return table.assign(flag=_joined(seldom, "seldom detected", table["untrusted_share"] > maximum_untrusted))


def sample_quality(
    reactions: pd.DataFrame, *, limit_of_detection: float, maximum_untrusted: float = 0.2, deviation: float = 4.0
) -> pd.DataFrame:
    """Judge every sample by how many of its reactions are trusted and detected.

    Parameters
    ----------
    reactions : DataFrame
        Reactions of samples, see `detection_table`.
    limit_of_detection : float
        Cycles.
    maximum_untrusted : float
        Proportion beyond which a sample is flagged.
    deviation : float
        A sample is flagged, too, if fewer of its assays are detected than in the median sample by more than `deviation`
        robust SD (1.4826 x median absolute deviation, at least one assay).

    Returns
    -------
    DataFrame
        Index sample: columns of `detection_table`, chip (the first), chips (how many it was measured on), flag.
    """
    table = detection_table(reactions, "sample", limit_of_detection=limit_of_detection)
    rate = table["detection_rate"]
    typical = rate.median()
    spread = max(1.4826 * float((rate - typical).abs().median()), 1.0 / float(table["reactions"].median()))
    few = rate.fillna(0) < typical - deviation * spread
    pairs = reactions[["sample", "chip"]].drop_duplicates().groupby("sample")["chip"].agg(["first", "size"])
    pairs = pairs.reindex(table.index)
    flag = _joined(few, "few genes detected", table["untrusted_share"] > maximum_untrusted)
    return table.assign(chip=pairs["first"], chips=pairs["size"], flag=flag)


def lost_blocks(
    reactions: pd.DataFrame, *, limit_of_detection: float, minimum: int = 5, share: float = 0.5
) -> pd.DataFrame:
    """Find assays that one chip lost: missing values that are a matter of the chip, not of the samples.

    Parameters
    ----------
    reactions : DataFrame
        Reactions of samples, see `detection_table`.
    limit_of_detection : float
        Cycles.
    minimum : int
        Reactions that an assay needs on a chip to be judged.
    share : float
        An assay is lost on a chip if more than `share` of its reactions there are untrusted, or if its detection rate
        there is below its rate on the other chips by more than `share`.

    Returns
    -------
    DataFrame
        chip, assay, reactions, detection_rate, rate_elsewhere, untrusted_share, why; empty where nothing was lost.
    """
    table = detection_table(reactions, ["chip", "assay"], limit_of_detection=limit_of_detection)
    trusted = table["reactions"] - table["untrusted"]
    by = table.index.get_level_values("assay")
    detected_all = table["detected"].groupby(level="assay").sum().reindex(by).to_numpy()
    trusted_all = trusted.groupby(level="assay").sum().reindex(by).to_numpy()
    others = (-trusted + trusted_all).astype("float64")
    elsewhere = (detected_all - table["detected"]) / others.mask(others <= 0)
    judged = table["reactions"] >= minimum
    untrusted = judged & (table["untrusted_share"] > share)
    undetected = judged & (elsewhere - table["detection_rate"] > share)
    why = np.where(untrusted, "untrusted", "not detected")
    found = table.assign(rate_elsewhere=elsewhere, why=why)[untrusted | undetected].reset_index()
    return found[["chip", "assay", "reactions", "detection_rate", "rate_elsewhere", "untrusted_share", "why"]]


def _joined(first: pd.Series, name: str, untrusted: pd.Series) -> pd.Series:
    """Return both flags in words."""
    both = np.select(
        [first & untrusted, first, untrusted], [f"{name}, often untrusted", name, "often untrusted"], default=""
    )
    return pd.Series(both, index=first.index, dtype="str")
