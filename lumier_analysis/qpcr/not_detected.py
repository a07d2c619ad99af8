"""How much it matters that reactions were not detected: scores at the limit and scores by imputation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lumier_analysis.qpcr.censored import CensoredFit, impute_below
from lumier_analysis.qpcr.modules import fit_scaling, module_scores


def not_detected_effect(
    log2: pd.DataFrame,
    censored: pd.DataFrame,
    fit: CensoredFit,
    modules: Mapping[str, Sequence[str]],
    *,
    reference: pd.Index,
    imputations: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare module scores with not-detected values at the limit and drawn from below it.

    Parameters
    ----------
    log2, censored : DataFrame
        Samples x genes; where censored, the value is the bound.
    fit : CensoredFit
        Fitted on the samples of the test cohort.
    modules : mapping
        Module -> genes.
    reference : Index
        Samples that the z-scores are scaled by, anew under each way.
    imputations, seed : int
        See `impute_below`.

    Returns
    -------
    table : DataFrame
        Index module: genes, censored_share (of its values), samples_touched (with a censored value in the module),
        mean_difference, sd_difference, largest_difference (imputed - limit, SD units; over samples, imputed scores
        averaged over imputations), correlation (Pearson), between_sd (root mean variance of a sample's score between
        imputations).
    mean : DataFrame
        log2 with the censored values at their mean over the imputations. Scores are linear in it under one scaling.
    """
    at_limit = module_scores(log2, modules, fit_scaling(log2.loc[reference]))
    first = np.zeros(at_limit.shape)
    second = np.zeros(at_limit.shape)
    total = np.zeros(log2.shape)
    for completed in impute_below(log2, censored, fit, imputations=imputations, seed=seed):
        imputed = module_scores(completed, modules, fit_scaling(completed.loc[reference]))
        moved = imputed.to_numpy() - at_limit.to_numpy()
        first += moved
        second += moved**2
        total += completed.to_numpy()
    difference = pd.DataFrame(first / imputations, index=log2.index, columns=at_limit.columns)
    between = np.maximum(second - first**2 / imputations, 0.0) / max(imputations - 1, 1)
    rows = {}
    for k, (module, genes) in enumerate(modules.items()):
        present = [g for g in dict.fromkeys(genes) if g in log2.columns]
        known = log2[present].notna()
        below = censored[present] & known
        d, scored = difference[module].dropna(), at_limit[module].notna().to_numpy()
        rows[module] = {
            "genes": len(present),
            "censored_share": float(below.to_numpy().sum() / max(int(known.to_numpy().sum()), 1)),
            "samples_touched": int(below.any(axis=1).sum()),
            "mean_difference": d.mean(),
            "sd_difference": d.std(ddof=1),
            "largest_difference": d.iloc[int(d.abs().argmax())] if len(d) else np.nan,
            "correlation": at_limit[module].corr(at_limit[module] + difference[module]),
            "between_sd": float(np.sqrt(between[scored, k].mean())) if scored.any() else np.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("module")
    # What was measured stays to the last digit.
    mean = pd.DataFrame(total / imputations, index=log2.index, columns=log2.columns)
    return table, log2.mask(censored, mean)
