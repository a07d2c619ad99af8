"""Which reference genes are stable: geNorm and NormFinder, on log2 quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError


@dataclass(frozen=True, eq=False)
class GeNorm:
    """What geNorm found.

    Attributes
    ----------
    ranking : list of str
        Genes, best first; the first two cannot be told apart and stand in the order of the data.
    m : Series
        Stability M of every gene among all genes (log2 units; lower is more stable).
    mean_m : Series
        Mean M of the genes that remain, by their number, as the worst is taken out step by step.
    pairwise_variation : Series
        V(n/n+1), indexed "2/3", "3/4", ...: SD over samples of the log2 ratio of the normalisation factors from the n
        and n + 1 best genes. Below 0.15 a further gene is not needed.
    """

    ranking: list[str]
    m: pd.Series
    mean_m: pd.Series
    pairwise_variation: pd.Series


def _checked(log2_quantities: pd.DataFrame, genes: int, samples: int, what: str) -> pd.DataFrame:
    """Refuse data with which the method does not work."""
    data = pd.DataFrame(log2_quantities).astype("float64")
    if data.shape[1] < genes or data.shape[0] < samples:
        raise AnalysisError(
            f"{what} needs at least {genes} genes and {samples} samples",
            found=f"{data.shape[1]} genes and {data.shape[0]} samples",
        )
    finite = np.isfinite(data.to_numpy())
    if not finite.all():
        raise AnalysisError(
            f"{what} needs every gene in every sample",
            found=f"{int((~finite.all(axis=1)).sum())} of {len(data)} samples with a missing value",
            fix="leave these samples out",
        )
    return data


def _m_values(x: np.ndarray) -> np.ndarray:
    """Return M of every column: the mean, over the other columns, of the SD of their differences."""
    centred = x - x.mean(axis=0)
    # Var(a - b) of every pair from the differences themselves: sums of squares would lose digits for close genes.
    sd = np.sqrt(((centred[:, :, None] - centred[:, None, :]) ** 2).sum(axis=0) / (len(x) - 1))
    return sd.sum(axis=0) / (x.shape[1] - 1)


def genorm(log2_quantities: pd.DataFrame) -> GeNorm:
    """Rank reference genes by geNorm.

    Parameters
    ----------
    log2_quantities : DataFrame
        Samples x genes, log2 relative quantities (-Ct serves).

    Returns
    -------
    GeNorm

    Raises
    ------
    AnalysisError
        Fewer than three genes or two samples, or a missing value.

    Notes
    -----
    Vandesompele et al. 2002, Genome Biol 3:research0034: M_j is the mean over k of the SD of log2(a_ij / a_ik); the
    gene with the highest M is taken out until two remain.
    """
    data = _checked(log2_quantities, 3, 2, "geNorm")
    x, names = data.to_numpy(), [str(c) for c in data.columns]
    m = _m_values(x)
    left, removed, mean_m = list(range(len(names))), [], {}
    while len(left) > 2:
        current = _m_values(x[:, left])
        mean_m[len(left)] = float(current.mean())
        removed.append(left.pop(int(np.argmax(current))))
    mean_m[2] = float(_m_values(x[:, left]).mean())
    order = left + removed[::-1]
    factors = {n: x[:, order[:n]].mean(axis=1) for n in range(2, len(order) + 1)}
    variation = {f"{n}/{n + 1}": float(np.std(factors[n] - factors[n + 1], ddof=1)) for n in range(2, len(order))}
    return GeNorm(
        ranking=[names[i] for i in order],
        m=pd.Series(m, index=names, name="m"),
        mean_m=pd.Series(mean_m, name="mean_m"),
        pairwise_variation=pd.Series(variation, name="pairwise_variation"),
    )


def _gene_variance(x: np.ndarray) -> np.ndarray:
    """Estimate each gene's own variance (the sample's common shift taken out), for one group of samples."""
    n, k = x.shape
    residual = x - x.mean(axis=1, keepdims=True) - x.mean(axis=0) + x.mean()
    s2 = (residual**2).sum(axis=0) / (n - 1)
    return np.maximum((s2 - s2.sum() / (k * (k - 1))) / (1 - 2 / k), 0.0)


def normfinder(log2_quantities: pd.DataFrame, groups: Sequence | pd.Series | None = None) -> pd.Series:
    """Compute NormFinder stability values.

    Parameters
    ----------
    log2_quantities : DataFrame
        Samples x genes, log2 relative quantities.
    groups : sequence, optional
        Group of every sample. With groups, the stability value joins the difference between groups and the variation
        within; without, it is the SD of the gene itself.

    Returns
    -------
    Series
        Per gene, log2 units; lower is more stable.

    Raises
    ------
    AnalysisError
        Fewer than three genes or two samples (in a group), a missing value or group, or one group alone.

    Notes
    -----
    Andersen et al. 2004, Cancer Res 64:5245. With d_ig the deviation of gene i in group g, s2_ig its variance, n_g
    samples, and t the variance between groups, max(0, sum d² / ((G - 1)(k - 1)) - mean(s² / n)): the deviation is
    shrunk to d·t / (t + s²/n), its posterior variance is s²/n + t·(s²/n) / (t + s²/n), and the value is the mean over
    groups of |shrunk deviation| + posterior SD.
    """
    data = _checked(log2_quantities, 3, 2, "NormFinder")
    x, names = data.to_numpy(), [str(c) for c in data.columns]
    k = len(names)
    if groups is None:
        return pd.Series(np.sqrt(_gene_variance(x)), index=names, name="stability")
    if isinstance(groups, pd.Series) and groups.index.has_duplicates is False and set(data.index) <= set(groups.index):
        groups = groups.loc[data.index]
    labels = pd.Series(list(groups))
    if len(labels) != len(data) or labels.isna().any():
        raise AnalysisError(
            "NormFinder needs a group for every sample", found=f"{labels.notna().sum()} for {len(data)} samples"
        )
    sizes = labels.value_counts()
    if len(sizes) < 2 or sizes.min() < 2:
        raise AnalysisError(
            "NormFinder needs two groups or more, each of two samples or more",
            found=", ".join(f"{g}: {n}" for g, n in sizes.items()),
            fix="merge small groups, or leave `groups` out",
        )
    parts = [x[(labels == g).to_numpy()] for g in sizes.index]
    means = np.stack([p.mean(axis=0) for p in parts])
    error = np.stack([_gene_variance(p) / len(p) for p in parts])
    deviation = means - means.mean(axis=1, keepdims=True) - means.mean(axis=0) + means.mean()
    between = max(0.0, float((deviation**2).sum() / ((len(parts) - 1) * (k - 1)) - error.mean()))
    # Neither between-group variance nor error: nothing to shrink, and 0/0 stands for 0.
    total = np.where(between + error > 0, between + error, 1.0)
    shrunk, variance = deviation * between / total, error + between * error / total
    return pd.Series((np.abs(shrunk) + np.sqrt(variance)).mean(axis=0), index=names, name="stability")
