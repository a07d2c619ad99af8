"""Bayesian ridge regression for proper imputation: one draw of the parameters a fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.linear_model import BayesianRidge


class Stream:
    """Random numbers that all copies of an estimator draw from in turn.

    scikit-learn copies an estimator with its parameters before every fit; a generator copied along would give every
    fit the same draw, and its imputer seeds no estimator.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __deepcopy__(self, memo: dict[int, Any]) -> Stream:
        return self


class DrawnRidge(BayesianRidge):
    """Bayesian ridge regression that predicts from one draw of its parameters.

    BayesianRidge adds the uncertainty of its coefficients to every prediction by itself, as if each row had
    coefficients of its own; means over rows then vary too little between imputations (Rubin 1987, ch. 4: a proper
    imputation draws the parameters once, then the values).
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> DrawnRidge:
        """Fit, then draw noise variance, intercept and coefficients from their posterior."""
        super().fit(X, y, sample_weight)
        rng = self.stream.rng
        n, k = np.shape(X)
        used = k - self.lambda_ * float(np.trace(self.sigma_))  # effective number of coefficients
        df = max(n - 1 - used, 1.0)  # 1 / alpha_ is RSS / (n - used): the intercept is not counted there
        inflate = df / rng.chisquare(df)
        self.noise_ = math.sqrt((df + 1) / df / self.alpha_ * inflate)
        values, vectors = np.linalg.eigh(self.sigma_ * inflate)
        drawn = vectors @ (np.sqrt(np.clip(values, 0, None)) * rng.standard_normal(k))
        centre = np.mean(X, axis=0)
        self.drawn_coef_ = self.coef_ + drawn
        self.drawn_intercept_ = (
            self.intercept_ + centre @ self.coef_ - centre @ self.drawn_coef_
            + self.noise_ / math.sqrt(n) * rng.standard_normal()
        )  # fmt: skip
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the drawn mean, and the drawn noise."""
        mean = X @ self.drawn_coef_ + self.drawn_intercept_
        return (mean, np.full(mean.shape, self.noise_)) if return_std else mean
