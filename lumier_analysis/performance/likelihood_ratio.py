"""Likelihood-ratio statistics of logistic models, and their pooling over imputations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lumier_analysis.performance.arrays import Bools, Floats


def log_likelihoods(y: Bools, designs: Sequence[Floats], coefs: Sequence[Floats]) -> Floats:
    """Return the log likelihood of each logistic model, shape (m,).

    Parameters
    ----------
    y : ndarray of bool, shape (n,)
        Events.
    designs : sequence of ndarray, m of shape (n, k)
        Columns, the intercept among them.
    coefs : sequence of ndarray, m of shape (k,)
    """
    eta = np.stack([x @ c for x, c in zip(designs, coefs, strict=True)])
    return np.asarray(eta[:, y].sum(axis=1) - np.logaddexp(0, eta).sum(axis=1))


def pool_d3(average: float, at_pooled: float, m: int) -> tuple[float, float]:
    """Return Meng and Rubin's (1992) D3 for one parameter and its denominator degrees of freedom.

    Parameters
    ----------
    average : float
        Mean over imputations of the likelihood-ratio statistics, each at its own estimates.
    at_pooled : float
        The same, at the estimates averaged over imputations.
    m : int
        Imputations, 2 or more.
    """
    r = max(0.0, (m + 1) / (m - 1) * (average - at_pooled))
    statistic, t = at_pooled / (1 + r), m - 1
    # An increase that is rounding alone: nothing was missing that mattered.
    if r < 1e-12:
        return statistic, math.inf
    df = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2 if t > 4 else t * (1 + 1 / r) ** 2
    return statistic, df
