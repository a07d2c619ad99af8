"""A linear mixed model with its response: deviance at any theta, and the fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dtrtrs

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.blocks import Blocks, Parts
from lumier_analysis.mixed.grouped import OneFactor
from lumier_analysis.mixed.optimise import Optimum, search

if TYPE_CHECKING:
    from lumier_analysis.mixed.arranged import Arrays

Floats = npt.NDArray[np.float64]

# A relative standard deviation below this is a variance of zero: lme4's isSingular, on scaled columns.
_SINGULAR = 1e-4
# Below this it is tried whether zero itself is as good.
_SNAP = 1e-3
# With fewer rows many starts are made in any case, unless a start is given.
_FEW_ROWS = 100
# Variance parameters whose information has a smaller eigenvalue, in correlation form, cannot be told apart.
_ALIASED = 1e-9
# The residual variance counts as zero below this share of the variance of the response.
_EXACT = 1e-11


@dataclass(frozen=True)
class Problem:
    """A response together with the arrays of its model: deviance and fit.

    Attributes
    ----------
    xy : ndarray, shape (p,)
        q'y, in units of the response.
    unit : float
        Standard deviation of the residuals of least squares; internally the response is divided by it.
    nu : int
        Rows, less fixed effects under REML.
    """

    arrays: Arrays
    blocks: Blocks
    xy: Floats
    unit: float
    reml: bool
    nu: int

    @cached_property
    def constant(self) -> float:
        """What the deviance without constants lacks of -2 log-likelihood."""
        out = self.nu * (1 + math.log(2 * math.pi / self.nu) + 2 * math.log(self.unit))
        return out + 2 * float(np.log(np.abs(np.diag(self.arrays.r))).sum()) * self.reml

    def deviance(self, theta: npt.ArrayLike) -> float:
        """Return -2 times the profiled (restricted) log-likelihood at theta, lme4's, shape (k,)."""
        return self.parts(np.asarray(theta, dtype=np.float64) * self.arrays.scales).deviance + self.constant

    def parts(self, scaled: Floats) -> Parts:
        """Return the deviance and its derivatives in G at theta on scaled columns."""
        s, turn = self.parts_inner(self.arrays.inner @ scaled), self.arrays.inner_g
        return replace(
            s, first=turn.T @ s.first, r2_first=turn.T @ s.r2_first, second=turn.T @ s.second @ turn,
            slopes=np.tensordot(turn.T, s.slopes, 1),
        )  # fmt: skip

    def parts_inner(self, inner: Floats) -> Parts:
        """Return the deviance and its derivatives in G at theta on orthogonal columns."""
        return self.blocks.parts(inner, self.arrays.structure, float(self.nu), self.reml)

    def derivatives(self, inner: Floats) -> tuple[float, Floats, Floats]:
        """Return the deviance without constants, its gradient and Hessian in theta on orthogonal columns."""
        s = self.parts_inner(inner)
        second = s.second - self.nu / s.r2**2 * np.outer(s.r2_first, s.r2_first)
        return s.deviance, *self.arrays.structure.to_theta(inner, s.first, second)

    def fit(self, start: npt.ArrayLike | None = None) -> LmmFit:
        """Return the (restricted) maximum likelihood estimates.

        Parameters
        ----------
        start : array-like, shape (k,), optional
            theta of a similar problem, such as the same model before a bootstrap draw.

        Raises
        ------
        AnalysisError
            Variances that the data cannot tell apart, or a residual variance of zero.
        """
        a, n = self.arrays, self.arrays.q.shape[0]
        self._check()
        first = None if start is None else a.inner @ (np.asarray(start, dtype=np.float64) * a.scales)
        thorough = start is None and n < _FEW_ROWS
        descend = (
            self.blocks.descent(a.structure, float(self.nu), self.reml) if isinstance(self.blocks, OneFactor) else None
        )
        optimum = search(self.derivatives, a.structure.on_diagonal, first, thorough, descend)
        inner, parts = self._snapped(a.structure.positive(optimum.theta))
        scaled = dtrtrs(a.inner, inner, lower=1)[0] + 0.0
        sigma2 = parts.r2 / self.nu * self.unit**2
        beta = dtrtrs(a.r, self.xy + self.unit * parts.beta)[0]
        theta = scaled / a.scales
        deviance = parts.deviance + self.constant
        return LmmFit(
            self, optimum, parts, inner, scaled, theta, beta, sigma2, -deviance / 2, optimum.converged,
            bool((inner[a.structure.on_diagonal] < _SINGULAR).any()),
            [sigma2 * t @ t.T for t in a.structure.factors(theta)],
        )  # fmt: skip

    def _check(self) -> None:
        """Refuse variances that have no estimate."""
        a = self.arrays
        n, most = a.q.shape[0], max(a.levels)
        least, free = self.blocks.least()
        if free <= 0 or a.least_information[int(self.reml)] < _ALIASED:
            name = a.names[int(np.argmax(a.levels))]
            few = f"{n} rows, {most} levels of {name}"
            if free <= 0:
                few = f"as many effects as rows: {few}" if most < n else f"one row a {name}: {few}"
            raise AnalysisError(
                "the variances of random effects and residuals cannot be told apart",
                found=few if free <= 0 else f"{few}; the likelihood does not hang on {self._unknown()}",
                fix="fewer random effects, correlated=False, or levels with more rows",
            )
        if least <= _EXACT * n:
            raise AnalysisError(
                "fixed and random effects explain the response exactly: the residual variance is zero",
                fix="fewer random effects, or a response that was not computed from the columns",
            )

    def _unknown(self) -> str:
        """Return the variance parameters between which the data cannot decide."""
        a = self.arrays
        _, vectors = a.informed(self.reml)
        words = [f"{'variance' if i == j else 'covariance'} of {a.names[f]}" for f, i, j in a.structure.at]
        involved = np.abs(vectors[:, 0]) > 0.05
        named = [word for word, part in zip([*words, "residual variance"], involved, strict=True) if part]
        if len(named) == 1:
            return f"the {named[0]}"
        return f"some combination of {' and '.join(dict.fromkeys(named))}"

    def _snapped(self, inner: Floats) -> tuple[Floats, Parts]:
        """Return theta with standard deviations that are all but zero set to it where that costs nothing."""
        parts = self.parts_inner(inner)
        small = self.arrays.structure.on_diagonal & (inner < _SNAP) & (inner > 0)
        if small.any():
            at_zero = np.where(small, 0.0, inner)
            there = self.parts_inner(at_zero)
            if there.deviance <= parts.deviance + 1e-9:
                return at_zero, there
        return inner, parts


