"""The error of a Ct, carried through calibration, normalisation and scaling to the score's standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.modules import Scaling
from lumier_analysis.qpcr.reactions import Calibration


def ct_variance(
    reactions: pd.DataFrame,
    sd: pd.Series,
    *,
    calibration: Calibration | None = None,
    calibrator: str | None = None,
) -> pd.DataFrame:
    """Compute the error variance of every sample's (calibrated) mean Ct.

    Parameters
    ----------
    reactions : DataFrame
        sample, assay, ct, state, chip: samples and, where `calibration` is given, the calibrator.
    sd : Series
        SD of a single Ct by assay, cycles (`pooled_sd`).
    calibration : Calibration, optional
        What the Cts were corrected by.
    calibrator : str, optional
        Its sample name.

    Returns
    -------
    DataFrame
        Samples x assays, cycles²: sd² / n over n trusted replicates, plus the variance of the chip's correction,
        sd² / (calibrator's replicates on that chip), or, where the correction was borrowed from the chip's median, the
        mean square of (correction - the chip's median) over all chips and assays that have both. NaN where nothing
        was trusted. The error of the calibrator's level, which is common to all chips, is not in it: it shifts samples
        and the reference they are scaled by alike.
    """
    own = reactions["sample"].ne("") & reactions["sample"].ne(calibrator or "")
    samples = pd.Index(reactions.loc[own, "sample"].unique(), name="sample_id")
    assays = pd.Index(reactions["assay"].unique(), name="gene")
    chips = pd.Index(reactions["chip"].unique(), name="chip")
    used = reactions.loc[own & reactions["state"].ne("untrusted"), ["sample", "assay", "chip"]]
    sample = samples.get_indexer(pd.Index(used["sample"]))
    # A sample on a chip is one row of a dense table of counts: a sample is seldom on more than one.
    place = sample * len(chips) + chips.get_indexer(pd.Index(used["chip"]))
    pairs, row = np.unique(place, return_inverse=True)
    cells = row * len(assays) + assays.get_indexer(pd.Index(used["assay"]))
    n = np.bincount(cells, minlength=len(pairs) * len(assays)).reshape(len(pairs), len(assays)).astype("float64")
    total = n * sd.reindex(assays).to_numpy(dtype="float64") ** 2
    if calibration is not None and calibrator is not None:
        shift = _shift_variance(reactions, sd, calibration, calibrator).reindex(index=chips, columns=assays)
        total += n**2 * np.where(n > 0, shift.to_numpy()[pairs % len(chips)], 0.0)
    count, error = np.zeros((len(samples), len(assays))), np.zeros((len(samples), len(assays)))
    np.add.at(count, pairs // len(chips), n)
    np.add.at(error, pairs // len(chips), np.where(n > 0, total, 0.0))
    variance = np.divide(error, count**2, out=np.full_like(error, np.nan), where=count > 0)
    return pd.DataFrame(variance, index=samples, columns=assays)


def _shift_variance(reactions: pd.DataFrame, sd: pd.Series, calibration: Calibration, calibrator: str) -> pd.DataFrame:
    """Return the error variance of what was subtracted: chips x assays."""
    own = reactions[reactions["sample"].eq(calibrator) & reactions["state"].eq("detected")]
    n = own.groupby(["chip", "assay"]).size().unstack("assay")  # noqa: PD010 (a Series)
    shifts = calibration.shifts
    n = n.reindex(index=shifts.index, columns=shifts.columns)
    variance = (1.0 / n).mul(sd.reindex(shifts.columns) ** 2, axis=1)
    distance = shifts.sub(calibration.chip_shift, axis=0).mask(calibration.borrowed)
    return variance.where(~calibration.borrowed, float(np.nanmean(distance.to_numpy() ** 2)))


def score_errors(
    measured: pd.DataFrame,
    variance: pd.DataFrame,
    modules: Mapping[str, Sequence[str]],
    scaling: Scaling,
    *,
    reference_genes: Sequence[str],
    usable_references: pd.DataFrame | None = None,
    scores: Mapping[str, Sequence[str]] | None = None,
    censored_variance: pd.DataFrame | None = None,
    minimum_fraction: float = 0.5,
) -> pd.DataFrame:
    """Compute the standard error of every module score (and of scores made of them), sample by sample.

    Parameters
    ----------
    measured : DataFrame
        Samples x genes, log2 (`Expression.log2`): NaN is not measured.
    variance : DataFrame
        Samples x assays, error variance in log2 units squared (`ct_variance`; times log2(E)² where an efficiency other
        than 2 is used), the reference genes among its columns.
    modules, scaling, minimum_fraction
        As for `module_scores`.
    reference_genes : sequence of str
        What the values were normalised by.
    usable_references : DataFrame of bool, optional
        Samples x reference genes: which took part in the sample's mean; by default those with a variance.
    scores : mapping, optional
        Score -> modules, as for `composite`.
    censored_variance : DataFrame, optional
        Samples x genes: where it is above nil the value is a bound, and this is the variance of the truth below it
        (`expected_below`); it stands in place of the error of a Ct.

    Returns
    -------
    DataFrame
        Samples x modules and scores, SD units of the reference; NaN where the score is.

    Raises
    ------
    AnalysisError
        The variances lack an assay.

    Notes
    -----
    A score is linear in the Cts: sum of w_g Ct_g. A gene of a module with k genes measured weighs -1 / (k sd_g); the
    same terms weigh on every reference gene with the opposite sign, (sum of 1 / (k sd_g)) / R, for the reference mean
    is one and the same in all of the module's genes. Hence SE² = sum of w_g² var(Ct_g), each Ct counted once with its
    whole weight. Scores made of modules add the weights first. The scaling is taken as known.
    """
    references = list(dict.fromkeys(reference_genes))
    genes = [g for g in scaling.genes if g in measured.columns]
    lacking = [g for g in [*genes, *references] if g not in variance.columns]
    if lacking:
        raise AnalysisError("The error variances lack assays", found=f"no {', '.join(lacking[:5])}")
    samples = measured.index
    columns = list(dict.fromkeys([*genes, *references]))
    v = variance.reindex(index=samples)[columns].to_numpy(dtype="float64").copy()
    known = np.isfinite(v)
    if usable_references is not None:
        usable = usable_references.reindex(index=samples, columns=references).fillna(False).to_numpy(dtype=bool)
    else:
        usable = known[:, [columns.index(r) for r in references]]
    if censored_variance is not None:
        at = {g: i for i, g in enumerate(columns)}
        shared = [g for g in genes if g in censored_variance.columns and g not in references]
        instead = censored_variance.reindex(index=samples)[shared].to_numpy(dtype="float64")
        place = [at[g] for g in shared]
        v[:, place] = np.where(instead > 0, instead, v[:, place])
    v = np.where(np.isfinite(v), v, 0.0)
    weights: dict[str, np.ndarray] = {}
    short: dict[str, np.ndarray] = {}
    each = usable / np.maximum(usable.sum(axis=1, keepdims=True), 1)
    for module, listed in modules.items():
        wanted = list(dict.fromkeys(listed))
        present = [g for g in wanted if g in genes]
        seen = measured[present].notna().to_numpy()
        k = seen.sum(axis=1)
        c = seen / np.maximum(k, 1)[:, None] / scaling.sd[present].to_numpy(dtype="float64")
        w = np.zeros((len(samples), len(columns)))
        w[:, [columns.index(g) for g in present]] -= c
        w[:, [columns.index(r) for r in references]] += c.sum(axis=1, keepdims=True) * each
        weights[module], short[module] = w, (k < minimum_fraction * len(wanted)) | (k == 0) | ~usable.any(axis=1)
    table = {m: np.where(short[m], np.nan, np.sqrt(np.sum(w * w * v, axis=1))) for m, w in weights.items()}
    for score, parts in (scores or {}).items():
        w = np.mean([weights[m] for m in parts], axis=0)
        lost = np.any([short[m] for m in parts], axis=0)
        table[score] = np.where(lost, np.nan, np.sqrt(np.sum(w * w * v, axis=1)))
    return pd.DataFrame(table, index=samples, dtype="float64")


def score_reliability(scores: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """Summarise the errors of scores over samples.

    Parameters
    ----------
    scores, errors : DataFrame
        Samples x scores, and their standard errors.

    Returns
    -------
    DataFrame
        Index score: samples, sd (of the score over samples), se_median, se_90 (90th centile), reliability = 1 - mean
        of SE² / variance of the score (not below nil): the share of the variance that is not error of measurement.
    """
    errors = errors[list(scores.columns)]
    both = scores.notna() & errors.notna()
    s, e = scores.where(both), errors.where(both)
    variance = s.var(ddof=1)
    return pd.DataFrame(
        {
            "samples": both.sum(),
            "sd": np.sqrt(variance),
            "se_median": e.median(),
            "se_90": e.quantile(0.9),
            "reliability": (1 - (e**2).mean() / variance.where(variance > 0)).clip(lower=0.0),
        }
    ).rename_axis("score")
