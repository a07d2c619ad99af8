"""Covariance of the fixed effects that holds where the model of the correlation does not: CR2, by patient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# Eigenvalues below this share of the largest are directions that the fixed effects use up altogether.
_USED_UP = 1e-10


@dataclass(frozen=True)
class RobustCovariance:
    """A cluster-robust covariance and what its degrees of freedom are made of.

    Attributes
    ----------
    covariance : ndarray, shape (p, p)
    scores : ndarray, shape (k, p, p)
        u_i of every cluster: X_i' times its adjusted weights, by coefficient.
    spread : ndarray, shape (k, p, p)
        g_i' V_i g_i of every cluster, by pair of coefficients.
    model : ndarray, shape (p, p)
        (X' V^-1 X)^-1.
    """

    covariance: Floats
    scores: Floats
    spread: Floats
    model: Floats

    def df(self, contrast: Floats) -> float:
        """Return the Satterthwaite degrees of freedom of a contrast under the model's covariance.

        ``(sum_i q_ii)^2 / sum_ij q_ij^2`` with q_ij the covariance of the terms of clusters i and j (Bell and
        McCaffrey 2002; Pustejovsky and Tipton 2018, eq. 13).
        """
        u = self.scores @ contrast
        gram = -(u @ self.model @ u.T)
        gram[np.diag_indices_from(gram)] += np.einsum("a,kab,b->k", contrast, self.spread, contrast)
        total = float((gram**2).sum())
        return float(np.trace(gram)) ** 2 / total if total > 0 else math.nan

    def table(self, contrasts: Floats, beta: Floats, names: Sequence[str], *, level: float = 0.95) -> pd.DataFrame:
        """Return contrasts of the coefficients: estimate, se, df, t, p_value, ci_low, ci_high."""
        estimate = contrasts @ beta
        se = np.sqrt(np.einsum("ka,ab,kb->k", contrasts, self.covariance, contrasts))
        df = np.array([self.df(row) for row in contrasts])
        half = student.ppf(0.5 + level / 2, df) * se
        t = np.divide(estimate, se, out=np.full_like(se, math.nan), where=se > 0)
        return pd.DataFrame(
            {"estimate": estimate, "se": se, "df": df, "t": t, "p_value": 2 * student.sf(np.abs(t), df),
             "ci_low": estimate - half, "ci_high": estimate + half},
            index=pd.Index(list(names), name="term"),
        )  # fmt: skip


def cr2(x: Floats, residual: Floats, codes: Ints, covariances: Sequence[Floats]) -> RobustCovariance:
    """Return the bias-reduced cluster-robust covariance of generalised least squares.

    Unbiased where the model's covariance is right, whatever the number of clusters, and consistent where it is wrong
    (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018, J Bus Econ Stat 36:672, with the model's covariance as
    working model and its inverse as weights).

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Of full rank.
    residual : ndarray, shape (n,)
        Marginal: y - X beta.
    codes : ndarray of int, shape (n,)
        Cluster of each row, 0 to k - 1.
    covariances : sequence of ndarray
        The model's covariance of each cluster's rows, in their order.

    Raises
    ------
    AnalysisError
        Fewer than two clusters, or a covariance of another size than its cluster.
    """
    k, p = len(covariances), x.shape[1]
    if k < 2:
        raise AnalysisError("a cluster-robust covariance needs two clusters or more", found=str(k))
    rows = [np.flatnonzero(codes == i) for i in range(k)]
    if any(v.shape != (r.size, r.size) for v, r in zip(covariances, rows, strict=True)):
        raise AnalysisError("a covariance has another size than the rows of its cluster")
    weighted = [np.linalg.solve(v, x[r]) for v, r in zip(covariances, rows, strict=True)]
    model = np.linalg.inv(sum(x[r].T @ w for r, w in zip(rows, weighted, strict=True)))
    covariance, scores, spread = np.zeros((p, p)), np.empty((k, p, p)), np.empty((k, p, p))
    for i, (r, v, w) in enumerate(zip(rows, covariances, weighted, strict=True)):
        root = np.linalg.cholesky(v)  # V = D' D with D = root'
        inside = root.T @ (v - x[r] @ model @ x[r].T) @ root
        values, vectors = np.linalg.eigh((inside + inside.T) / 2)
        inverse = np.divide(
            1.0, np.sqrt(np.abs(values)), out=np.zeros_like(values), where=values > _USED_UP * values[-1]
        )
        adjust = root @ (vectors * inverse) @ vectors.T @ root.T
        g = adjust @ w @ model  # n_i x p
        part = residual[r] @ g
        covariance += np.outer(part, part)
        scores[i] = x[r].T @ g
        spread[i] = g.T @ v @ g
    return RobustCovariance(covariance, scores, spread, model)