@dataclass(frozen=True)
class LmmFit:
    """Estimates of a linear mixed model.

    Attributes
    ----------
    problem : Problem
    optimum : Optimum
        How they were found; `optimum.spread` > 0 where the likelihood has several maxima.
    parts : Parts
        Deviance and derivatives there, on orthogonal columns.
    inner, scaled, theta : ndarray, shape (k,)
        Relative factor on orthogonal columns, on scaled columns, and lme4's.
    beta : ndarray, shape (p,)
    residual_variance : float
    log_likelihood : float
        Constants included, as lme4's logLik.
    converged, singular : bool
    random_covariance : list of ndarray, shape (q, q)
        By grouping factor, in units of the response.
    """

    problem: Problem
    optimum: Optimum
    parts: Parts
    inner: Floats
    scaled: Floats
    theta: Floats
    beta: Floats
    residual_variance: float
    log_likelihood: float
    converged: bool
    singular: bool
    random_covariance: list[Floats]

    @cached_property
    def modes(self) -> list[Floats]:
        """Conditional modes of the random effects by grouping factor, shape (levels, q), in units of the response."""
        p, a = self.problem, self.problem.arrays
        modes = p.blocks.modes(self.inner, a.structure, self.parts.beta)
        return [
            p.unit * np.linalg.solve(turn, mode.T).T / width
            for mode, turn, width in zip(modes, a.turns, a.widths, strict=True)
        ]

    @cached_property
    def fitted(self) -> tuple[Floats, Floats]:
        """Fitted values without and with random effects, shape (n,) each."""
        a = self.problem.arrays
        marginal = a.q @ (a.r @ self.beta)
        own = [
            np.einsum("nq,nq->n", z * w, mode[codes])
            for z, w, mode, codes in zip(a.z, a.widths, self.modes, a.codes, strict=True)
        ]
        return marginal, marginal + np.sum(own, axis=0)
