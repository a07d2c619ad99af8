"""How a model is learned from one set of rows: every learning step in one call, so that resampling repeats them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.logistic import fit_logistic
from lumier_analysis.signature.preparation import learn_preparation
from lumier_analysis.signature.tuning import Settings, tune_elastic_net

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]
Predictor = Callable[[Floats], Floats]

MOST_PARAMETERS = 5


class Learner(Protocol):
    """Learns log odds from rows."""

    @property
    def name(self) -> str:
        """In words, for the method of an estimate."""
        ...

    def __call__(self, x: Floats, event: Bools, patient: Ints, seed: tuple[int, ...]) -> Predictor:
        """Learn from rows and return the function from rows to log odds (higher = higher risk).

        Parameters
        ----------
        x : ndarray, shape (n, p)
            NaN = missing.
        event : ndarray of bool, shape (n,)
        patient : ndarray of int, shape (n,)
            Copies of a patient in a bootstrap sample carry one code.
        seed : tuple of int

        Raises
        ------
        AnalysisError
            Nothing can be learned from these rows.
        """
        ...


@dataclass(frozen=True, slots=True)
class LogisticLearner:
    """Median imputation, standardisation and a logistic regression on at most five columns.

    The direction of each column is learned with its coefficient: a pre-specified score that lost its direction by
    chance is punished for it. Where the classes are separated Firth's (1993) penalty is used. It draws no random
    numbers.
    """

    name: str = "logistic regression"

    def __call__(self, x: Floats, event: Bools, patient: Ints, seed: tuple[int, ...]) -> Predictor:
        """See `Learner`."""
        if not 1 <= x.shape[1] <= MOST_PARAMETERS:
            raise AnalysisError(
                f"a low-dimensional model has 1 to {MOST_PARAMETERS} columns",
                found=f"{x.shape[1]} columns",
                fix="use the nested cross-validation of the elastic net",
            )
        if event.all() or not event.any():
            raise AnalysisError("a risk cannot be learned from one class", found=f"{int(event.sum())} events")
        preparation = learn_preparation(x)
        used = np.flatnonzero(preparation.sd > 0)
        design = np.column_stack([np.ones(len(x)), preparation.apply(x)[:, used]])
        fit = fit_logistic(design, event)
        if not fit.converged:
            fit = fit_logistic(design, event, firth=True)
        if not fit.converged:
            raise AnalysisError(
                "the logistic regression has no maximum", found=f"collinear columns, or too few rows ({len(x)})"
            )
        coef = np.zeros(x.shape[1])
        coef[used] = fit.coef[1:]
        return lambda rows: fit.coef[0] + preparation.apply(rows) @ coef


@dataclass(frozen=True, slots=True)
class ElasticNetLearner:
    """The elastic net with its tuning, as in every outer fold of the nested cross-validation."""

    settings: Settings = field(default_factory=Settings)
    name: str = "elastic net"

    def __call__(self, x: Floats, event: Bools, patient: Ints, seed: tuple[int, ...]) -> Predictor:
        """See `Learner`."""
        return tune_elastic_net(x, event, patient, self.settings, seed).linear_predictor
