"""Choice of penalty by cross-validation, and the refit: everything an elastic net learns from one set of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.elastic_net import fit_path, lambda_grid
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.preparation import Preparation, learn_preparation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

# glmnet's limits of a fitted risk in the deviance: one confident error must not decide.
_CLIP = 1e-5


@dataclass(frozen=True, slots=True)
class Settings:
    """How an elastic net is tuned; the plan's words.

    Attributes
    ----------
    alphas : tuple of float
        Shares of the lasso, each in (0, 1].
    n_lambdas : int
        Penalties a path.
    inner_folds : int
        Folds of the tuning; fewer where there are fewer event patients.
    tuning : {"one_standard_error", "minimum"}
    lambda_min_ratio : float
        Smallest penalty as a share of the largest.
    """

    alphas: tuple[float, ...] = (0.2, 0.5, 1.0)
    n_lambdas: int = 100
    inner_folds: int = 10
    tuning: Literal["one_standard_error", "minimum"] = "one_standard_error"
    lambda_min_ratio: float = 0.01


@dataclass(frozen=True, slots=True)
class ElasticNetFit:
    """A tuned and refitted elastic net.

    Attributes
    ----------
    coef : ndarray, shape (p,)
        Per training standard deviation of a column; 0 = not selected. Higher linear predictor = higher risk.
    intercept : float
    preparation : Preparation
        Medians, means and standard deviations of the training rows.
    alpha, lambda_ : float
        The chosen penalty.
    deviance : ndarray, shape (n_alphas, n_lambdas)
        Cross-validated deviance a row (-2 log likelihood), mean over inner folds weighted by their rows.
    deviance_se : ndarray, shape (n_alphas, n_lambdas)
    lambdas : ndarray, shape (n_alphas, n_lambdas)
    """

    coef: Floats
    intercept: float
    preparation: Preparation
    alpha: float
    lambda_: float
    deviance: Floats
    deviance_se: Floats
    lambdas: Floats

    def linear_predictor(self, x: Floats) -> Floats:
        """Return the log odds of rows `x`, shape (n,)."""
        return self.intercept + self.preparation.apply(x) @ self.coef


def event_patients(event: Bools, patient: Ints) -> int:
    """Return how many patients have an event row."""
    return int(np.unique(patient[event]).size)


def tune_elastic_net(
    x: Floats, event: Bools, patient: Ints, settings: Settings, seed: tuple[int, ...]
) -> ElasticNetFit:
    """Choose alpha and lambda by patient-grouped cross-validation and refit on all rows.

    Imputation and standardisation are learned anew in every inner fold. The pair with the least mean deviance gives
    alpha; with the one-standard-error rule lambda is then the largest of that alpha whose mean deviance is within one
    standard error of the least, so the empty model may be chosen.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Features, NaN = missing.
    event : ndarray of bool, shape (n,)
    patient : ndarray of int, shape (n,)
    settings : Settings
    seed : tuple of int

    Raises
    ------
    AnalysisError
        Fewer than two event patients, or no row without an event.
    """
    n_events = event_patients(event, patient)
    if n_events < 2 or event.all():
        raise AnalysisError(
            "an elastic net needs two event patients and a non-event", found=f"{n_events} event patients"
        )
    fold = grouped_folds(patient, event, min(settings.inner_folds, n_events), seed)
    whole = learn_preparation(x)
    z = whole.apply(x)
    grids = np.stack([lambda_grid(z, event, a, settings.n_lambdas, settings.lambda_min_ratio) for a in settings.alphas])
    mean, se = _cross_validated_deviance(x, event, fold, settings.alphas, grids)

    row, best = np.unravel_index(int(mean.argmin()), mean.shape)
    column = int(best)
    if settings.tuning == "one_standard_error":
        column = int(np.flatnonzero(mean[row] <= mean[row, best] + se[row, best])[0])
    alpha = settings.alphas[row]
    path = fit_path(z, event, alpha, grids[row, : column + 1])
    return ElasticNetFit(
        coef=path.coefs[column],
        intercept=float(path.intercepts[column]),
        preparation=whole,
        alpha=alpha,
        lambda_=float(grids[row, column]),
        deviance=mean,
        deviance_se=se,
        lambdas=grids,
    )


def _cross_validated_deviance(
    x: Floats, event: Bools, fold: Ints, alphas: tuple[float, ...], grids: Floats
) -> tuple[Floats, Floats]:
    """Return mean deviance and its standard error over folds, both of shape (n_alphas, n_lambdas)."""
    sizes = np.bincount(fold).astype(np.float64)
    deviance = np.empty((sizes.size, *grids.shape))
    for k in range(sizes.size):
        train, test = fold != k, fold == k
        prepared = learn_preparation(x[train])
        z_train, z_test = prepared.apply(x[train]), prepared.apply(x[test])
        for i, alpha in enumerate(alphas):
            path = fit_path(z_train, event[train], alpha, grids[i])
            eta = path.intercepts + z_test @ path.coefs.T
            bound = np.log((1 - _CLIP) / _CLIP)
            eta = np.clip(eta, -bound, bound)
            deviance[k, i] = 2 * (np.logaddexp(0, eta) - event[test][:, None] * eta).mean(axis=0)
    share = sizes / sizes.sum()
    mean = np.tensordot(share, deviance, axes=1)
    spread = np.tensordot(share, (deviance - mean) ** 2, axes=1)
    return mean, np.sqrt(spread / (sizes.size - 1))
