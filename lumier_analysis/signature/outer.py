"""Outer fits: learn on some rows, predict others that share no patient with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from lumier_analysis.signature.elastic_net import SATURATION
from lumier_analysis.signature.features import Bools, Candidates, Floats
from lumier_analysis.signature.parallel import in_order
from lumier_analysis.signature.threshold import choose_threshold
from lumier_analysis.signature.tuning import ElasticNetFit, Settings, event_patients, tune_elastic_net


class OuterJob(NamedTuple):
    """Training rows, test rows, and the seed of the inner folds."""

    train: Bools
    test: Bools
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OuterFit:
    """What one outer fit gives.

    Attributes
    ----------
    scores : ndarray
        Log odds of the test rows.
    coef : ndarray, shape (q,)
    threshold : float
        Chosen in the training rows; NaN where none was asked for or the model is empty.
    separated : bool
        The model explains the training outcomes completely.
    line : dict
        For the table of fits.
    """

    scores: Floats
    coef: Floats
    threshold: float
    separated: bool
    line: dict[str, Any]


def run_outer(
    data: Candidates,
    jobs: list[OuterJob],
    settings: Settings,
    *,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[OuterFit]:
    """Return the fits in the order of the jobs; the same numbers for any `n_jobs` (see `in_order`)."""
    # One BLAS thread: sums in the same order whatever the machine, and no threads fighting over small matrices.
    with threadpool_limits(limits=1):
        return in_order(outer_fit, [(data, job, settings) for job in jobs], n_jobs=n_jobs, progress=progress)


def outer_fit(data: Candidates, job: OuterJob, settings: Settings) -> OuterFit:
    """Learn on the training rows of a job and score its test rows."""
    event, patient = data.event[job.train], data.patient[job.train]
    fit = tune_elastic_net(data.x[job.train], event, patient, settings, job.seed, data.recipe)
    threshold = fold_threshold(fit, event, settings)
    design = fit.preparation.design
    line = {
        "alpha": fit.alpha,
        "lambda": fit.lambda_,
        "n_genes": int((fit.coef != 0).sum()),
        "threshold": threshold,
        "references": "" if design is None else ", ".join(design.reference_names),
        "n_patients_train": int(np.unique(patient).size),
        "n_event_patients_train": event_patients(event, patient),
        "n_patients_test": int(np.unique(data.patient[job.test]).size),
    }
    scores = fit.linear_predictor(data.x[job.test])
    return OuterFit(scores, fit.coef, threshold, _explains_all(fit, data.x[job.train], event), line)


def fold_threshold(fit: ElasticNetFit, event: Bools, settings: Settings) -> float:
    """Choose the threshold from the inner out-of-fold predictions; NaN where none is asked for or nothing selected."""
    if settings.threshold is None or not fit.coef.any():
        return float("nan")
    chosen = choose_threshold(event, fit.inner_predictor, rule=settings.threshold, target=settings.threshold_target)
    return chosen.value


def _explains_all(fit: ElasticNetFit, x: Floats, event: Bools) -> bool:
    """Return whether the training deviance is explained up to the limit at which a path ends."""
    eta = fit.linear_predictor(x)
    rate = event.mean()
    null = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    return bool((np.logaddexp(0, eta) - event * eta).mean() < (1 - SATURATION) * null)
