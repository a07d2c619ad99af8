"""Fixed effects of a fitted mixed model with standard errors that do not rest on its correlation structure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lumier_analysis.mixed.cluster_robust import Floats, Ints, RobustCovariance, cr2
from lumier_analysis.mixed.lmm import LinearMixedModel


def robust_coefficients(model: LinearMixedModel, rows: Any = None) -> pd.DataFrame:
    """Return coefficients, or contrasts of them, with CR2 standard errors and their degrees of freedom.

    Parameters
    ----------
    model : LinearMixedModel
        Its covariance is the working model: right or wrong, the standard errors hold for many clusters; where it is
        right they are unbiased for few.
    rows : array-like, shape (k, p), or DataFrame with columns named after terms, optional
        Contrasts, as in `FittedModel.contrast`.

    Returns
    -------
    DataFrame
        estimate, se, df, t, p_value, ci_low, ci_high. Clusters are the patients; where grouping factors are nested or
        crossed, the sets of rows that share no level (the centres).

    Raises
    ------
    AnalysisError
        All rows hang together: crossed factors leave one cluster.
    """
    if rows is None:
        contrasts, names = np.eye(len(model.terms)), list(model.terms)
    else:
        contrasts, names = model._rows(rows)
    return robust_covariance(model).table(contrasts, model.beta, [str(n) for n in names], level=model.level)


def robust_covariance(model: LinearMixedModel) -> RobustCovariance:
    """Return the CR2 covariance of a fitted model; see `robust_coefficients`."""
    cluster = clusters_of(model)
    covariances = [marginal_covariance(model, np.flatnonzero(cluster == i)) for i in range(int(cluster.max()) + 1)]
    return cr2(model.design.x, model.residuals_marginal.to_numpy(), cluster, covariances)


def clusters_of(model: LinearMixedModel) -> Ints:
    """Return the cluster of every row: rows that share a level of any grouping factor, directly or by others."""
    codes = model.fit.problem.arrays.codes
    n, offset = codes[0].size, codes[0].size
    rows, columns = [], []
    for code in codes:
        rows.append(np.arange(n))
        columns.append(offset + code)
        offset += int(code.max()) + 1
    links = coo_matrix(
        (np.ones(n * len(codes)), (np.concatenate(rows), np.concatenate(columns))), shape=(offset, offset)
    )
    labels = connected_components(links, directed=False)[1][:n]
    return np.unique(labels, return_inverse=True)[1].astype(np.intp)


def marginal_covariance(model: LinearMixedModel, rows: Ints) -> Floats:
    """Return the model's covariance of some rows, random effects integrated out, in squared units of the response."""
    arrays = model.fit.problem.arrays
    v = model.residual_variance * np.eye(rows.size)
    for z, width, code, g in zip(arrays.z, arrays.widths, arrays.codes, model.fit.random_covariance, strict=True):
        own = z[rows] * width
        v += (own @ g @ own.T) * (code[rows][:, None] == code[rows][None, :])
    return v
