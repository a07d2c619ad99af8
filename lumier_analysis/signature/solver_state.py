"""What the solver keeps from one penalty to the next."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class State(NamedTuple):
    """A model and what the next penalty's fit can use of it; arrays are changed in place.

    Attributes
    ----------
    xt : ndarray, shape (p, n)
        Standardised columns, one a line.
    y : ndarray of float, shape (n,)
    b : ndarray, shape (p,)
        Coefficients.
    scalars : ndarray, shape (4,)
        Intercept, mean loss, lasso penalty of the fit before, sum of `weight`.
    eta, risk, residual, weight : ndarray, shape (n,)
        Linear predictor, fitted risk, y - risk, and the Newton weights that `gram` belongs to.
    gram : ndarray, shape (p, p)
        Weighted, centred, divided by n; valid among the first `counts[0]` of `known`.
    mean : ndarray, shape (p,)
        Weighted column means.
    known : ndarray of int, shape (p,)
    is_known : ndarray of bool, shape (p,)
    counts : ndarray of int, shape (3,)
        Columns known to `gram`; steps and fresh curvatures so far.
    """

    xt: Floats
    y: Floats
    b: Floats
    scalars: Floats
    eta: Floats
    risk: Floats
    residual: Floats
    weight: Floats
    gram: Floats
    mean: Floats
    known: npt.NDArray[np.int64]
    is_known: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.int64]


def empty_state(x: Floats, y: Floats, largest_lasso: float) -> State:
    """Return the model without columns, at the lasso penalty that just empties it."""
    n, p = x.shape
    rate = y.mean()
    b0 = math.log(rate / (1 - rate))
    null = -(rate * math.log(rate) + (1 - rate) * math.log1p(-rate))
    return State(
        np.ascontiguousarray(x.T),
        y,
        np.zeros(p),
        np.array([b0, null, largest_lasso, 0.0]),
        np.full(n, b0),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.zeros((p, p)),
        np.zeros(p),
        np.zeros(p, dtype=np.int64),
        np.zeros(p, dtype=np.bool_),
        np.zeros(3, dtype=np.int64),
    )
