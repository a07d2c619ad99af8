"""Cross-products of a model with one grouping factor, kept group by group; the sums run in compiled kernels.

With one or two random effects a level the kernels are those of `one_factor_search`, else those of `one_factor`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed import one_factor as kernels
from lumier_analysis.mixed import one_factor_search as few
from lumier_analysis.mixed.blocks import Parts, Traces
from lumier_analysis.mixed.group_products import group_sums, in_rows, products, within
from lumier_analysis.mixed.optimise import MOST_STEPS, Descent, Optimum
from lumier_analysis.mixed.relative_factor import Structure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@cache
def _nowhere(m: int) -> tuple[Floats, float, Floats, Floats]:
    """Return the place of a known optimum where none is known."""
    return np.zeros(m), 0.0, np.zeros(m), np.zeros((m, m))


@cache
def _unit_turn(free: tuple[int, ...]) -> Floats:
    """Return what turns derivatives by elements 11, 12, 22 of G and by V as a whole into those by free parameters.

    At unit variances the derivative by the residual variance is V less the part of the elements 11 and 22.
    """
    out = np.zeros((len(free) + 1, 4))
    out[-1, 3] = 1.0
    for row, place in enumerate(free):
        out[row, place] = 1.0
        out[-1, place] = 0.0 if place == 1 else -1.0
    return out


@dataclass(frozen=True)
class OneFactor:
    """Cross-products of every group, as named in `one_factor`.

    Attributes
    ----------
    a : ndarray, shape (g, q, q)
    b, d : ndarray, shape (g, q, p + 1)
        The last column belongs to the response.
    w : ndarray, shape (p + 1, p + 1)
    rest : ndarray, shape (n, p)
        What the random effects' columns leave of the fixed effects' within groups.
    rank : int
        Of the random effects' columns, all groups together.
    rows : tuple of ndarray, shapes (7, g) and (p + 1, 2, g)
        A_i and D_i as `one_factor_search` takes them; None: the kernels of `one_factor` do all.
    """

    z: Floats
    codes: Ints
    a: Floats
    b: Floats
    d: Floats
    w: Floats
    rest: Floats
    rank: int
    rows: tuple[Floats, Floats] | None = None

    @classmethod
    def of(cls, x: Floats, z: Floats, codes: Ints, n_levels: int) -> OneFactor:
        """Return the cross-products, the response being zero."""
        p = x.shape[1]
        a, zx = products(z, codes, n_levels, x)
        b, d, w = (
            np.zeros((n_levels, z.shape[1], p + 1)),
            np.zeros((n_levels, z.shape[1], p + 1)),
            np.zeros((p + 1,) * 2),
        )
        b[:, :, :p] = zx
        d[:, :, :p], rest, rank = within(z, codes, a, x)
        w[:p, :p] = rest.T @ rest
        return cls(z, codes, a, b, d, w, rest, int(rank))

    def with_rows(self) -> OneFactor:
        """Return the same ready for `one_factor_search`, if that takes so many random effects."""
        return replace(self, rows=in_rows(self.a, self.d)) if self.z.shape[1] <= 2 else self

    def respond(self, y: Floats, xy: Floats) -> OneFactor:
        """Return the same with another response; xy is X'y."""
        b, d, w = self.b.copy(), self.d.copy(), self.w.copy()
        column = y[:, None]
        b[:, :, -1] = group_sums(self.z, self.codes, len(b), column)[:, :, 0]
        solved, rest, _ = within(self.z, self.codes, self.a, column)
        d[:, :, -1] = solved[:, :, 0]
        w[-1, :-1] = w[:-1, -1] = self.rest.T @ rest[:, 0]
        w[-1, -1] = rest[:, 0] @ rest[:, 0]
        rows = self.rows
        if rows is not None:
            last = rows[1].copy()
            last[-1, : d.shape[1]] = solved[:, :, 0].T
            rows = rows[0], last
        return OneFactor(self.z, self.codes, self.a, b, d, w, self.rest, self.rank, rows)

    def least(self) -> tuple[float, int]:
        """Return the residual sum of squares with the random effects as if fixed, and its degrees of freedom."""
        values, vectors = np.linalg.eigh(self.w[:-1, :-1])
        kept = values > 1e-12
        rest = self.w[-1, -1] - ((vectors[:, kept].T @ self.w[:-1, -1]) ** 2 / values[kept]).sum()
        return float(rest), len(self.codes) - self.rank - int(kept.sum())

    def parts(self, theta: Floats, structure: Structure, nu: float, restricted: bool) -> Parts:
        """Return the deviance and its derivatives."""
        if self.rows is not None:
            return self._few_parts(theta, structure, nu, restricted)
        (t,) = structure.factors(theta)
        return Parts(
            *kernels.deviance_parts(self.a, self.b, self.d, self.w, t @ t.T, structure.pairs(0), nu, restricted)
        )

    def descent(self, structure: Structure, nu: float, restricted: bool) -> Descent | None:
        """Return what takes Newton steps from a start to their end; None without `rows`."""
        if self.rows is None:
            return None
        a, d = self.rows
        free, w = structure.places, self.w

        def descend(start: Floats, known: Optimum | None) -> Optimum:
            given = known is not None and known.curvature is not None
            end = (known.theta, known.value, *known.curvature) if given else _nowhere(len(free))  # type: ignore[union-attr,misc]
            theta, value, converged, evaluations, values, vectors, _, _ = few.descend(
                start, free, a, d, w, nu, restricted, MOST_STEPS, given, *end
            )
            return Optimum(theta, value, converged, evaluations, curvature=(values, vectors))

        return descend

    def _few_parts(self, theta: Floats, structure: Structure, nu: float, restricted: bool) -> Parts:
        free, p = structure.places, self.w.shape[0] - 1
        found = few.descend(theta, free, *self.rows, self.w, nu, restricted, 0, False, *_nowhere(len(free)))  # type: ignore[misc]
        first, r2_first, second, _, outer, _, _, lower, beta = found[-1]
        slopes = -outer[:, :p, :p]
        if len(free) < 3:
            first, r2_first, second, slopes = first[free], r2_first[free], second[np.ix_(free, free)], slopes[free]
        if np.isinf(found[1]):
            first, r2_first, second, slopes = (np.full_like(part, np.nan) for part in (first, r2_first, second, slopes))
        return Parts(found[1], found[6], first, r2_first, second, slopes, lower, beta)

    def unit_information(self, structure: Structure) -> tuple[Floats, Floats] | None:
        """Return the information at unit variances, full and lost to the fixed effects; None as for `descent`."""
        if self.rows is None:
            return None
        free, p, m = structure.places, self.w.shape[0] - 1, len(structure.places)
        unit = structure.on_diagonal.astype(np.float64)
        found = few.descend(unit, free, *self.rows, self.w, 1.0, True, 0, False, *_nowhere(m))
        _, _, _, trace, outer, own, curves, _, _ = found[-1]
        slopes = outer[:, :p, :p].reshape(3, p * p)
        bent = slopes @ np.eye(p).ravel()
        both = np.empty((2, 4, 4))
        both[0, :3, :3], both[1, :3, :3] = own, 2 * curves - slopes @ slopes.T
        both[0, 3, :3], both[0, :3, 3], both[0, 3, 3] = trace, trace, len(self.codes)
        both[1, 3, :3], both[1, :3, 3], both[1, 3, 3] = bent, bent, p
        turn = _unit_turn(tuple(free.tolist()))
        full, lost = turn @ both @ turn.T
        return full, lost

    def traces(self, theta: Floats, structure: Structure) -> Traces:
        """Return the traces at theta."""
        (t,), pairs, p = structure.factors(theta), structure.pairs(0), self.w.shape[0] - 1
        _, c, e, k = kernels.sweep(self.a, self.b, self.d, self.w, t @ t.T)
        lower, inverse, beta, _ = kernels.solve_mean(k)
        f = kernels.turned(e, inverse, beta)
        one, outer = kernels.first_sums(c, f, pairs)
        two = kernels.second_sums(c, f, 1.0, 0.0, 0.0, pairs)
        return Traces(one, two, -outer[:, :p, :p], kernels.curve_sums(c, f, pairs), lower)

    def modes(self, theta: Floats, structure: Structure, beta: Floats) -> list[Floats]:
        """Return the conditional modes, shape (levels, q)."""
        (t,) = structure.factors(theta)
        _, _, e, _ = kernels.sweep(self.a, self.b, self.d, self.w, t @ t.T)
        return [(e[:, :, -1] - e[:, :, :-1] @ beta) @ (t @ t.T)]
