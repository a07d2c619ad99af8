"""The path of elastic-net logistic regression along a falling penalty.

minimise over b0, b:  (1/n) sum [log(1 + exp(eta)) - y eta] + lambda (alpha |b|_1 + (1 - alpha)/2 |b|_2^2),
eta = b0 + X b, with the columns of X centred and scaled by their 1/n standard deviation: the conventions of glmnet
(Friedman, Hastie and Tibshirani 2010, J Stat Softw 33:1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.solver_state import State, empty_state

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

# Largest violation of the optimality conditions; columns have unit variance, so it is in units of the mean residual.
TOLERANCE = 1e-7
# A model that explains this share of the null deviance separates the classes; smaller penalties only inflate it.
# With the least growth a step, glmnet's own limits.
SATURATION, LEAST_GROWTH = 0.999, 1e-5


class Path(NamedTuple):
    """Models along a falling penalty.

    Attributes
    ----------
    lambdas : ndarray, shape (L,)
        Falling; as asked for, also where the path stopped earlier.
    intercepts : ndarray, shape (L,)
    coefs : ndarray, shape (L, p)
        Per standard deviation of a column.
    n_fitted : int
        Models before the deviance saturated; the later ones repeat the last.
    """

    lambdas: Floats
    intercepts: Floats
    coefs: Floats
    n_fitted: int


def lambda_grid(x: Floats, event: Bools, alpha: float, n_lambdas: int, min_ratio: float) -> Floats:
    """Return penalties from the smallest that empties the model down to `min_ratio` of it, evenly on the log scale.

    ``lambda_max = max_j |x_j'(y - mean y)| / (n alpha)``.
    """
    y = event.astype(np.float64)
    largest = float(np.abs(x.T @ (y - y.mean())).max(initial=0.0)) / (y.size * alpha)
    return max(largest, 1e-12) * np.geomspace(1.0, min_ratio, n_lambdas)


class Walker:
    """A path that is fitted piece by piece, each model from the one before.

    Parameters
    ----------
    x : ndarray of float, shape (n, p)
        Standardised columns; a constant column is zeros and stays out.
    event : ndarray of bool, shape (n,)
        Both classes must be there.
    alpha : float
        Share of the lasso in the penalty, in (0, 1].
    lambdas : ndarray, shape (L,)
        Falling.

    Attributes
    ----------
    intercepts, coefs : ndarray, shape (L,) and (L, p)
        Valid up to `reached`.
    reached : int
        Penalties that have a model.
    n_fitted : int
        Of these, models that were fitted; the others repeat the last.
    saturated : bool
        Smaller penalties add nothing to the explained deviance.
    """

    def __init__(self, x: Floats, event: Bools, alpha: float, lambdas: Floats) -> None:
        self.alpha, self.lambdas = alpha, lambdas
        self.intercepts, self.coefs = np.empty(lambdas.size), np.empty((lambdas.size, x.shape[1]))
        self.reached, self.n_fitted, self.saturated = 0, 0, False
        self._state = empty_state(x, event.astype(np.float64), float(lambdas[0]) * alpha)
        self._null = float(self._state.scalars[1])

    def advance(self, end: int) -> None:
        """Fit the models before index `end`.

        Raises
        ------
        AnalysisError
            A model that does not become optimal.
        """
        ahead = slice(self.reached, end)
        self.intercepts[ahead], self.coefs[ahead], fitted, self.saturated = self._fit(
            self._state, self.lambdas[ahead], np.full(end - self.reached, TOLERANCE)
        )
        self.n_fitted += fitted
        self.reached = end

    def look_ahead(self, at: Ints, tolerance: float) -> tuple[Floats, Floats]:
        """Return intercepts and coefficients at the later penalties `at` (rising indices); the walk stays where it is.

        `tolerance` is a share of the lasso penalty: the models are optimal but for such a change of each column's.
        """
        own = [f for f in State._fields if f not in ("xt", "y")]
        state = self._state._replace(**{f: getattr(self._state, f).copy() for f in own})
        lambdas = self.lambdas[at]
        intercepts, coefs, _, _ = self._fit(state, lambdas, np.maximum(TOLERANCE, tolerance * self.alpha * lambdas))
        return intercepts, coefs

    def _fit(self, state: State, lambdas: Floats, tolerances: Floats) -> tuple[Floats, Floats, int, bool]:
        """Return intercepts, coefficients, how many of them were fitted, and whether the deviance has saturated."""
        from lumier_analysis.signature.solver import MOST_STEPS, walk  # here: a locked signature needs no numba

        m, ended = lambdas.size, self.saturated
        intercepts, coefs, losses = np.empty(m), np.empty((m, state.b.size)), np.empty(m)
        fitted = 0
        if not ended:
            limits = (tolerances, MOST_STEPS, self._null, SATURATION, LEAST_GROWTH)
            fitted, how = walk(state, self.alpha, lambdas, *limits, intercepts, coefs, losses)
            if how == 2:
                raise AnalysisError(
                    "the elastic net does not converge",
                    found=f"penalty {lambdas[fitted]:.3g}, alpha {self.alpha:g}",
                    fix="raise the smallest penalty, or look for a feature without a sensible scale",
                )
            ended = how == 1
        intercepts[fitted:], coefs[fitted:] = state.scalars[0], state.b
        return intercepts, coefs, fitted, ended


def fit_path(x: Floats, event: Bools, alpha: float, lambdas: Floats) -> Path:
    """Fit the model at each penalty, each from the one before.

    Parameters
    ----------
    x, event, alpha, lambdas
        As for `Walker`.

    Returns
    -------
    Path
        Stops early, as glmnet does, when the explained share of the null deviance passes `SATURATION` or grows by
        less than `LEAST_GROWTH` of itself.

    Raises
    ------
    AnalysisError
        A model that does not become optimal.
    """
    walker = Walker(x, event, alpha, lambdas)
    walker.advance(lambdas.size)
    return Path(lambdas, walker.intercepts, walker.coefs, walker.n_fitted)
