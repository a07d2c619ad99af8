"""Cross-validated deviance along penalty paths, the folds side by side, each path only as far as it can matter.

The tail of a path, where the classes come near to separation, costs many times the rest, and its deviance has long
risen. So a path is left early, in two steps.

1. `may_stop`: the mean deviance has risen over each of the last `RISING` penalties, and lies above the least one seen
   by at least the standard error of the least.
2. `Folds.tail_is_higher`: the models of the rest are then looked at, at every halving of the penalty and at the last
   one. Only if each of these deviances lies above the least by twice as much as the one at which the path is to be
   left, it is left there; else the path goes on past the lowest of them before the question is put again.

What is proven: choice and refit are those of the full path if, and only if, no penalty of the part left out has a mean
deviance below the least one found; every number in the table is exact (to the solver's tolerance), also where the path
was left. What is checked on the data at hand, in each path: the penalties looked at in step 2. What is not proven:
that between two of them the deviance does not fall by more than its excess at both, which is two standard errors or
more; that needs a second minimum narrower than a halving of the penalty. No a priori bound can exclude it, since such
paths can be made. How often the choice differs is therefore counted by simulation, from noise to separation and with
paths of two minima (docs/derivation_evidence.md), and `Settings.full_path` fits everything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.elastic_net import Walker
from lumier_analysis.signature.preparation import learn_preparation
from lumier_analysis.signature.recipe import Recipe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

#: Penalties over which the deviance must rise without a break.
RISING = 5
# Penalties fitted in all folds before the deviance is looked at.
_STRIDE = 5
# The tail is only compared: its models are optimal for lasso penalties within this share of the stated ones.
_TAIL_TOLERANCE = 0.05
# glmnet's limits of a fitted risk in the deviance: one confident error must not decide.
_CLIP = 1e-5


class PathErrors(NamedTuple):
    """Cross-validated deviance a row (-2 log likelihood) of each penalty; NaN where the path had been left.

    Attributes
    ----------
    mean, se : ndarray, shape (n_alphas, n_lambdas)
        Mean over folds weighted by their rows, and its standard error.
    predictor : ndarray, shape (n_alphas, n_lambdas, n)
        Log odds of each row from the model that did not see its patient.
    """

    mean: Floats
    se: Floats
    predictor: Floats


def deviance(eta: Floats, event: Bools) -> Floats:
    """Return the mean deviance a row, shape (m,), of log odds of shape (m, n)."""
    bound = np.log((1 - _CLIP) / _CLIP)
    eta = np.clip(eta, -bound, bound)
    return 2 * (np.logaddexp(0, eta) - event * eta).mean(axis=1)


def weighted_mean_se(values: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard error over folds, shape (m,), of `values` of shape (n_folds, m)."""
    mean = share @ values
    spread = share @ (values - mean) ** 2
    return mean, np.sqrt(spread / (share.size - 1))


def may_stop(mean: Floats, least: float, least_se: float) -> bool:
    """Return whether a path may be left after the deviances `mean`: they rise, and by now well above the least."""
    if mean.size <= RISING:
        return False
    return bool((np.diff(mean[-RISING - 1 :]) > 0).all() and mean[-1] >= least + least_se)


def halvings(lambdas: Floats, start: int) -> Ints:
    """Return the indices after `start` at which the penalty has halved once more, and the last."""
    falls = np.floor(np.log2(lambdas[start] / lambdas[start:]) + 1e-9)
    at = start + np.flatnonzero(np.diff(falls) > 0) + 1
    last = lambdas.size - 1
    return at if at.size and at[-1] == last else np.append(at, last)


