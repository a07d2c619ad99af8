"""Expression relative to reference genes from a matrix of probes, in the form that reactions give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.expression import Expression, present


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
    references = present(reference_genes, available, "reference genes")
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
