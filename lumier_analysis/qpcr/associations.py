"""Whether reference genes follow what they must not follow: the score, treatment, time, centre, cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.reference_choice import CAUTIONS


def reference_residuals(ct: pd.DataFrame) -> pd.DataFrame:
    """Return every reference gene relative to the mean of the others, in log2: higher is more RNA.

    Parameters
    ----------
    ct : DataFrame
        Samples x reference genes, cycles (calibrated); NaN where not usable.

    Returns
    -------
    DataFrame
        Same shape. Input of RNA, which all genes share, cancels. Others that lack a value are left out after their own
        median was taken off, so that a missing gene does not move the mean.
    """
    centred = ct - ct.median(axis=0)
    known = centred.notna()
    total, n = centred.sum(axis=1), known.sum(axis=1)
    others = centred.rsub(total, axis=0).div((n - 1).where(n > 1), axis=0)
    return others - centred


def independent_score(log2: pd.DataFrame, score_genes: Sequence[str], minimum_others: int = 3) -> pd.Series:
    """Return a score that shares no measurement with the reference genes.

    Were the score taken relative to the reference genes, their own error would stand in score and gene alike and feign
    an association. Here the mean of the score's genes is taken relative to the mean of all other genes of the panel.

    Parameters
    ----------
    log2 : DataFrame
        Samples x genes, without reference genes; whatever they were normalised by cancels.
    score_genes : sequence of str
        Genes of the score.
    minimum_others : int
        Other genes that are needed.

    Returns
    -------
    Series
        Per sample, mean of standardised genes; NaN throughout where the panel has too few other genes.
    """
    inside = [g for g in log2.columns if g in set(score_genes)]
    others = [g for g in log2.columns if g not in set(score_genes)]
    if not inside or len(others) < minimum_others:
        return pd.Series(np.nan, index=log2.index, name="score")
    level = log2.sub(log2[others].mean(axis=1), axis=0)[inside]
    return ((level - level.mean()) / level.std(ddof=1)).mean(axis=1).rename("score")


def associate(
    values: pd.DataFrame,
    covariates: pd.DataFrame,
    clusters: pd.Series | None = None,
    *,
    coarser: Mapping[str, pd.Series] | None = None,
    minimum_effect: float = 0.1,
    false_discovery_rate: float = 0.05,
    minimum_clusters: int = 5,
    cautions: Mapping[str, str] = CAUTIONS,
) -> pd.DataFrame:
    """Test every gene against every covariate, one at a time.

    Parameters
    ----------
    values : DataFrame
        Samples x genes, log2, see `reference_residuals`.
    covariates : DataFrame
        Samples x covariates, aligned on the samples' index. Numbers are taken per SD; text is a category.
    clusters : Series, optional
        What repeated samples belong to; by default every sample is its own.
    coarser : mapping, optional
        Covariate -> clusters of its own, where something larger than `clusters` errs together.
    minimum_effect : float
        log2 units; a smaller effect is not flagged however small its p-value.
    false_discovery_rate : float
        Benjamini and Hochberg's, over the whole table.
    minimum_clusters : int
        A category in fewer clusters is left out; a covariate with fewer clusters in all is not tested.
    cautions : mapping
        Gene -> why it is a doubtful reference whatever the data say.

    Returns
    -------
    DataFrame
        One row a gene and covariate: gene, covariate, kind ("per SD" or "largest difference between k groups"),
        effect (log2), se (NaN for categories), p_value, q_value, samples, clusters, flagged, caution, note.

    Raises
    ------
    AnalysisError
        The tables have no sample in common, or a sample twice.

    Notes
    -----
    Least squares; the variance is that of the jackknife over clusters, (G - 1)/G x sum of (b without cluster - b)²,
    which for few clusters holds its level better than the sandwich (CV3 in MacKinnon 2023, J Econometrics 232:272);
    tests by t or F with G - 1 degrees of freedom, G clusters.
    """
    for frame in (values, covariates):
        if frame.index.has_duplicates:
            raise AnalysisError("A sample stands twice in the tables to be associated")
    shared = values.index[values.index.isin(covariates.index)]
    if not len(shared):
        raise AnalysisError("Reference genes and covariates have no sample in common")
    values, covariates = values.loc[shared], covariates.loc[shared]
    group = pd.Series(shared, index=shared) if clusters is None else clusters.reindex(shared)
    rows = []
    for name in covariates.columns:
        own = group if not coarser or name not in coarser else coarser[str(name)].reindex(shared)
        x, kind, note = _design(covariates[name], own, minimum_clusters)
        for gene in values.columns:
            row = {"gene": str(gene), "covariate": str(name), "kind": kind, "note": note}
            rows.append(row | _fit(values[gene], x, own, minimum_clusters))
    table = pd.DataFrame(rows)
    tested = table["p_value"].notna()
    table["q_value"] = np.nan
    if tested.any():
        table.loc[tested, "q_value"] = scipy.stats.false_discovery_control(table.loc[tested, "p_value"])
    table["flagged"] = (table["q_value"] < false_discovery_rate) & (table["effect"].abs() >= minimum_effect)
    table["caution"] = table["gene"].map(lambda g: cautions.get(g, "")).astype("str")
    order = ["gene", "covariate", "kind", "effect", "se", "p_value", "q_value", "samples", "clusters"]
    return table[[*order, "flagged", "caution", "note"]]


def _design(column: pd.Series, group: pd.Series, minimum: int) -> tuple[pd.DataFrame | None, str, str]:
    """Return the columns of the model (without intercept), what the effect is, and what was left out."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        number = column.astype("float64")
        sd = number.std(ddof=1)
        if not sd > 0:
            return None, "per SD", "the same in all samples" if number.notna().any() else "no values"
        return ((number - number.mean()) / sd).to_frame("per SD"), "per SD", ""
    text = column.astype("object").where(column.notna())
    clusters = group.groupby(text).nunique().sort_values(ascending=False, kind="stable")
    kept = clusters.index[clusters >= minimum]
    left = len(clusters) - len(kept)
    note = f"{left} of {len(clusters)} groups left out: fewer than {minimum} clusters" if left else ""
    kind = f"largest difference between {len(kept)} groups"
    if len(kept) < 2:
        return None, kind, note or "one group alone"
    # The largest group is the base.
    dummies = pd.DataFrame({str(k): text.eq(k).astype("float64") for k in kept[1:]}, index=column.index)
    return dummies.where(text.isin(kept), np.nan), kind, note


