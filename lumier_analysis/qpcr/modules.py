"""Module scores: mean z-score of a module's genes against a frozen reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError

#: log2 units. Ct is printed to about 1e-4 at best: a smaller SD is a constant gene with rounding noise.
_CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class Scaling:
    """The reference that z-scores are taken against; estimated once, never again.

    Attributes
    ----------
    mean, sd : Series
        Per gene, log2 units; SD with n - 1.
    n : int
        Reference samples.
    source : str
        Which samples they are, in words.
    dropped : dict
        Gene -> why it has no scaling and so enters no score.
    """

    mean: pd.Series
    sd: pd.Series
    n: int
    source: str = ""
    dropped: dict[str, str] = field(default_factory=dict)

    @property
    def genes(self) -> list[str]:
        """Genes that can be scaled."""
        return list(self.mean.index)


def fit_scaling(
    log2: pd.DataFrame,
    *,
    source: str = "",
    censored: pd.DataFrame | None = None,
    maximum_censored_fraction: float = 0.5,
    minimum_samples: int = 3,
) -> Scaling:
    """Estimate mean and SD of every gene over reference samples.

    Parameters
    ----------
    log2 : DataFrame
        Reference samples x genes.
    source : str
        In words, which samples these are.
    censored : DataFrame of bool, optional
        Same shape. A gene that is below detection in more than `maximum_censored_fraction` of its values is dropped:
        its SD says where the limit lies, not how the gene varies.
    maximum_censored_fraction : float
        See `censored`.
    minimum_samples : int
        Measured values that a gene needs.

    Returns
    -------
    Scaling
        Genes that are constant, censored or hardly measured are in `dropped`, each with its reason.

    Raises
    ------
    AnalysisError
        No gene can be scaled.
    """
    count, mean, sd = log2.notna().sum(), log2.mean(), log2.std(ddof=1)
    share = pd.Series(0.0, index=log2.columns)
    if censored is not None:
        share = (censored.reindex_like(log2).fillna(False).astype(bool) & log2.notna()).sum() / count.clip(lower=1)
    dropped: dict[str, str] = {}
    for gene, n, below, spread in zip(log2.columns, count.tolist(), share.tolist(), sd.tolist(), strict=True):
        if n < minimum_samples:
            dropped[gene] = f"measured in {n} reference samples, {minimum_samples} are needed"
        elif below > maximum_censored_fraction:
            dropped[gene] = f"below detection in {100 * below:.0f} % of reference samples"
        elif not spread > _CONSTANT:
            dropped[gene] = "constant in the reference samples"
    kept = [g for g in log2.columns if g not in dropped]
    if not kept:
        reason = next(iter(dropped.values()), "no gene")
        raise AnalysisError(
            "No gene can be scaled by the reference samples",
            found=f"{len(log2)} samples; {reason}",
            fix="look at `scaling.reference`",
        )
    return Scaling(mean[kept], sd[kept], len(log2), source, dropped)


def z_scores(log2: pd.DataFrame, scaling: Scaling) -> pd.DataFrame:
    """Return (log2 - mean) / sd: samples x genes of the scaling that the data hold, in the scaling's order."""
    genes = [g for g in scaling.genes if g in log2.columns]
    return (log2[genes] - scaling.mean[genes]) / scaling.sd[genes]


def module_scores(
    log2: pd.DataFrame, modules: Mapping[str, Sequence[str]], scaling: Scaling, *, minimum_fraction: float = 0.5
) -> pd.DataFrame:
    """Compute the mean z-score of each module's genes.

    Parameters
    ----------
    log2 : DataFrame
        Samples x genes (`Expression.log2`).
    modules : mapping
        Module -> genes.
    scaling : Scaling
        The frozen reference.
    minimum_fraction : float
        Share of a module's genes, as listed, that a sample needs; with less its score is NaN. The others are averaged
        over what was measured.

    Returns
    -------
    DataFrame
        Samples x modules, SD units of the reference; higher is more RNA.

    Raises
    ------
    AnalysisError
        A module has too few genes in data and scaling for any sample to be scored.
    """
    z = z_scores(log2, scaling)
    place = {gene: i for i, gene in enumerate(z.columns)}
    # Genes x samples, without pandas: a score is computed again for every imputation, simulation and fold.
    values = np.ascontiguousarray(z.to_numpy(dtype=np.float64).T)
    known = ~np.isnan(values)
    values = np.where(known, values, 0.0)
    scores = {}
    for module, listed in modules.items():
        wanted = list(dict.fromkeys(listed))
        present = [g for g in wanted if g in place]
        if not present or len(present) < minimum_fraction * len(wanted):
            lost = [f"{g} ({scaling.dropped.get(g, 'not in the data')})" for g in wanted if g not in place]
            raise AnalysisError(
                f"Module {module} has {len(present)} of {len(wanted)} genes, too few for a score",
                found=f"without {', '.join(lost[:4])}{' ...' if len(lost) > 4 else ''}",
                fix=f"correct `panel.modules.{module}` in the plan",
            )
        own = [place[g] for g in present]
        n = known[own].sum(axis=0)
        enough = n >= minimum_fraction * len(wanted)
        scores[module] = np.where(enough, values[own].sum(axis=0) / np.maximum(n, 1), np.nan)
    return pd.DataFrame(scores, index=log2.index, dtype="float64")


def composite(scores: pd.DataFrame, definition: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Compute scores made of modules: the mean of the module scores.

    Parameters
    ----------
    scores : DataFrame
        Samples x modules.
    definition : mapping
        Score -> modules.

    Returns
    -------
    DataFrame
        Samples x scores. Every module is needed: a sample without one of them has NaN, since modules differ in level
        and the mean of the others would be another score.

    Raises
    ------
    AnalysisError
        A score names a module that was not computed, or none.
    """
    made = {}
    for name, modules in definition.items():
        absent = [m for m in modules if m not in scores.columns]
        if absent or not modules:
            raise AnalysisError(
                f"Score {name} cannot be computed",
                found=f"no module {', '.join(absent)}" if absent else "no module named",
                fix=f"correct `panel.scores.{name}` in the plan",
            )
        made[name] = scores[list(modules)].mean(axis=1, skipna=False)
    return pd.DataFrame(made, index=scores.index, dtype=np.float64)
