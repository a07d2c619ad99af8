"""A linear mixed model without its response: columns made orthogonal, cross-products, what can be told apart.

The columns of random and fixed effects are made orthogonal, and the response is replaced by its residual from the fixed
effects in units of its standard deviation, so that neither units nor the origin of time decide how well a model is
fitted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.blocks import Blocks
from lumier_analysis.mixed.expected_information import information
from lumier_analysis.mixed.group_products import gram_schmidt
from lumier_analysis.mixed.grouped import OneFactor
from lumier_analysis.mixed.lmm_problem import Problem
from lumier_analysis.mixed.relative_factor import Structure, structure
from lumier_analysis.mixed.several_factors import SeveralFactors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


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
        full, restricted = np.linalg.eigvalsh(self._correlated)[:, 0]
        return float(full), float(restricted)

    def informed(self, restricted: bool) -> tuple[Floats, Floats]:
        """Return eigenvalues and eigenvectors of the information on the variance parameters in correlation form.

        Where every random effect has the standard deviation of the residual. The form is that of the full information
        in either case: what fixed effects take away entirely must come out as nothing.
        """
        values, vectors = np.linalg.eigh(self._correlated[int(restricted)])
        return values, vectors

    @cached_property
    def _correlated(self) -> Floats:
        """Full and restricted information in correlation form, shape (2, k + 1, k + 1)."""
        two, lost = self._information
        size = np.sqrt(two.diagonal())
        size[:-1] = np.maximum(size[:-1], 1e-6 * size[:-1].max())  # a covariance of effects never seen together
        return np.array([two, two - lost]) / (size[:, None] * size)

    @cached_property
    def _information(self) -> tuple[Floats, Floats]:
        """Full information, and what the fixed effects take of it."""
        if isinstance(self.blocks, OneFactor) and (quickly := self.blocks.unit_information(self.structure)) is not None:
            return quickly
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
    n = len(x)
    if x.ndim != 2 or x.shape[1] == 0:
        raise UsageError("fixed effects: a matrix of one column at least", found=f"shape {x.shape}")
    if len(zs) != len(cs) or not zs or any(part.ndim != 2 or len(part) != n for part in zs):
        raise UsageError("random effects: one matrix and one vector of codes a grouping factor, one row an observation")
    if any(part.shape != (n,) or part.min() < 0 for part in cs) or not all(np.isfinite(m).all() for m in (x, *zs)):
        raise UsageError("codes are whole numbers from 0, one a row; columns are finite")
    widths = [np.sqrt(np.einsum("nq,nq->q", part, part) / n) for part in zs]
    if any(width.min() == 0 for width in widths):
        raise AnalysisError("a column of the random effects is zero on every row")
    zs = [part / width for part, width in zip(zs, widths, strict=True)]
    q, r = gram_schmidt(x)
    if r.diagonal().min() <= 1e-12 * np.abs(r).max():
        raise AnalysisError("the columns of the fixed effects are collinear")
    levels = tuple(int(part.max()) + 1 for part in cs)
    shape = structure(tuple(part.shape[1] for part in zs), correlated)
    scales = np.array([widths[f][i] for f, i, _ in shape.at])
    columns, turns = zip(*(_orthogonal(part, correlated) for part in zs), strict=True)
    blocks: Blocks = (
        OneFactor.of(q, columns[0], cs[0], levels[0]).with_rows()
        if len(zs) == 1
        else SeveralFactors.of(q, columns, cs, levels)
    )
    inner, inner_g = shape.turned(turns)
    names = tuple(names) or tuple(f"group {i + 1}" for i in range(len(zs)))
    return Arrays(q, r, zs, cs, widths, scales, levels, shape, list(turns), inner, inner_g, blocks, names)


def _orthogonal(z: Floats, correlated: bool) -> tuple[Floats, Floats]:
    """Return orthogonal columns of length sqrt(n) and the lower triangular matrix that turns them into z."""
    n, k = z.shape
    if k == 1 or not correlated:
        return z, np.eye(k)
    # From the last column on.
    q, r = gram_schmidt(np.ascontiguousarray(z[:, ::-1]))
    root = math.sqrt(n)
    lower = np.ascontiguousarray(r[::-1, ::-1]) / root
    if lower.diagonal().min() <= 1e-10:
        raise AnalysisError("the columns of the random effects are collinear")
    return np.ascontiguousarray(q[:, ::-1]) * root, lower