def _fit(y: pd.Series, x: pd.DataFrame | None, group: pd.Series, minimum: int) -> dict[str, float]:
    """Fit one gene on one covariate."""
    nan = float("nan")
    row = {"effect": nan, "se": nan, "p_value": nan, "samples": 0, "clusters": 0}
    if x is None:
        return row
    used = y.notna() & x.notna().all(axis=1) & group.notna()
    n, g = int(used.sum()), int(group[used].nunique())
    row |= {"samples": n, "clusters": g}
    design = np.column_stack([np.ones(n), x[used].to_numpy(dtype="float64")])
    p = design.shape[1]
    if g < max(minimum, p + 2) or np.linalg.matrix_rank(design) < p:
        return row
    response = y[used].to_numpy(dtype="float64")
    if not np.ptp(response) > 1e-9:
        return row | {"effect": 0.0, "p_value": 1.0}
    beta = np.linalg.solve(design.T @ design, design.T @ response)
    codes = pd.factorize(group[used])[0]
    # Sums over clusters of x'x and x'e; the change of the slopes when a cluster is left out needs no new fit.
    squares, scores = np.zeros((g, p, p)), np.zeros((g, p))
    np.add.at(squares, codes, design[:, :, None] * design[:, None, :])
    np.add.at(scores, codes, design * (response - design @ beta)[:, None])
    change = np.linalg.solve(design.T @ design - squares, scores[:, :, None])[:, :, 0]
    covariance = (g - 1) / g * change.T @ change
    if x.columns[0] == "per SD":
        se = float(np.sqrt(covariance[1, 1]))
        p_value = float(2 * scipy.stats.t.sf(abs(beta[1]) / se, g - 1))
        return row | {"effect": float(beta[1]), "se": se, "p_value": p_value}
    wald = float(beta[1:] @ np.linalg.solve(covariance[1:, 1:], beta[1:])) / (p - 1)
    means = np.concatenate([[0.0], beta[1:]])
    return row | {"effect": float(np.ptp(means)), "p_value": float(scipy.stats.f.sf(wald, p - 1, g - 1))}
