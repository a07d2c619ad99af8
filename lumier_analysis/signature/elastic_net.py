"""The path of elastic-net logistic regression, by Newton steps on a feature-sign search.

minimise over b0, b:  (1/n) sum [log(1 + exp(eta)) - y eta] + lambda (alpha |b|_1 + (1 - alpha)/2 |b|_2^2),
eta = b0 + X b, with the columns of X centred and scaled by their 1/n standard deviation: the conventions of glmnet
(Friedman, Hastie and Tibshirani 2010, J Stat Softw 33:1). The weighted least-squares problem of each Newton step is
solved exactly by the feature-sign search of Lee et al. (2006, NIPS 19), which is quick for some hundred columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dposv
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Largest violation of the optimality conditions; columns have unit variance, so it is in units of the mean residual.
TOLERANCE = 1e-7
# A model that explains this share of the null deviance separates the classes; smaller penalties only inflate it.
SATURATION = 0.99
# Least Newton weight: keeps the quadratic model finite where fitted risks reach 0 or 1.
_LEAST_WEIGHT = 1e-6


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


def lambda_grid(x: Floats, event: Bools, alpha: float, n_lambdas: int, min_ratio: float = 0.01) -> Floats:
    """Return penalties from the smallest that empties the model down to `min_ratio` of it, evenly on the log scale.

    ``lambda_max = max_j |x_j'(y - mean y)| / (n alpha)``.
    """
    y = event.astype(np.float64)
    largest = float(np.abs(x.T @ (y - y.mean())).max(initial=0.0)) / (y.size * alpha)
    return max(largest, 1e-12) * np.geomspace(1.0, min_ratio, n_lambdas)


def fit_path(x: Floats, event: Bools, alpha: float, lambdas: Floats) -> Path:
    """Fit the model at each penalty, each from the one before.

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

    Returns
    -------
    Path
        Stops early, as glmnet does, when the explained share of the null deviance passes `SATURATION` or no longer
        grows (relative change below 1e-5).
    """
    p = x.shape[1]
    y = event.astype(np.float64)
    x = np.asfortranarray(x)
    rate = y.mean()
    b0, b = float(np.log(rate / (1 - rate))), np.zeros(p)
    null = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    intercepts, coefs = np.empty(lambdas.size), np.zeros((lambdas.size, p))
    explained, fitted = 0.0, 0
    for i, lam in enumerate(lambdas):
        b0, b, loss = _fit_one(x, y, lam * alpha, lam * (1 - alpha), b0, b)
        intercepts[i], coefs[i] = b0, b
        fitted = i + 1
        before, explained = explained, 1 - loss / null
        stalled = explained > 0 and explained - before < 1e-5 * explained and i >= 5
        if explained > SATURATION or stalled:
            break
    intercepts[fitted:], coefs[fitted:] = b0, b
    return Path(lambdas, intercepts, coefs, fitted)


def _fit_one(
    x: Floats, y: Floats, lasso: float, ridge: float, b0: float, b: Floats, max_steps: int = 100
) -> tuple[float, Floats, float]:
    """Return intercept, coefficients and mean loss at one penalty, from a start."""
    n = y.size
    used = np.flatnonzero(b)
    eta = b0 + x[:, used] @ b[used]
    loss = float(np.logaddexp(0, eta).sum() - y @ eta) / n
    objective = loss + lasso * float(np.abs(b).sum()) + ridge / 2 * float(b @ b)
    for _ in range(max_steps):
        risk = expit(eta)
        residual = y - risk
        gradient = (residual @ x) / n
        drift = float(residual.sum())
        slack = np.where(b != 0, np.abs(gradient - ridge * b - lasso * np.sign(b)), np.abs(gradient) - lasso)
        if max(float(slack.max(initial=0.0)), abs(drift) / n) <= TOLERANCE:
            break
        # Only columns in the model, or that ask to enter it, take part in this step.
        work = np.flatnonzero((b != 0) | (slack > 0))
        weight = np.maximum(risk * (1 - risk), _LEAST_WEIGHT)
        total = float(weight.sum())
        xw = x[:, work]
        weighted = xw * weight[:, None]
        mean = weighted.sum(axis=0) / total
        hessian = (xw.T @ weighted - total * np.outer(mean, mean)) / n
        linear = hessian @ b[work] + gradient[work] - mean * (drift / n)
        hessian.flat[:: work.size + 1] += ridge
        target = feature_sign(hessian, linear, lasso, b[work])
        move = target - b[work]
        move0 = drift / total - float(mean @ move)
        direction = move0 + xw @ move
        size = 1.0
        while True:
            b_new = b.copy()
            b_new[work] = target if size == 1.0 else b[work] + size * move
            eta_new = eta + size * direction
            loss_new = float(np.logaddexp(0, eta_new).sum() - y @ eta_new) / n
            new = loss_new + lasso * float(np.abs(b_new).sum()) + ridge / 2 * float(b_new @ b_new)
            if new <= objective + 1e-14 or size < 1e-6:
                break
            size /= 2
        b0, b, eta, loss, objective = b0 + size * move0, b_new, eta_new, loss_new, new
    return b0, b, loss


def feature_sign(hessian: Floats, linear: Floats, lasso: float, start: Floats) -> Floats:
    """Minimise ``1/2 b'Hb - linear'b + lasso |b|_1`` exactly.

    With the signs known the solution is one linear system. Columns enter one at a time, the worst violation first,
    and leave where their path to the new solution crosses zero; each move lowers the objective, so it ends.

    Parameters
    ----------
    hessian : ndarray, shape (k, k)
        Positive semi-definite.
    linear, start : ndarray, shape (k,)
    lasso : float
    """
    b = start.copy()
    sign = np.sign(b)
    for _ in range(20 * b.size + 20):
        active = np.flatnonzero(sign)
        if active.size:
            solution = _solve(hessian[np.ix_(active, active)], linear[active] - lasso * sign[active])
            here = b[active]
            crossing = solution * sign[active] < 0
            if crossing.any():
                share = np.where(crossing, here / np.where(crossing, here - solution, 1.0), np.inf)
                first = float(share.min())
                b[active] = here + first * (solution - here)
                gone = active[share <= first]
                b[gone], sign[gone] = 0.0, 0.0
                continue
            b[active] = solution
        gradient = hessian @ b - linear
        excess = np.where(sign == 0, np.abs(gradient) - lasso, -np.inf)
        worst = int(excess.argmax())
        if excess[worst] <= 1e-10:
            break
        sign[worst] = -np.sign(gradient[worst])
    return b


def _solve(a: Floats, b: Floats) -> Floats:
    """Solve a positive definite system; the least-norm solution where columns are collinear."""
    _, solution, info = dposv(a, b)
    if info != 0:
        solution = np.linalg.lstsq(a, b, rcond=None)[0]
    return np.asarray(solution, dtype=np.float64)
