"""Linear mixed models from arrays: fit, refit to another response, deviance as a function of theta.

The columns of random and fixed effects are made orthogonal, and the response is replaced by its residual from the fixed
effects in units of its standard deviation, so that neither units nor the origin of time decide how well a model is
fitted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.blocks import Blocks, Parts, Traces
from lumier_analysis.mixed.grouped import OneFactor
from lumier_analysis.mixed.optimise import Optimum, search
from lumier_analysis.mixed.relative_factor import Structure, structure
from lumier_analysis.mixed.several_factors import SeveralFactors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

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
class Arrays:
    """What a model is, without the response; made by `arrange`.

    Attributes
    ----------
    q, r : ndarray, shapes (n, p) and (p, p)
        x = q r, q orthonormal.
    z, codes : list of ndarray
        Of every grouping factor: columns of the random effects (scaled) and level of each row.
    scales : ndarray, shape (k,)
        Length of the column of z to which an entry of theta belongs: theta on scaled columns = theta * scales.
    levels : tuple of int
    structure : Structure
    turns : list of ndarray, shape (q, q)
        Lower triangular: z = orthogonal columns times turn; the factor T of z is turned by it into that of the
        orthogonal columns, and stays lower triangular. The identity where random effects are independent.
    inner, inner_g : ndarray, shape (k, k)
        The same for theta on scaled columns, and for the elements of its G.
    blocks : Blocks
        Cross-products with the orthogonal columns, the response being zero.
    names : tuple of str
        Of the grouping factors.
    """

    q: Floats
    r: Floats
    z: list[Floats]
    codes: list[Ints]
    widths: list[Floats]
    scales: Floats
    levels: tuple[int, ...]
    structure: Structure
    turns: list[Floats]
    inner: Floats
    inner_g: Floats
    blocks: Blocks
    names: tuple[str, ...]

    @cached_property
    def least_information(self) -> tuple[float, float]:
        """Least eigenvalue of the information on the variance parameters: full, restricted; see `informed`."""
        return float(self.informed(False)[0][0]), float(self.informed(True)[0][0])

    def informed(self, restricted: bool) -> tuple[Floats, Floats]:
        """Return eigenvalues and eigenvectors of the information on the variance parameters in correlation form.

        Where every random effect has the standard deviation of the residual. The form is that of the full information
        in either case: what fixed effects take away entirely must come out as nothing.
        """
        two, lost = self._information
        size = np.sqrt(np.diag(two))
        size[:-1] = np.maximum(size[:-1], 1e-6 * size[:-1].max())  # a covariance of effects never seen together
        values, vectors = np.linalg.eigh((two - lost if restricted else two) / np.outer(size, size))
        return values, vectors

    @cached_property
    def _information(self) -> tuple[Floats, Floats]:
        """Full information, and what the fixed effects take of it."""
        theta, n = self.structure.on_diagonal.astype(np.float64), self.q.shape[0]
        traces, elements = self.blocks.traces(theta, self.structure), self.structure.elements(theta)
        full = information(traces, elements, n, False)
        return full, full - information(traces, elements, n, True)

    def problem(self, y: npt.ArrayLike, *, reml: bool = True) -> Problem:
        """Return the estimation problem of a response, shape (n,)."""
        y = np.asarray(y, dtype=np.float64)
        n, p = self.q.shape
        if y.shape != (n,) or not np.isfinite(y).all():
            raise AnalysisError("the response has one finite number a row", found=f"shape {y.shape} for {n} rows")
        xy = self.q.T @ y
        rest = y - self.q @ xy
        again = self.q.T @ rest
        xy, rest = xy + again, rest - self.q @ again
        unit = math.sqrt(float(rest @ rest) / n)
        if unit <= 1e-12 * float(np.abs(y).max(initial=0.0)):
            raise AnalysisError("the fixed effects explain the response exactly: no variance is left to model")
        rest /= unit
        blocks = self.blocks.respond(rest, self.q.T @ rest)
        return Problem(self, blocks, xy, unit, reml, n - p if reml else n)


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
        optimum = search(self.derivatives, a.structure.on_diagonal, first, thorough=start is None and n < _FEW_ROWS)
        inner, parts = self._snapped(a.structure.positive(optimum.theta))
        scaled = solve_triangular(a.inner, inner, lower=True, check_finite=False) + 0.0
        sigma2 = parts.r2 / self.nu * self.unit**2
        beta = solve_triangular(a.r, self.xy + self.unit * parts.beta, check_finite=False)
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


def information(traces: Traces, elements: Floats, n: int, restricted: bool) -> Floats:
    """Return twice the expected information on the elements of G and the residual variance, which is 1.

    ``tr(V^-1 V_i V^-1 V_j)``, under REML with the projection on the fixed effects' complement (Halekoh and Hojsgaard
    2014, J Stat Softw 59:9, eq. for W). The derivative by the residual variance is V less the part of G.
    """
    two, slopes, curves = extended(traces, elements, n)
    if not restricted:
        return two
    return two - 2 * np.einsum("ijaa->ij", curves) + np.einsum("iab,jab->ij", slopes, slopes)


def extended(traces: Traces, elements: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    """Return tr(V^-1 V_i V^-1 V_j), slopes and curves with the residual variance, which is 1, as last parameter."""
    k, p = len(traces.one), len(traces.lower)
    two = np.block([[traces.two, traces.one[:, None]], [traces.one[None, :], np.array([[float(n)]])]])
    slopes = np.concatenate([traces.slopes, -np.eye(p)[None]])
    curves = np.empty((k + 1, k + 1, p, p))
    curves[:k, :k] = traces.curves
    curves[k, :k] = curves[:k, k] = -traces.slopes
    curves[k, k] = np.eye(p)
    turn = np.eye(k + 1)
    turn[k, :k] = -elements
    return (
        turn @ two @ turn.T,
        np.einsum("ij,jab->iab", turn, slopes),
        np.einsum("ik,jl,klab->ijab", turn, turn, curves, optimize=True),
    )


def arrange(
    x: npt.ArrayLike,
    z: Floats | Sequence[Floats],
    codes: Ints | Sequence[Ints],
    *,
    correlated: bool = True,
    names: Sequence[str] = (),
) -> Arrays:
    """Return the arrays of a model, ready for any response.

    Parameters
    ----------
    x : array-like, shape (n, p)
        Fixed effects, of full column rank.
    z : ndarray, shape (n, q), or a sequence of them
        Columns of the random effects of each grouping factor.
    codes : ndarray of int, shape (n,), or a sequence of them
        Level of each row, from 0.
    correlated : bool
        False: the random effects of a level are independent.
    names : sequence of str
        Of the grouping factors, for errors.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    zs = [z] if isinstance(z, np.ndarray) else list(z)
    cs = [codes] if isinstance(codes, np.ndarray) else list(codes)
    zs = [np.ascontiguousarray(part, dtype=np.float64) for part in zs]
    cs = [np.ascontiguousarray(part, dtype=np.intp) for part in cs]
    n = x.shape[0]
    if len(zs) != len(cs) or not zs or any(part.ndim != 2 or len(part) != n for part in zs):
        raise UsageError("random effects: one matrix and one vector of codes a grouping factor, one row an observation")
    if any(part.shape != (n,) or part.min() < 0 for part in cs) or not all(np.isfinite(m).all() for m in (x, *zs)):
        raise UsageError("codes are whole numbers from 0, one a row; columns are finite")
    widths = [np.sqrt((part**2).mean(axis=0)) for part in zs]
    if any(width.min() == 0 for width in widths):
        raise AnalysisError("a column of the random effects is zero on every row")
    zs = [part / width for part, width in zip(zs, widths, strict=True)]
    q, r = np.linalg.qr(x)
    if np.abs(np.diag(r)).min() <= 1e-12 * np.abs(r).max():
        raise AnalysisError("the columns of the fixed effects are collinear")
    levels = tuple(int(part.max()) + 1 for part in cs)
    shape = structure(tuple(part.shape[1] for part in zs), correlated)
    scales = np.array([widths[f][i] for f, i, _ in shape.at])
    orthogonal, turns = zip(*(_orthogonal(part, correlated) for part in zs), strict=True)
    blocks: Blocks = (
        OneFactor.of(q, orthogonal[0], cs[0], levels[0])
        if len(zs) == 1
        else SeveralFactors.of(q, orthogonal, cs, levels)
    )
    inner, inner_g = shape.turned(turns)
    names = tuple(names) or tuple(f"group {i + 1}" for i in range(len(zs)))
    return Arrays(q, r, zs, cs, widths, scales, levels, shape, list(turns), inner, inner_g, blocks, names)


def _orthogonal(z: Floats, correlated: bool) -> tuple[Floats, Floats]:
    """Return orthogonal columns of length sqrt(n) and the lower triangular matrix that turns them into z."""
    n, k = z.shape
    if k == 1 or not correlated:
        return z, np.eye(k)
    q, r = np.linalg.qr(z[:, ::-1])
    sign = np.where(np.diag(r) < 0, -1.0, 1.0)
    lower = np.ascontiguousarray((r * sign[:, None])[::-1, ::-1]) / np.sqrt(n)
    if np.abs(np.diag(lower)).min() <= 1e-10:
        raise AnalysisError("the columns of the random effects are collinear")
    return np.ascontiguousarray((q * sign)[:, ::-1]) * np.sqrt(n), lower


def fit_lmm(
    y: npt.ArrayLike,
    x: npt.ArrayLike,
    z: Floats | Sequence[Floats],
    codes: Ints | Sequence[Ints],
    *,
    reml: bool = True,
    correlated: bool = True,
) -> LmmFit:
    """Return the fit of a linear mixed model given as arrays; parameters as in `arrange`."""
    return arrange(x, z, codes, correlated=correlated).problem(y, reml=reml).fit()
