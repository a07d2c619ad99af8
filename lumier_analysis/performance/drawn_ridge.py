"""Bayesian ridge regression for proper imputation: one draw of the parameters a fit."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from lumier_analysis.performance.arrays import Floats

#: Weak gamma priors of both precisions, and how the search for their maximum ends.
_PRIOR, _CHANGE, _ROUNDS = 1e-6, 1e-6, 300


class Stream:
    """Random numbers that all copies of an estimator draw from in turn.

    scikit-learn copies an estimator with its parameters before every fit; a generator copied along would give every
    fit the same draw, and its imputer seeds no estimator.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __deepcopy__(self, memo: dict[int, Any]) -> Stream:
        return self


class Posterior(NamedTuple):
    """Normal posterior of ridge coefficients: precisions of noise and coefficients, and what the mean is made of.

    Attributes
    ----------
    noise_precision, coefficient_precision : float
    axes : array, shape (r, k)
        Right singular vectors of the centred predictors.
    strength : array, shape (r,)
        Squared singular values.
    mean : array, shape (k,)
    """

    noise_precision: float
    coefficient_precision: float
    axes: Floats
    strength: Floats
    mean: Floats

    @property
    def used(self) -> float:
        """Effective number of coefficients (MacKay 1992, eq. 4.10)."""
        informed = self.noise_precision * self.strength
        return float((informed / (self.coefficient_precision + informed)).sum())


def ridge_posterior(x: Floats, y: Floats) -> Posterior:
    """Return the posterior at the precisions that maximise the evidence.

    Parameters
    ----------
    x : array, shape (n, k)
        Centred by column.
    y : array, shape (n,)
        Centred.

    References
    ----------
    MacKay DJC (1992). Bayesian interpolation. Neural Computation 4, 415-447, section 4.4: its re-estimation of both
    precisions, in the axes of the singular value decomposition, where a round costs as many steps as there are axes.
    """
    n = len(y)
    left, values, axes = np.linalg.svd(x, full_matrices=False)
    strength, toward, total = values**2, values * (left.T @ y), float(y @ y)
    noise, coefficient = float(1 / (total / n + np.finfo(float).eps)), 1.0
    for _ in range(_ROUNDS):
        along = noise * toward / (coefficient + noise * strength)
        rss = max(total - 2 * float(along @ toward) + float(along**2 @ strength), 0.0)
        used = float((noise * strength / (coefficient + noise * strength)).sum())
        before = (noise, coefficient)
        coefficient = (used + 2 * _PRIOR) / (float(along @ along) + 2 * _PRIOR)
        noise = (n - used + 2 * _PRIOR) / (rss + 2 * _PRIOR)
        if abs(noise / before[0] - 1) < _CHANGE and abs(coefficient / before[1] - 1) < _CHANGE:
            break
    along = noise * toward / (coefficient + noise * strength)
    return Posterior(noise, coefficient, axes, strength, along @ axes)


class DrawnRidge(RegressorMixin, BaseEstimator):
    """Bayesian ridge regression that predicts from one draw of its parameters, noise included.

    scikit-learn's BayesianRidge adds the uncertainty of its coefficients to every prediction by itself, as if each row
    had coefficients of its own; means over rows then vary too little between imputations (Rubin 1987, ch. 4: a proper
    imputation draws the parameters once, then the values). Its posterior is the same.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def fit(self, X: Any, y: Any) -> DrawnRidge:
        """Fit, then draw noise variance, intercept and coefficients from their posterior."""
        n, k = X.shape
        centre, level = X.mean(axis=0), float(y.mean())
        found = ridge_posterior(X - centre, y - level)
        rng = self.stream.rng
        df = max(n - 1 - found.used, 1.0)  # 1 / noise_precision is RSS / (n - used): the intercept is not counted there
        inflate = df / rng.chisquare(df)
        self.noise_ = math.sqrt((df + 1) / df / found.noise_precision * inflate)
        # The prior's standard deviation in every direction, and the posterior's along the axes.
        wide = 1 / math.sqrt(found.coefficient_precision)
        narrow = 1 / np.sqrt(found.coefficient_precision + found.noise_precision * found.strength)
        direction = rng.standard_normal(k)
        drawn = wide * direction + ((narrow - wide) * (found.axes @ direction)) @ found.axes
        self.drawn_coef_ = found.mean + math.sqrt(inflate) * drawn
        self.drawn_intercept_ = level - centre @ self.drawn_coef_ + self.noise_ / math.sqrt(n) * rng.standard_normal()
        return self

    def predict(self, X: Any) -> Any:
        """Return one value a row: the drawn mean with the drawn noise."""
        mean = X @ self.drawn_coef_ + self.drawn_intercept_
        return mean + self.noise_ * self.stream.rng.standard_normal(mean.shape)
