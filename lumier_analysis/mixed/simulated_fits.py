"""Responses drawn from a fitted mixed model, and what is made of many of them, some at a time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.fit_lmm import LmmFit
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.random_design import random_parts

Floats = npt.NDArray[np.float64]
#: Called with the draws done and the draws in all.
Progress = Callable[[int, int], None]

# Draws of one call: so many that starting it costs nothing beside them.
_AT_ONCE = 20
# More failures than this and the draws that are left are no sample of the model.
_MOST_FAILURES = 0.1


def simulate(model: LinearMixedModel, fit: LmmFit, rng: np.random.Generator) -> Floats:
    """Return a response drawn from a fit on the design of a model, shape (n,), in units of the response."""
    sigma = math.sqrt(fit.residual_variance)
    y = model.design.x @ fit.beta + sigma * rng.standard_normal(model.n_rows)
    factors = fit.problem.arrays.structure.factors(fit.theta)
    for (z, codes), t, labels in zip(random_parts(model), factors, model.labels.values(), strict=True):
        effects = sigma * rng.standard_normal((len(labels), len(t))) @ t.T
        y += np.einsum("nq,nq->n", z, effects[codes])
    return np.asarray(y)


def repeated(
    one: Callable[[np.random.Generator], Any], n_boot: int, seed: int, n_jobs: int, progress: Progress | None
) -> list[Any]:
    """Return what each draw gives, in order; those that raise AnalysisError are left out.

    A draw has a stream of its own, so that `n_jobs` does not matter.

    Raises
    ------
    AnalysisError
        More than a tenth of the draws failed.
    """
    seeds = np.random.SeedSequence(seed).spawn(n_boot)

    def batch(own: list[np.random.SeedSequence]) -> list[Any]:
        found = []
        for stream in own:
            try:
                found.append(one(np.random.default_rng(stream)))
            except AnalysisError:
                found.append(None)
        return found

    batches = [seeds[i : i + _AT_ONCE] for i in range(0, n_boot, _AT_ONCE)]
    found: list[Any] = []
    with _running(batch, batches, n_jobs) as results:
        for result in results:
            found.extend(result)
            if progress is not None:
                progress(len(found), n_boot)
    kept = [value for value in found if value is not None]
    if n_boot - len(kept) > _MOST_FAILURES * n_boot:
        raise AnalysisError(
            "too many bootstrap draws cannot be fitted",
            found=f"{n_boot - len(kept)} of {n_boot}",
            fix="a simpler model",
        )
    return kept


@contextmanager
def _running(batch: Callable[..., Any], batches: list[Any], n_jobs: int) -> Iterator[Iterator[Any]]:
    """Run batches some at a time; leaving early, nothing new is begun."""
    if n_jobs == 1:
        yield (batch(b) for b in batches)
        return
    results = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(delayed(batch)(b) for b in batches)
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            # Closed before its end it warns that work was lost, which is what an interruption means.
            warnings.filterwarnings("ignore", message=".*tasks ", category=UserWarning)
            results.close()
