"""Covariance of random effects by its relative factor: G = T T', T lower triangular, in units of the residual variance.

The free entries of T are theta (Bates, Maechler, Bolker and Walker 2015, J Stat Softw 67:1, section 2.3), factor after
factor, column after column of T as in lme4. Every element of G is a quadratic form in theta,
``G_k = theta' W_k theta``, so that derivatives in G carry over to theta by constant arrays. The deviance is smooth on
all theta: changing the sign of a column of T changes nothing, and "diagonal >= 0" only names one of the equal
solutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Structure:
    """Which entries of the factors T and of their G are free.

    Attributes
    ----------
    sizes : tuple of int
        Random effects a level, of every grouping factor.
    at : ndarray, shape (k, 3)
        Grouping factor, row and column (row >= column) of every entry of theta, and of every free element of G.
    weights : ndarray, shape (k, k, k)
        W above.
    on_diagonal : ndarray of bool, shape (k,)
    """

    sizes: tuple[int, ...]
    at: Ints
    weights: Floats
    on_diagonal: npt.NDArray[np.bool_]

    @cached_property
    def places(self) -> Ints:
        """Place of every entry among t11, t21, t22: of one factor with one or two random effects."""
        return self.at[:, 1] + self.at[:, 2]

    def factors(self, theta: Floats) -> list[Floats]:
        """Return T of every grouping factor."""
        out = [np.zeros((q, q)) for q in self.sizes]
        for value, (f, i, j) in zip(theta, self.at, strict=True):
            out[f][i, j] = value
        return out

    def pairs(self, factor: int) -> Ints:
        """Return row and column of the free elements of one factor's G."""
        return np.ascontiguousarray(self.at[self.at[:, 0] == factor, 1:])

    def elements(self, theta: Floats) -> Floats:
        """Return the free elements of G, shape (k,)."""
        return np.asarray((self.weights @ theta) @ theta)

    def to_theta(self, theta: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
        """Return gradient and Hessian in theta from those in the elements of G."""
        jacobian = self.jacobian(theta)
        curved = 2 * np.tensordot(first, self.weights, 1)
        return jacobian.T @ first, jacobian.T @ second @ jacobian + curved

    def jacobian(self, theta: Floats) -> Floats:
        """Return the derivative of the elements of G by theta, shape (k, k)."""
        return np.asarray(2 * (self.weights @ theta))

    def turned(self, turns: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return what lower triangular matrices, one a factor, do to theta (T -> turn T) and to G (turn G turn')."""
        k, at = len(self.at), self.at.tolist()
        theta, g = np.zeros((k, k)), np.zeros((k, k))
        by_factor = [turn.tolist() for turn in turns]
        for column, (f, i, j) in enumerate(at):
            turn = by_factor[f]
            for row, (of, a, b) in enumerate(at):
                if of == f:
                    theta[row, column] = turn[a][i] if b == j else 0.0
                    g[row, column] = turn[a][i] * turn[b][j] + (turn[a][j] * turn[b][i] if i != j else 0.0)
        return theta, g

    def positive(self, theta: Floats) -> Floats:
        """Return the same solution with a diagonal that is not negative."""
        out = theta.copy()
        for value, (f, i, j) in zip(theta, self.at, strict=True):
            if i == j and value < 0:
                out[(self.at[:, 0] == f) & (self.at[:, 2] == j)] *= -1
        return out + 0.0  # no negative zero


@lru_cache(maxsize=64)
def structure(sizes: tuple[int, ...], correlated: bool = True) -> Structure:
    """Return the structure of full or (`correlated` false) diagonal covariances of random effects.

    Parameters
    ----------
    sizes : tuple of int
        Random effects a level, of every grouping factor.
    """
    free = [(f, i, j) for f, q in enumerate(sizes) for j in range(q) for i in range(j, q) if correlated or i == j]
    weights = np.zeros((len(free), len(free), len(free)))
    for k, (f, a, b) in enumerate(free):
        for r, (f1, i1, j1) in enumerate(free):
            for s, (f2, i2, j2) in enumerate(free):
                if f1 == f2 == f and j1 == j2 and {i1, i2} == {a, b} and (a == b or i1 != i2):
                    weights[k, r, s] = 1.0 if a == b else 0.5
    at = np.array(free, dtype=np.intp).reshape(-1, 3)
    on_diagonal = at[:, 1] == at[:, 2]
    for shared in (at, weights, on_diagonal):  # by all models of this kind
        shared.setflags(write=False)
    return Structure(tuple(sizes), at, weights, on_diagonal)
