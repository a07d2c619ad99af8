"""Expression relative to reference genes, in log2 units: from reactions or from probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def _present(wanted: Sequence[str], available: pd.Index, what: str) -> list[str]:
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
    3:research0034); amplification is taken to double each cycle.
    """
    check_reactions(reactions)
    if not np.isfinite(limit_of_detection) or limit_of_detection <= 0:
        raise AnalysisError("The limit of detection is a positive number of cycles", found=str(limit_of_detection))
    ct, bound = mean_ct(reactions, limit_of_detection)
    references = _present(reference_genes, ct.columns, "reference genes")
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


def expression_from_probes(
    log2: pd.DataFrame,
    annotation: pd.DataFrame | pd.Series | Mapping[str, str],
    *,
    reference_genes: Sequence[str],
    floor: float | None = None,
    aliases: Mapping[str, str] | None = None,
    genes: Sequence[str] | None = None,
) -> Expression:
    """Compute expression from a log2 matrix of probes: mean of a gene's probes - mean of the reference genes.

    Parameters
    ----------
    log2 : DataFrame
        Probes x samples, log2.
    annotation : DataFrame, Series or mapping
        Gene symbol of each probe: columns probe and gene, or indexed by probe. Probes without symbol are not used.
    reference_genes : sequence of str
        Gene symbols.
    floor : float, optional
        Detection floor (log2): a gene all of whose probes lie at or below it is marked as censored.
    aliases : mapping, optional
        Old symbol -> new symbol (IGJ -> JCHAIN), applied to the annotation.
    genes : sequence of str, optional
        Columns of the result; every gene by default. Those without probe are listed in `absent`.

    Returns
    -------
    Expression
        Samples x genes.

    Raises
    ------
    AnalysisError
        The annotation names a probe twice with different genes, knows no probe of the matrix, or a reference gene has
        no probe.
    """
    symbol = _symbols(annotation, aliases or {}).reindex(log2.index)
    known = symbol.notna().to_numpy()
    if not known.any():
        raise AnalysisError(
            "The annotation knows no probe of the expression matrix",
            found=f"probes such as {log2.index[0]}" if len(log2) else "no probe",
            fix="give the annotation of the platform that was used",
        )
    values, names = log2[known], symbol[known].rename("gene")
    available = pd.Index(names.unique(), name="gene")
    references = _present(reference_genes, available, "reference genes")
    columns = list(available) if genes is None else [g for g in dict.fromkeys(genes) if g in available]
    absent = () if genes is None else tuple(g for g in dict.fromkeys(genes) if g not in available)
    needed = names.isin([*columns, *references]).to_numpy()
    values, names = values[needed], names[needed]
    gene = values.groupby(names.to_numpy()).mean().T
    gene.index.name = "sample_id"
    gene.columns.name = "gene"
    # Half of the references must be measured; intensities are on one scale, so a missing one is left out as it is.
    measured = gene[references].notna().sum(axis=1)
    enough = 2 * measured >= len(references)
    reference = gene[references].mean(axis=1).where(enough)
    if floor is None:
        at_floor = pd.DataFrame(False, index=gene.index, columns=columns)
    else:
        # Files print intensities to three decimals: the floor log2(10) = 3.3219 stands there as 3.322.
        at_floor = (values <= floor + 1e-3).groupby(names.to_numpy()).all().T.reindex(columns=columns)
    relative = gene[columns].sub(reference, axis=0)
    reason = [
        "" if ok else f"{m} of {len(references)} reference genes usable" for ok, m in zip(enough, measured, strict=True)
    ]
    return Expression(
        log2=relative,
        censored=at_floor.astype(bool).rename_axis(index="sample_id", columns="gene") & relative.notna(),
        reference_ct=reference.rename("reference_ct"),
        missing_fraction=gene[columns].isna().mean(axis=1).rename("missing_fraction"),
        reason=pd.Series(reason, index=gene.index, dtype="str", name="reason"),
        absent=absent,
    )


def _symbols(annotation: pd.DataFrame | pd.Series | Mapping[str, str], aliases: Mapping[str, str]) -> pd.Series:
    """Return gene symbols by probe, in today's names."""
    if isinstance(annotation, pd.DataFrame):
        lacking = [c for c in ("probe", "gene") if c not in annotation.columns]
        if lacking:
            raise AnalysisError(
                f"The annotation has no column {lacking[0]}",
                found=f"columns {', '.join(map(str, annotation.columns[:8]))}",
            )
        pairs = annotation[["probe", "gene"]].drop_duplicates()
        series = pairs.set_index("probe")["gene"]
    else:
        series = pd.Series(annotation, dtype="object")
    series = series.astype("object").map(lambda g: g.strip() if isinstance(g, str) and g.strip() else None)
    twice = series.index[series.index.duplicated()]
    if len(twice):
        raise AnalysisError(
            "The annotation gives a probe two genes",
            found=f"{twice[0]}: {', '.join(map(str, series[twice[0]]))}",
            fix="keep one",
        )
    return series.map(lambda g: aliases.get(g, g) if g is not None else None)
