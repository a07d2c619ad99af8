"""Rows of patients grouped by which visits they have, as the cross-products that a likelihood needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class VisitPatterns:
    """Patients grouped by pattern of visits, and the sums over them.

    A pair is a pattern and two of its visits a <= b. For a symmetric (m, m) matrix S of each pattern, the sum over
    patients of ``Z_i' S Z_i`` is ``S[pairs] @ products``: sums over patients cost no more than one product of matrices.

    Attributes
    ----------
    present : ndarray of bool, shape (P, m)
    counts : ndarray, shape (P,)
        Patients of each pattern.
    pattern, first, second : ndarray, shape (N,)
        Pairs: number of the pattern, a and b.
    products : ndarray, shape (N, q (q + 1) / 2)
        Upper triangles of the sums of ``z_a z_b' + z_b z_a'`` (``z_a z_a'`` where a = b); z_a is the row of Z at a.
    n_columns : int
        q.
    """

    present: npt.NDArray[np.bool_]
    counts: Floats
    pattern: Ints
    first: Ints
    second: Ints
    products: Floats
    n_columns: int

    def summed(self, kernels: Floats) -> Floats:
        """Return the sum over patients of Z_i' S Z_i for each symmetric kernel.

        Parameters
        ----------
        kernels : ndarray, shape (P, k, m, m)

        Returns
        -------
        ndarray, shape (k, q, q)
        """
        flat = kernels[self.pattern, :, self.first, self.second].T @ self.products
        row, column = np.triu_indices(self.n_columns)
        out = np.empty((len(flat), self.n_columns, self.n_columns))
        out[:, row, column] = flat
        out[:, column, row] = flat
        return out

    def moments(self, weight: Floats) -> Floats:
        """Return the sums over the patients of each pattern of ``z_a' N z_b`` for a symmetric N, shape (P, m, m)."""
        row, column = np.triu_indices(self.n_columns)
        value = self.products @ (weight[row, column] * np.where(row == column, 1.0, 2.0))
        value = np.where(self.first == self.second, value, value / 2)
        out = np.zeros((*self.present.shape, self.present.shape[1]))
        out[self.pattern, self.first, self.second] = value
        out[self.pattern, self.second, self.first] = value
        return out

    def part(self, chosen: slice) -> VisitPatterns:
        """Return some of the patterns, for sums that are too large to be held at once."""
        start, stop, _ = chosen.indices(len(self.counts))
        low, high = np.searchsorted(self.pattern, [start, stop])
        own = slice(low, high)
        pairs = self.pattern[own] - start, self.first[own], self.second[own]
        return VisitPatterns(self.present[chosen], self.counts[chosen], *pairs, self.products[own], self.n_columns)


def visit_patterns(z: Floats, subjects: Ints, visits: Ints, n_visits: int) -> VisitPatterns:
    """Return the patterns of visits and the cross-products of the rows.

    Parameters
    ----------
    z : ndarray, shape (n, q)
        Columns of the design and the response.
    subjects, visits : ndarray of int, shape (n,)
        Codes from 0; a patient has a visit at most once.
    n_visits : int
        m.
    """
    row_of = np.full((int(subjects.max()) + 1, n_visits), -1, dtype=np.intp)
    row_of[subjects, visits] = np.arange(len(z))
    present, pattern_of = np.unique(row_of >= 0, axis=0, return_inverse=True)
    pattern_of = pattern_of.ravel()
    q = z.shape[1]
    upper = np.triu_indices(q)
    pairs: list[tuple[Ints, Ints, Ints]] = []
    products = []
    for number, has in enumerate(present):
        seen = np.flatnonzero(has)
        rows = z[row_of[pattern_of == number][:, seen]].reshape(-1, len(seen) * q)
        cross = (rows.T @ rows).reshape(len(seen), q, len(seen), q)
        a, b = np.triu_indices(len(seen))
        both = cross[a, :, b, :]
        both = np.where((a == b)[:, None, None], both, both + both.swapaxes(1, 2))
        pairs.append((np.full(len(a), number), seen[a], seen[b]))
        products.append(both[:, upper[0], upper[1]])
    pattern, first, second = (np.concatenate(part) for part in zip(*pairs, strict=True))
    counts = np.bincount(pattern_of, minlength=len(present)).astype(np.float64)
    return VisitPatterns(present, counts, pattern, first, second, np.concatenate(products), q)