class Folds:
    """The models of all folds for one alpha, at the same penalties.

    Parameters
    ----------
    parts : list of (x_train, event_train, x_test, event_test)
        Standardised; one a fold.
    share : ndarray, shape (n_folds,)
        Share of the rows in each fold.
    alpha, lambdas
        As for `Walker`.
    """

    def __init__(
        self, parts: list[tuple[Floats, Bools, Floats, Bools]], share: Floats, alpha: float, lambdas: Floats
    ) -> None:
        self._parts, self._share, self._lambdas = parts, share, lambdas
        self._walkers = [Walker(x, event, alpha, lambdas) for x, event, _, _ in parts]
        self._latest = share

    def advance(self, end: int) -> tuple[list[Floats], Floats, Floats]:
        """Go on to the penalties before `end`; return log odds by fold, mean deviance and its SE at the new ones."""
        start = self._walkers[0].reached
        predicted = []
        for walker, (_, _, x, _) in zip(self._walkers, self._parts, strict=True):
            walker.advance(end)
            predicted.append(walker.intercepts[start:end, None] + walker.coefs[start:end] @ x.T)
        table = np.stack([deviance(eta, part[3]) for eta, part in zip(predicted, self._parts, strict=True)])
        self._latest = self._share * table[:, -1]
        return predicted, *weighted_mean_se(table, self._share)

    @property
    def saturated(self) -> bool:
        """Whether no fold has anything left to fit."""
        return all(w.saturated for w in self._walkers)

    def tail_is_higher(self, than: float) -> tuple[bool, int]:
        """Return whether the looked-at rest lies above a deviance, and else the index of its lowest point.

        A deviance is a sum over folds of parts that are not negative: once some folds bring it above `than`, the others
        need not be fitted. The folds with the largest deviance come first.
        """
        at = halvings(self._lambdas, self._walkers[0].reached - 1)
        total, low = np.zeros(at.size), np.arange(at.size)
        for k in np.argsort(-self._latest, kind="stable"):
            _, _, x, event = self._parts[k]
            intercepts, coefs = self._walkers[k].look_ahead(at[low], _TAIL_TOLERANCE)
            total[low] += self._share[k] * deviance(intercepts[:, None] + coefs @ x.T, event)
            low = np.flatnonzero(total <= than)
            if low.size == 0:
                return True, int(at[-1])
        return False, int(at[low[total[low].argmin()]])


def cross_validate(
    x: Floats, event: Bools, fold: Ints, alphas: tuple[float, ...], grids: Floats, recipe: Recipe | None, *, full: bool
) -> PathErrors:
    """Return the deviance of every (alpha, lambda) that may be chosen, from models that did not see the row.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Features as they come, NaN = missing; what a fold's training rows teach of them is learned in the fold.
    event : ndarray of bool, shape (n,)
    fold : ndarray of int, shape (n,)
    alphas : tuple of float
    grids : ndarray, shape (n_alphas, n_lambdas)
        Falling penalties of each alpha.
    recipe : Recipe, optional
    full : bool
        Fit every path to its end.

    Raises
    ------
    AnalysisError
        A fold whose training rows are all events or all non-events.
    """
    n_folds, n_lambdas = int(fold.max()) + 1, grids.shape[1]
    share = np.bincount(fold) / fold.size
    gaps = bool(np.isnan(x).any())
    parts = []
    for k in range(n_folds):
        train, test = fold != k, fold == k
        if event[train].all() or not event[train].any():
            raise AnalysisError(
                f"inner fold {k + 1} of {n_folds} leaves training rows of one class",
                found=f"{int(event[train].sum())} events in {int(train.sum())} rows",
                fix="use fewer inner folds",
            )
        prepared = learn_preparation(x[train], event[train], recipe, gaps=gaps)
        parts.append((prepared.apply(x[train]), event[train], prepared.apply(x[test]), event[test]))

    mean, se = np.full(grids.shape, np.nan), np.full(grids.shape, np.nan)
    predictor = np.full((*grids.shape, fold.size), np.nan)
    least, least_se = np.inf, 0.0
    for i, alpha in enumerate(alphas):
        folds = Folds(parts, share, alpha, grids[i])
        start, not_before = 0, 0
        while start < n_lambdas:
            end = min(start + _STRIDE, n_lambdas) if not folds.saturated else n_lambdas
            predicted, mean[i, start:end], se[i, start:end] = folds.advance(end)
            for k in range(n_folds):
                predictor[i, start:end, fold == k] = predicted[k].T
            at = start + int(mean[i, start:end].argmin())
            if mean[i, at] < least:
                least, least_se = mean[i, at], se[i, at]
            start = end
            if full or start == n_lambdas or start <= not_before or not may_stop(mean[i, :start], least, least_se):
                continue
            higher, lowest = folds.tail_is_higher(2 * float(mean[i, start - 1]) - least)
            if higher:
                break
            not_before = lowest
    return PathErrors(mean, se, predictor)
