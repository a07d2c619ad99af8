"""Cross-products of a model with several grouping factors, nested or crossed, over all random effects at once.

The formulas of `one_factor` with one block: V = I + Z G Z', Z holding the random effects of all factors, G block
diagonal. The cost grows with the cube of their number, some hundreds being no matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse import csr_array

from lumier_analysis.mixed import one_factor as kernels
from lumier_analysis.mixed.blocks import Parts, Traces
from lumier_analysis.mixed.relative_factor import Structure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class SeveralFactors:
    """Z'Z, Z'[X y], [X y]'[X y]; the random effects of a level stand together, level after level."""

    z: csr_array
    levels: tuple[int, ...]
    sizes: tuple[int, ...]
    a: Floats
    b: Floats
    s: Floats

    @classmethod
    def of(cls, x: Floats, z: Sequence[Floats], codes: Sequence[Ints], n_levels: Sequence[int]) -> SeveralFactors:
        """Return the cross-products, the response being zero."""
        n, p = x.shape
        sizes = tuple(part.shape[1] for part in z)
        starts = np.concatenate([[0], np.cumsum(np.array(n_levels) * sizes)])
        at = [s + c[:, None] * q + np.arange(q) for s, c, q in zip(starts, codes, sizes, strict=False)]
        places, values = np.concatenate(at, axis=1).ravel(), np.concatenate(list(z), axis=1).ravel()
        ends = np.arange(n + 1) * sum(sizes)
        full = csr_array((values, places, ends), shape=(n, int(starts[-1])))
        b, s = np.zeros((full.shape[1], p + 1)), np.zeros((p + 1, p + 1))
        b[:, :p], s[:p, :p] = full.T @ x, x.T @ x
        return cls(full, tuple(n_levels), sizes, (full.T @ full).toarray(), b, s)

    def respond(self, y: Floats, xy: Floats) -> SeveralFactors:
        """Return the same with another response; xy is X'y."""
        b, s = self.b.copy(), self.s.copy()
        b[:, -1] = self.z.T @ y
        s[-1, :-1] = s[:-1, -1] = xy
        s[-1, -1] = y @ y
        return replace(self, b=b, s=s)

    def least(self) -> float:
        """Return the residual sum of squares with the random effects as if fixed, or nearly so; else NaN."""
        theta = [np.eye(q) * 1e4 for q in self.sizes]
        _, _, _, k = self._sweep(theta)
        return float(kernels.solve_mean(k)[3])

    def parts(self, theta: Floats, structure: Structure, nu: float, restricted: bool) -> Parts:
        """Return the deviance and its derivatives."""
        logdet, c, e, k = self._sweep(structure.factors(theta))
        lower, inverse, beta, r2 = kernels.solve_mean(k)
        p, m = beta.size, len(structure.at)
        if not r2 > 0:
            nothing = np.full(m, np.nan)
            return Parts(
                np.inf, r2, nothing, nothing, np.full((m, m), np.nan), np.full((m, p, p), np.nan), lower, beta
            )  # fmt: skip
        f = np.concatenate([e[:, :-1] @ inverse.T, e[:, -1:] - e[:, :-1] @ beta[:, None]], axis=1)
        trace, outer = self._first(c, f, structure)
        scaled = np.concatenate([np.sqrt(2.0 * restricted) * f[:, :-1], np.sqrt(2 * nu / r2) * f[:, -1:]], axis=1)
        second = self._second(c, scaled @ scaled.T - c, structure)
        cross = outer[:, :-1, -1]
        second -= 2 * nu / r2 * cross @ cross.T
        first = trace - nu / r2 * outer[:, -1, -1]
        deviance = logdet + nu * np.log(r2)
        slopes = -outer[:, :-1, :-1]
        if restricted:
            first += np.einsum("kaa->k", slopes)
            second -= np.einsum("kab,lab->kl", slopes, slopes)
            deviance += 2 * np.log(np.diag(lower)).sum()
        return Parts(float(deviance), float(r2), first, -outer[:, -1, -1], second, slopes, lower, beta)

    def traces(self, theta: Floats, structure: Structure) -> Traces:
        """Return the traces at theta."""
        _, c, e, k = self._sweep(structure.factors(theta))
        lower, inverse, _, _ = kernels.solve_mean(k)
        f = e[:, :-1] @ inverse.T
        one, outer = self._first(c, np.concatenate([f, e[:, -1:]], axis=1), structure)
        moved = np.zeros((len(structure.at), *f.shape))
        for place, (factor, i, j) in zip(moved, structure.at, strict=True):
            own, to = self._of(factor, f), self._of(factor, place)
            to[:, i] += own[:, j]
            if i != j:
                to[:, j] += own[:, i]
        curves = np.einsum("kra,lrb->klab", moved, c @ moved)
        return Traces(one, self._second(c, c, structure), -outer[:, :-1, :-1], curves, lower)

    def modes(self, theta: Floats, structure: Structure, beta: Floats) -> list[Floats]:
        """Return the conditional modes, one array (levels, q) a factor."""
        factors = structure.factors(theta)
        _, _, e, _ = self._sweep(factors)
        rest = e[:, -1] - e[:, :-1] @ beta
        return [self._of(i, rest) @ (t @ t.T) for i, t in enumerate(factors)]

    def _span(self, factor: int) -> slice:
        """Return where the random effects of a factor stand."""
        widths = [n * q for n, q in zip(self.levels, self.sizes, strict=True)]
        return slice(sum(widths[:factor]), sum(widths[: factor + 1]))

    def _of(self, factor: int, values: Floats) -> Floats:
        """Return the rows of a factor as (levels, q, ...), a view."""
        return values[self._span(factor)].reshape(self.levels[factor], self.sizes[factor], *values.shape[1:])

    def _sweep(self, factors: list[Floats]) -> tuple[float, Floats, Floats, Floats]:
        """Return log|V|, C, E and K, as `one_factor.sweep` with a single group."""
        total = self.a.shape[0]
        m = np.empty_like(self.a)
        weighted = np.empty_like(self.b)
        for i, t in enumerate(factors):
            g, span = t @ t.T, self._span(i)
            m[:, span] = (self.a[:, span].reshape(total, -1, self.sizes[i]) @ g).reshape(total, -1)
            weighted[span] = (g @ self._of(i, self.b)).reshape(-1, self.b.shape[1])
        m[np.diag_indices(total)] += 1
        factored = lu_factor(m, overwrite_a=True, check_finite=False)
        solved = lu_solve(factored, np.concatenate([self.a, self.b], axis=1), check_finite=False)
        c, e = solved[:, :total], solved[:, total:]
        k = self.s - weighted.T @ e
        logdet = float(np.log(np.abs(np.diag(factored[0]))).sum())
        return logdet, (c + c.T) / 2, e, np.ascontiguousarray((k + k.T) / 2)

    def _first(self, c: Floats, f: Floats, structure: Structure) -> tuple[Floats, Floats]:
        """Return the sums of `one_factor.first_sums` over all levels, factor after factor."""
        traces, outers = [], []
        for i, (n, q) in enumerate(zip(self.levels, self.sizes, strict=True)):
            span = self._span(i)
            own = np.ascontiguousarray(np.einsum("lalb->lab", c[span, span].reshape(n, q, n, q)))
            trace, outer = kernels.first_sums(own, np.ascontiguousarray(self._of(i, f)), structure.pairs(i))
            traces.append(trace)
            outers.append(outer)
        return np.concatenate(traces), np.concatenate(outers)

    def _second(self, c: Floats, r: Floats, structure: Structure) -> Floats:
        """Return tr(V_k C V_l R) in the elements of G, V_k standing for the change of G alone; R is symmetric."""
        rows = []
        for i, (n, q) in enumerate(zip(self.levels, self.sizes, strict=True)):
            row = []
            for j, (n2, q2) in enumerate(zip(self.levels, self.sizes, strict=True)):
                at = (self._span(i), self._span(j))
                left, right = (
                    part[at].reshape(n, q, n2, q2).transpose(1, 3, 0, 2).reshape(q * q2, -1) for part in (c, r)
                )
                crossed = (left @ right.T).reshape(q, q2, q, q2).transpose(0, 1, 3, 2)
                row.append(kernels.contract(np.ascontiguousarray(crossed), structure.pairs(i), structure.pairs(j)))
            rows.append(np.concatenate(row, axis=1))
        return np.concatenate(rows)
