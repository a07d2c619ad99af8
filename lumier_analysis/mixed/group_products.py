"""Compiled sums over rows: orthogonal columns, cross-products of each group, what Z leaves of others within groups."""

from __future__ import annotations

import math

import numpy as np

from lumier_analysis.mixed.compiled import compiled
from lumier_analysis.mixed.panel_compiled import quick


@compiled
def products(z, codes, n_groups, x):  # type: ignore[no-untyped-def]
    """Return Z_i'Z_i, shape (g, q, q), and Z_i'X_i, shape (g, q, p)."""
    n, q = z.shape
    p = x.shape[1]
    a = np.zeros((n_groups, q, q))
    b = np.zeros((n_groups, q, p))
    for r in range(n):
        i = codes[r]
        for j in range(q):
            v = z[r, j]
            for c in range(q):
                a[i, j, c] += v * z[r, c]
            for c in range(p):
                b[i, j, c] += v * x[r, c]
    return a, b


@compiled
def group_sums(z, codes, n_groups, y):  # type: ignore[no-untyped-def]
    """Return Z_i'y_i, shape (g, q, c), y of shape (n, c)."""
    out = np.zeros((n_groups, z.shape[1], y.shape[1]))
    for r in range(z.shape[0]):
        i = codes[r]
        for j in range(z.shape[1]):
            v = z[r, j]
            for c in range(y.shape[1]):
                out[i, j, c] += v * y[r, c]
    return out


@compiled
def within(z, codes, a, y):  # type: ignore[no-untyped-def]
    """Return D_i with A_i D_i = Z_i'y_i, shape (g, q, c), y - Z_i D_i, shape (n, c), and the sum of ranks of A_i.

    Where A_i is singular any solution will do: what is made of D_i does not depend on the choice.
    """
    n_groups, q = a.shape[0], a.shape[1]
    width = y.shape[1]
    d = group_sums(z, codes, n_groups, y)
    m = np.empty((q, q))
    used = np.empty(q, np.bool_)
    ranks = 0
    for i in range(n_groups):
        for r in range(q):
            used[r] = False
            for t in range(q):
                m[r, t] = a[i, r, t]
        for _ in range(q):
            best, size = -1, 1e-12
            for r in range(q):
                if not used[r] and m[r, r] > size * a[i, r, r]:
                    best, size = r, m[r, r] / a[i, r, r]
            if best < 0:
                break
            used[best] = True
            ranks += 1
            inverse = 1.0 / m[best, best]
            for t in range(q):
                m[best, t] *= inverse
            for c in range(width):
                d[i, best, c] *= inverse
            for r in range(q):
                factor = m[r, best]
                if r != best and factor != 0.0:
                    for t in range(q):
                        m[r, t] -= factor * m[best, t]
                    for c in range(width):
                        d[i, r, c] -= factor * d[i, best, c]
        for r in range(q):
            if not used[r]:
                for c in range(width):
                    d[i, r, c] = 0.0
    rest = np.empty(y.shape)
    for r in range(z.shape[0]):
        i = codes[r]
        for c in range(width):
            value = y[r, c]
            for j in range(q):
                value -= z[r, j] * d[i, j, c]
            rest[r, c] = value
    return d, rest, ranks


@quick
def gram_schmidt(x):  # type: ignore[no-untyped-def]
    """Return orthonormal columns q, shape (n, p), and an upper triangular r with a diagonal of 0 or more: x = q r.

    Every column is made orthogonal twice, which leaves it so to rounding unless x is singular to rounding (Giraud,
    Langou, Rozloznik and van den Eshof 2005, Numer Math 101:87); then the diagonal of r is as good as 0 at a column
    that depends on those before it.
    """
    n, p = x.shape
    columns, r = np.empty((p, n)), np.zeros((p, p))
    for j in range(p):
        own = columns[j]
        for t in range(n):
            own[t] = x[t, j]
        for _ in range(2):
            for i in range(j):
                other, share = columns[i], 0.0
                for t in range(n):
                    share += other[t] * own[t]
                r[i, j] += share
                for t in range(n):
                    own[t] -= share * other[t]
        square = 0.0
        for t in range(n):
            square += own[t] * own[t]
        r[j, j] = math.sqrt(square)
        if square > 0.0:
            scale = 1.0 / r[j, j]
            for t in range(n):
                own[t] *= scale
    q = np.empty((n, p))
    for t in range(n):
        for j in range(p):
            q[t, j] = columns[j, t]
    return q, r


@compiled
def in_rows(a, d):  # type: ignore[no-untyped-def]
    """Return A_i, shape (7, g), and D_i, shape (p + 1, 2, g), of one or two random effects, as `one_factor_search`.

    Of A_i: a11, a12, a22, its determinant and its Cholesky factor (11, 21, 22). A group whose rows do not tell two
    random effects apart, as `within` sees it, has a determinant of zero.
    """
    g, q, width = d.shape
    rows, columns = np.zeros((7, g)), np.zeros((width, 2, g))
    for i in range(g):
        rows[0, i] = a[i, 0, 0]
        rows[4, i] = math.sqrt(a[i, 0, 0])
        if q == 2:
            rows[1, i], rows[2, i] = a[i, 0, 1], a[i, 1, 1]
            rest = a[i, 1, 1]
            if a[i, 0, 0] > 0.0:
                rows[5, i] = a[i, 0, 1] / rows[4, i]
                rest -= rows[5, i] ** 2
            if rest > 1e-12 * a[i, 1, 1]:
                rows[3, i] = a[i, 0, 0] * rest
                rows[6, i] = math.sqrt(rest)
        for j in range(q):
            for c in range(width):
                columns[c, j, i] = d[i, j, c]
    return rows, columns
