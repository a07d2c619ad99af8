"""Cross-products of a model with several grouping factors, nested or crossed.

The factor with most random effects is swept out group by group, as if it were alone and the columns Z2 of the other
factors were fixed effects (`one_factor`); that leaves a small dense system in the others. With V1 = I + Z1 G1 Z1',

- ``A2 = Z2' V1^-1 Z2``, ``H2 = G2 (I + A2 G2)^-1 = N N'``, and V^-1 = V1^-1 - V1^-1 Z2 H2 Z2' V1^-1;
- ``C = Z' V^-1 Z`` is block diagonal less ``(e2 N)(e2 N)'`` in the first factor, ``e2 = Z1' V1^-1 Z2``, so that traces
  of its products need no matrix of all random effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from lumier_analysis.mixed import one_factor as kernels
from lumier_analysis.mixed.blocks import Parts, Traces
from lumier_analysis.mixed.grouped import OneFactor
from lumier_analysis.mixed.relative_factor import Structure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Swept:
    """Z' V^-1 [Z X y] at one G: of the first factor by level (c, low, e), of the others dense.

    Attributes
    ----------
    c : ndarray, shape (g, q, q)
    low : ndarray, shape (g, q, Q2)
        e2 N.
    cross : ndarray, shape (g, q, Q2)
        Z1' V^-1 Z2.
    dense : ndarray, shape (Q2, Q2)
        Z2' V^-1 Z2.
    e, e2 : ndarray, shapes (g, q, p + 1) and (Q2, p + 1)
    k : ndarray, shape (p + 1, p + 1)
    """

    logdet: float
    c: Floats
    low: Floats
    cross: Floats
    dense: Floats
    e: Floats
    e2: Floats
    k: Floats


@dataclass(frozen=True)
class SeveralFactors:
    """The first factor's cross-products with [Z2 X y].

    Attributes
    ----------
    inner : OneFactor
    first : int
        Place of the factor swept out among all.
    levels, sizes : tuple of int
        Of all factors.
    width : int
        Columns of Z2; the random effects of a level stand together, level after level, factor after factor.
    """

    inner: OneFactor
    first: int
    levels: tuple[int, ...]
    sizes: tuple[int, ...]
    width: int

    @classmethod
    def of(cls, x: Floats, z: Sequence[Floats], codes: Sequence[Ints], levels: Sequence[int]) -> SeveralFactors:
        """Return the cross-products, the response being zero."""
        sizes = tuple(part.shape[1] for part in z)
        first = int(np.argmax(np.array(levels) * sizes))
        columns, rows = [], np.arange(len(x))
        for i, (part, code) in enumerate(zip(z, codes, strict=True)):
            if i != first:
                full = np.zeros((len(x), levels[i], sizes[i]))
                full[rows, code] = part
                columns.append(full.reshape(len(x), -1))
        width = sum(c.shape[1] for c in columns)
        both = np.concatenate([*columns, x], axis=1)
        return cls(OneFactor.of(both, z[first], codes[first], levels[first]), first, tuple(levels), sizes, width)

    def respond(self, y: Floats, xy: Floats) -> SeveralFactors:
        """Return the same with another response."""
        return replace(self, inner=self.inner.respond(y, xy))

    def least(self) -> tuple[float, int]:
        """Return the residual sum of squares with the random effects as if fixed, and its degrees of freedom."""
        return self.inner.least()

    def parts(self, theta: Floats, structure: Structure, nu: float, restricted: bool) -> Parts:
        """Return the deviance and its derivatives."""
        s = self._sweep(structure.factors(theta))
        lower, inverse, beta, r2 = kernels.solve_mean(s.k)
        p, m = beta.size, len(structure.at)
        if not r2 > 0:
            none = np.full(m, np.nan)
            return Parts(np.inf, r2, none, none, np.full((m, m), np.nan), np.full((m, p, p), np.nan), lower, beta)
        turn = np.zeros((p + 1, p + 1))
        turn[:p, :p], turn[:p, p], turn[p, p] = inverse.T, -beta, 1.0
        f, f2 = s.e @ turn, s.e2 @ turn
        trace, outer = self._first(s, f, f2, structure)
        share = np.sqrt(np.append(np.full(p, 2.0 * restricted), 2 * nu / r2))
        second = self._second(s, -1.0, f * share, f2 * share, structure)
        cross = outer[:, :p, p]
        second -= 2 * nu / r2 * cross @ cross.T
        first = trace - nu / r2 * outer[:, p, p]
        deviance, slopes = s.logdet + nu * np.log(r2), -outer[:, :p, :p]
        if restricted:
            first += np.einsum("kaa->k", slopes)
            second -= np.einsum("kab,lab->kl", slopes, slopes)
            deviance += 2 * np.log(np.diag(lower)).sum()
        return Parts(float(deviance), float(r2), first, -outer[:, p, p], second, slopes, lower, beta)

    def traces(self, theta: Floats, structure: Structure) -> Traces:
        """Return the traces at theta."""
        s = self._sweep(structure.factors(theta))
        lower, inverse, _, _ = kernels.solve_mean(s.k)
        f, f2 = s.e[:, :, :-1] @ inverse.T, s.e2[:, :-1] @ inverse.T
        one, outer = self._first(s, f, f2, structure)
        count, p = len(structure.at), f.shape[2]
        near, far = np.zeros((count, *f.shape)), np.zeros((count, *f2.shape))
        for k, (i, a, b) in enumerate(structure.at):
            own, to = (f, near[k]) if i == self.first else (self._of(i, f2), self._of(i, far[k]))
            to[:, a] += own[:, b]
            if a != b:
                to[:, b] += own[:, a]
        # C times V_k F: block diagonal less low rank, then the dense blocks.
        left = near.reshape(count, -1, p)
        low, cross = s.low.reshape(-1, self.width), s.cross.reshape(-1, self.width)
        moved = (s.c @ near).reshape(count, -1, p) - low @ (low.T @ left) + cross @ far
        moved_far = cross.T @ left + s.dense @ far
        curves = np.einsum("kra,lrb->klab", left, moved, optimize=True)
        curves += np.einsum("kra,lrb->klab", far, moved_far, optimize=True)
        nothing = np.zeros((*f.shape[:2], 1)), np.zeros((self.width, 1))
        return Traces(one, self._second(s, 1.0, *nothing, structure), -outer, curves, lower)

    def modes(self, theta: Floats, structure: Structure, beta: Floats) -> list[Floats]:
        """Return the conditional modes, one array (levels, q) a factor."""
        factors = structure.factors(theta)
        s = self._sweep(factors)
        rest, rest2 = s.e[:, :, -1] - s.e[:, :, :-1] @ beta, s.e2[:, -1] - s.e2[:, :-1] @ beta
        return [(rest if i == self.first else self._of(i, rest2)) @ (t @ t.T) for i, t in enumerate(factors)]

    def _span(self, factor: int) -> slice:
        """Return where the random effects of a factor stand in Z2."""
        widths = [0 if i == self.first else n * q for i, (n, q) in enumerate(zip(self.levels, self.sizes, strict=True))]
        return slice(sum(widths[:factor]), sum(widths[: factor + 1]))

    def _of(self, factor: int, values: Floats) -> Floats:
        """Return the rows of a factor of Z2 as (levels, q, ...), a view."""
        return values[self._span(factor)].reshape(self.levels[factor], self.sizes[factor], *values.shape[1:])

    def _sweep(self, factors: list[Floats]) -> _Swept:
        """Return the blocks of Z' V^-1 [Z X y]."""
        own, width = self.inner, self.width
        t1 = factors[self.first]
        logdet, c, e, k = kernels.sweep(own.a, own.b, own.d, own.w, t1 @ t1.T)
        a2, b2 = k[:width, :width], k[:width, width:]
        t2 = np.zeros((width, width))
        for i, t in enumerate(factors):
            if i != self.first:
                span, q = self._span(i), self.sizes[i]
                t2[span, span] = np.kron(np.eye(self.levels[i]), t) if q > 1 else np.eye(self.levels[i]) * t[0, 0]
        g2 = t2 @ t2.T
        solved = np.linalg.solve(np.eye(width) + a2 @ g2, k[:width])
        dense, e2 = (solved[:, :width] + solved[:, :width].T) / 2, solved[:, width:]
        root = np.linalg.cholesky(np.eye(width) + t2.T @ a2 @ t2)
        half = solve_triangular(root, t2.T, lower=True, check_finite=False).T
        weighted = b2.T @ half
        z_part = np.ascontiguousarray(e[:, :, :width])
        low = z_part @ half
        cross = z_part - low @ (half.T @ a2)
        left = k[width:, width:] - weighted @ weighted.T
        logdet += 2 * float(np.log(np.diag(root)).sum())
        return _Swept(logdet, c, low, cross, dense, e[:, :, width:] - low @ weighted.T, e2, left)

    def _first(self, s: _Swept, f: Floats, f2: Floats, structure: Structure) -> tuple[Floats, Floats]:
        """Return the sums of `one_factor.first_sums` over all levels, factor after factor."""
        traces, outers = [], []
        for i, (n, q) in enumerate(zip(self.levels, self.sizes, strict=True)):
            if i == self.first:
                block, own = s.c - s.low @ s.low.transpose(0, 2, 1), f
            else:
                span = self._span(i)
                block, own = np.einsum("lalb->lab", s.dense[span, span].reshape(n, q, n, q)), self._of(i, f2)
            pairs = structure.pairs(i)
            trace, outer = kernels.first_sums(np.ascontiguousarray(block), np.ascontiguousarray(own), pairs)
            traces.append(trace)
            outers.append(outer)
        return np.concatenate(traces), np.concatenate(outers)

    def _second(self, s: _Swept, share: float, y: Floats, y2: Floats, structure: Structure) -> Floats:
        """Return tr(V_k C V_l R) in the elements of G, R = share C + Y Y', V_k the change of G alone."""
        count = len(self.sizes)
        blocks = [[np.zeros((0, 0))] * count for _ in range(count)]
        for i in range(count):
            for j in range(i + 1):
                if i == j == self.first:
                    blocks[i][i] = self._own(s, share, y, structure.pairs(i))
                    continue
                c, r = self._block(s, share, y, y2, i, j)
                q, q2 = self.sizes[i], self.sizes[j]
                crossed = (c.reshape(q * q2, -1) @ r.reshape(q * q2, -1).T).reshape(q, q2, q, q2).transpose(0, 1, 3, 2)
                blocks[i][j] = kernels.contract(np.ascontiguousarray(crossed), structure.pairs(i), structure.pairs(j))
                blocks[j][i] = blocks[i][j].T
        return np.block(blocks)

    def _own(self, s: _Swept, share: float, y: Floats, pairs: Ints) -> Floats:
        """Return the block of the factor swept out."""
        nothing = np.zeros((*y.shape[:2], 1))
        out = kernels.second_sums(s.c, np.concatenate([s.low, nothing], axis=2), share, -2 * share, 0.0, pairs)
        out += kernels.second_sums(s.c, np.ascontiguousarray(y), 0.0, 1.0, 1.0, pairs)
        with_low, with_y = [], []
        for a, b in pairs:
            both = [(a, b)] if a == b else [(a, b), (b, a)]
            with_low.append(sum(s.low[:, r].T @ s.low[:, t] for r, t in both))
            with_y.append(sum(s.low[:, r].T @ y[:, t] for r, t in both))
        n, m = np.array(with_low).reshape(len(pairs), -1), np.array(with_y).reshape(len(pairs), -1)
        return np.asarray(out + share * n @ n.T - m @ m.T)

    def _block(self, s: _Swept, share: float, y: Floats, y2: Floats, i: int, j: int) -> tuple[Floats, Floats]:
        """Return C and R between two factors, not both the one swept out, as (q, q2, levels, levels2)."""
        if self.first in (i, j):
            other = j if i == self.first else i
            n, q = y.shape[:2]
            c = s.cross[:, :, self._span(other)].reshape(n * q, -1)
            r = share * c + y.reshape(n * q, -1) @ y2[self._span(other)].T
            if j == self.first:
                c, r = c.T, r.T
        else:
            at = self._span(i), self._span(j)
            c = s.dense[at]
            r = share * c + y2[at[0]] @ y2[at[1]].T
        shape = self.levels[i], self.sizes[i], self.levels[j], self.sizes[j]
        return c.reshape(shape).transpose(1, 3, 0, 2), r.reshape(shape).transpose(1, 3, 0, 2)
