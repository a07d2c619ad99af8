"""Unpenalised logistic regression with few columns, and its standard errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy  # its parts are loaded at their first use

from lumier_analysis.performance.arrays import Bools, Floats, Ints


class LogisticFit(NamedTuple):
    """A logistic fit.

    Attributes
    ----------
    coef : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        Inverse information, or the cluster sandwich.
    converged : bool
        False where the likelihood has no maximum (separated classes) or the columns are collinear.
    """

    coef: Floats
    covariance: Floats
    converged: bool


def fit_logistic(
    x: Floats,
    event: Bools,
    *,
    offset: Floats | None = None,
    patient: Ints | None = None,
    firth: bool = False,
) -> LogisticFit:
    """Fit by Newton steps with halving.

    Parameters
    ----------
    x : ndarray of float, shape (n, k)
        Columns, the intercept among them.
    event : ndarray of bool, shape (n,)
    offset : ndarray of float, shape (n,), optional
        Added to the linear predictor.
    patient : ndarray of int, shape (n,), optional
        Where given, the covariance is the cluster sandwich times K/(K-1).
    firth : bool
        Firth's (1993, Biometrika 80:27) penalty 1/2 log det information: a maximum always exists.

    Returns
    -------
    LogisticFit
    """
    y = event.astype(np.float64)
    shift = np.zeros(y.size) if offset is None else offset
    k = x.shape[1]
    coef = np.zeros(k)
    failed = LogisticFit(np.full(k, np.nan), np.full((k, k), np.nan), False)

    def objective(beta: Floats) -> float:
        eta = shift + x @ beta
        value = float(y @ eta - np.logaddexp(0, eta).sum())
        if firth:
            p = scipy.special.expit(eta)
            sign, log_det = np.linalg.slogdet(x.T @ (x * (p * (1 - p))[:, None]))
            value += 0.5 * log_det if sign > 0 else -np.inf
        return value

    best = objective(coef)
    for _ in range(100):
        p = scipy.special.expit(shift + x @ coef)
        w = p * (1 - p)
        information = x.T @ (x * w[:, None])
        if not np.isfinite(best) or np.linalg.cond(information) > 1e12:
            return failed
        inverse = np.linalg.inv(information)
        residual = y - p
        if firth:
            hat = w * np.einsum("ij,jk,ik->i", x, inverse, x)
            residual = residual + hat * (0.5 - p)
        step = inverse @ (x.T @ residual)
        size = 1.0
        while size > 1e-10 and objective(coef + size * step) < best - 1e-12 * abs(best):
            size /= 2
        coef = coef + size * step
        best = objective(coef)
        if np.abs(step).max() < 1e-10 * (1 + np.abs(coef).max()):
            break
    else:
        return failed
    p = scipy.special.expit(shift + x @ coef)
    # Fitted risks of 0 and 1 throughout: the classes are separated and the maximum lies at infinity.
    if not firth and np.abs(y - p).max() < 1e-6:
        return failed
    bread = np.linalg.inv(x.T @ (x * (p * (1 - p))[:, None]))
    if patient is None:
        return LogisticFit(coef, bread, True)
    count = int(patient.max()) + 1
    scores = np.zeros((count, k))
    np.add.at(scores, patient, x * (y - p)[:, None])
    factor = count / (count - 1) if count > 1 else np.nan
    return LogisticFit(coef, factor * bread @ (scores.T @ scores) @ bread, True)
