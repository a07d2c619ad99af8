"""Choice of penalty by cross-validation, and the refit: everything an elastic net learns from one set of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.cross_validation import cross_validate
from lumier_analysis.signature.elastic_net import fit_path, lambda_grid
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.preparation import Preparation, learn_preparation
from lumier_analysis.signature.recipe import Recipe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


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
    lambda_min_ratio : float, optional
        Smallest penalty as a share of the largest; by default, as in glmnet, 1e-4 where there are more rows than
        columns, else 0.01.
    full_path : bool
        Fit every path to its end, though its deviance has risen for good (`cross_validation`): slower, same choice.
    threshold : {"sensitivity", "youden"}, optional
        Rule by which each fold chooses a threshold too; by default none.
    threshold_target : float
        Sensitivity aimed at.
    """

    alphas: tuple[float, ...] = (0.2, 0.5, 1.0)
    n_lambdas: int = 100
    inner_folds: int = 10
    tuning: Literal["one_standard_error", "minimum"] = "one_standard_error"
    lambda_min_ratio: float | None = None
    full_path: bool = False
    threshold: Literal["sensitivity", "youden"] | None = None
    threshold_target: float = 0.80


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
        Cross-validated deviance a row (-2 log likelihood), mean over inner folds weighted by their rows; NaN where a
        path was left because its deviance had risen for good.
    deviance_se : ndarray, shape (n_alphas, n_lambdas)
    lambdas : ndarray, shape (n_alphas, n_lambdas)
    inner_predictor : ndarray, shape (n,)
        Log odds of the training rows at the chosen penalty, each from the inner fold that did not see its patient.
    n_inner_folds : int
    """

    coef: Floats
    intercept: float
    preparation: Preparation
    alpha: float
    lambda_: float
    deviance: Floats
    deviance_se: Floats
    lambdas: Floats
    inner_predictor: Floats
    n_inner_folds: int

    def linear_predictor(self, x: Floats) -> Floats:
        """Return the log odds of rows `x`, shape (n,)."""
        return self.intercept + self.preparation.apply(x) @ self.coef


def event_patients(event: Bools, patient: Ints) -> int:
    """Return how many patients have an event row."""
    return int(np.unique(patient[event]).size)


def tune_elastic_net(
    x: Floats, event: Bools, patient: Ints, settings: Settings, seed: tuple[int, ...], recipe: Recipe | None = None
) -> ElasticNetFit:
    """Choose alpha and lambda by patient-grouped cross-validation and refit on all rows.

    Everything that `Preparation` learns is learned anew in every inner fold. The pair with the least mean deviance
    gives alpha; with the one-standard-error rule lambda is then the largest of that alpha whose mean deviance is within
    one standard error of the least, so the empty model may be chosen.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Features, NaN = missing.
    event : ndarray of bool, shape (n,)
    patient : ndarray of int, shape (n,)
    settings : Settings
    seed : tuple of int
    recipe : Recipe, optional
        How the columns of the model are made; by default they are the features.

    Raises
    ------
    AnalysisError
        Fewer than two event patients, no row without an event, or an inner fold without one of them.
    """
    n_events = event_patients(event, patient)
    if n_events < 2 or event.all():
        raise AnalysisError(
            "an elastic net needs two event patients and a non-event", found=f"{n_events} event patients"
        )
    fold = grouped_folds(patient, event, min(settings.inner_folds, n_events), seed)
    whole = learn_preparation(x, event, recipe)
    z = whole.apply(x)
    ratio = settings.lambda_min_ratio or (1e-4 if z.shape[0] > z.shape[1] else 0.01)
    grids = np.stack([lambda_grid(z, event, a, settings.n_lambdas, ratio) for a in settings.alphas])
    errors = cross_validate(x, event, fold, settings.alphas, grids, recipe, full=settings.full_path)
    row, column = choose_penalty(errors.mean, errors.se, settings.tuning)
    alpha = settings.alphas[row]
    path = fit_path(z, event, alpha, grids[row, : column + 1])
    return ElasticNetFit(
        coef=path.coefs[column],
        intercept=float(path.intercepts[column]),
        preparation=whole,
        alpha=alpha,
        lambda_=float(grids[row, column]),
        deviance=errors.mean,
        deviance_se=errors.se,
        lambdas=grids,
        inner_predictor=errors.predictor[row, column].copy(),
        n_inner_folds=int(fold.max()) + 1,
    )


def choose_penalty(mean: Floats, se: Floats, rule: str) -> tuple[int, int]:
    """Return row and column of the penalty that a rule of `Settings` chooses; NaN = not in question."""
    row, best = np.unravel_index(int(np.nanargmin(mean)), mean.shape)
    column = int(best)
    if rule == "one_standard_error":
        column = int(np.flatnonzero(mean[row] <= mean[row, best] + se[row, best])[0])
    return int(row), column
