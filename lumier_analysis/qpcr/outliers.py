"""Samples that stand apart from all others: robust principal components and their two distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError

#: 1 / (normal quantile at 0.75): makes the median absolute deviation an SD.
_MAD = 1.4826022185056018


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Principal components of samples and which samples lie apart.

    Attributes
    ----------
    scores : DataFrame
        Samples x components (PC1, ...), in robust SD of the genes.
    explained : Series
        Share of the (robust) variance by component.
    samples : DataFrame
        Index sample: score_distance, orthogonal_distance, outlier ("", "within" the plane of the components,
        "off" it, or "both").
    score_limit, orthogonal_limit : float
        Where the distances become outlying.
    genes : list of str
        Genes that took part.
    """

    scores: pd.DataFrame
    explained: pd.Series
    samples: pd.DataFrame
    score_limit: float
    orthogonal_limit: float
    genes: list[str]


def principal_components(
    log2: pd.DataFrame,
    *,
    share: float = 0.8,
    maximum_components: int = 10,
    probability: float = 0.999,
    minimum_fraction: float = 0.5,
) -> PrincipalComponents:
    """Compute robust principal components and judge every sample by its distances.

    Parameters
    ----------
    log2 : DataFrame
        Samples x genes. A missing value stands at its gene's median, where it pulls nowhere; genes and samples with
        less than `minimum_fraction` of their values, and genes whose median absolute deviation is nil, take no part.
    share : float
        Components are kept until they explain this share of the variance.
    maximum_components : int
        And no more than this.
    probability : float
        Of lying within a limit, for a sample of the normal kind.
    minimum_fraction : float
        See `log2`.

    Returns
    -------
    PrincipalComponents
        `samples` has every sample of `log2`; those that took no part have NaN distances and no verdict.

    Raises
    ------
    AnalysisError
        Fewer than three genes or ten samples take part.

    Notes
    -----
    Genes are centred and scaled by median and MAD. The directions are those of the spherical principal components
    (Locantore 1999, Test 8:1): samples are projected on the unit sphere first, so that one sample far out turns no
    axis. A score's scale is its MAD. Score distance: sqrt(sum of (t / scale)²), limit sqrt(chi² quantile) with as many
    degrees of freedom as components. Orthogonal distance: what the components leave; its limit is (m + s z)^1.5 with m
    and s the median and MAD of the distances to the power 2/3 (Hubert 2005, Technometrics 47:64). An outlier is a
    sample to look at, not one to leave out: a patient with an unusual transcriptome is one, too.
    """
    x = log2.to_numpy(dtype="float64")
    genes = np.isfinite(x).mean(axis=0) >= minimum_fraction if len(x) else np.zeros(x.shape[1], dtype=bool)
    rows = np.isfinite(x[:, genes]).mean(axis=1) >= minimum_fraction if genes.any() else np.zeros(len(x), dtype=bool)
    if rows.any():
        part = x[np.ix_(rows, genes)]
        centre = np.nanmedian(part, axis=0)
        scale = _MAD * np.nanmedian(np.abs(part - centre), axis=0)
        kept = scale > 1e-9
        z = ((part - centre) / np.where(kept, scale, 1.0))[:, kept]
        genes[np.flatnonzero(genes)[~kept]] = False
    if rows.sum() < 10 or genes.sum() < 3:
        raise AnalysisError(
            "Principal components need at least 10 samples and 3 genes that vary",
            found=f"{int(rows.sum())} samples and {int(genes.sum())} genes",
        )
    z = np.where(np.isfinite(z), z, 0.0)
    norm = np.linalg.norm(z, axis=1, keepdims=True)
    _, _, axes = np.linalg.svd(z / np.where(norm > 0, norm, 1.0), full_matrices=False)
    t = z @ axes.T
    spread = _MAD * np.median(np.abs(t - np.median(t, axis=0)), axis=0)
    # The sphere keeps the axes but not their order: the robust variance orders them.
    order = np.argsort(-spread, kind="stable")
    axes, t, spread = axes[order], t[:, order], spread[order]
    explained = spread**2 / np.sum(spread**2)
    k = int(min(np.searchsorted(np.cumsum(explained), share) + 1, maximum_components, np.sum(spread > 1e-9)))
    # Signs are free: the gene that weighs most points up.
    signs = np.sign(axes[np.arange(k), np.argmax(np.abs(axes[:k]), axis=1)])
    t = t[:, :k] * signs
    deviation = t - np.median(t, axis=0)
    inside = np.sqrt(np.sum((deviation / spread[:k]) ** 2, axis=1))
    off = np.linalg.norm(z - (t * signs) @ axes[:k], axis=1)
    score_limit = float(np.sqrt(scipy.stats.chi2.ppf(probability, k)))
    power = off ** (2 / 3)
    middle = np.median(power)
    quantile = scipy.stats.norm.ppf(probability)
    orthogonal_limit = float((middle + _MAD * np.median(np.abs(power - middle)) * quantile) ** 1.5)
    far, away = inside > score_limit, off > orthogonal_limit
    verdict = np.select([far & away, far, away], ["both", "within", "off"], default="")
    index = log2.index[rows]
    names = [f"PC{i}" for i in range(1, k + 1)]
    samples = pd.DataFrame({"score_distance": inside, "orthogonal_distance": off}, index=index).reindex(log2.index)
    samples["outlier"] = pd.Series(verdict, index=index, dtype="str").reindex(log2.index).fillna("")
    return PrincipalComponents(
        scores=pd.DataFrame(t, index=index, columns=names),
        explained=pd.Series(explained[:k], index=names, name="explained"),
        samples=samples,
        score_limit=score_limit,
        orthogonal_limit=orthogonal_limit,
        genes=[str(g) for g in log2.columns[genes]],
    )
