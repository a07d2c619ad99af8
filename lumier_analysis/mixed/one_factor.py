"""Compiled kernels of the profiled deviance for one grouping factor, from cross-products of each group.

With A_i = Z_i'Z_i and B_i = Z_i'[X y]_i of group i, V_i = I + Z_i G Z_i' (units of the residual variance):

- ``C_i = Z_i' V_i^-1 Z_i = (I + A_i G)^-1 A_i`` and ``E_i = Z_i' V_i^-1 [X y]_i = (I + A_i G)^-1 B_i``;
- ``log|V| = sum log|I + A_i G|`` and ``K = [X y]' V^-1 [X y] = W + sum D_i' E_i``, where A_i D_i = B_i and W holds the
  products of what Z leaves of [X y]: a sum without cancellation, however large G is;
- for a change dG: ``d log|V| = sum tr(C_i dG)``, ``dK = -sum E_i' dG E_i``, ``dC_i = -C_i dG C_i``,
  ``dE_i = -C_i dG E_i``.

So value, gradient and Hessian need blocks of the size of the random effects alone (Lindstrom and Bates 1988, J Am Stat
Assoc 83:1014; Bates et al. 2015). All kernels stay in this file: numba does not see a change in another.
"""

from __future__ import annotations

import math

import numpy as np

from lumier_analysis.mixed.compiled import compiled


@compiled
def sweep(a, b, d, w, g):  # type: ignore[no-untyped-def]
    """Return log|V|, C (g, q, q), E (g, q, p + 1) and K (p + 1, p + 1) at G, shape (q, q)."""
    n_groups, q, p1 = b.shape
    c, e, k = np.empty((n_groups, q, q)), np.empty((n_groups, q, p1)), w.copy()
    m = np.empty((q, q))
    logdet = 0.0
    for i in range(n_groups):
        for r in range(q):
            for j in range(q):
                value = 1.0 if r == j else 0.0
                for t in range(q):
                    value += a[i, r, t] * g[t, j]
                m[r, j] = value
                c[i, r, j] = a[i, r, j]
            for j in range(p1):
                e[i, r, j] = b[i, r, j]
        det = 1.0
        for r in range(q):
            best = r
            for t in range(r + 1, q):
                if abs(m[t, r]) > abs(m[best, r]):
                    best = t
            if best != r:
                det = -det
                for j in range(q):
                    m[r, j], m[best, j] = m[best, j], m[r, j]
                    c[i, r, j], c[i, best, j] = c[i, best, j], c[i, r, j]
                for j in range(p1):
                    e[i, r, j], e[i, best, j] = e[i, best, j], e[i, r, j]
            det *= m[r, r]
            inverse = 1.0 / m[r, r]
            for j in range(r, q):
                m[r, j] *= inverse
            for j in range(q):
                c[i, r, j] *= inverse
            for j in range(p1):
                e[i, r, j] *= inverse
            for t in range(q):
                factor = m[t, r]
                if t != r and factor != 0.0:
                    for j in range(r, q):
                        m[t, j] -= factor * m[r, j]
                    for j in range(q):
                        c[i, t, j] -= factor * c[i, r, j]
                    for j in range(p1):
                        e[i, t, j] -= factor * e[i, r, j]
        logdet += math.log(det)
        for r in range(q):
            for j in range(p1):
                value = d[i, r, j]
                for l in range(j + 1):  # noqa: E741
                    k[j, l] += value * e[i, r, l]
    for j in range(p1):
        for l in range(j):  # noqa: E741
            k[l, j] = k[j, l]
    return logdet, c, e, k


@compiled
def solve_mean(k):  # type: ignore[no-untyped-def]
    """Return from K: the Cholesky factor L of X'V^-1X, L^-1, the coefficients, and y'V^-1y left by them.

    The last is NaN where X'V^-1X is not positive definite.
    """
    p = k.shape[0] - 1
    lower, inverse = np.zeros((p, p)), np.zeros((p, p))
    for i in range(p):
        for j in range(i + 1):
            value = k[i, j]
            for t in range(j):
                value -= lower[i, t] * lower[j, t]
            if i == j:
                if not value > 0.0:
                    return lower, inverse, np.zeros(p), np.nan
                lower[i, i] = math.sqrt(value)
            else:
                lower[i, j] = value / lower[j, j]
    for j in range(p):
        for i in range(j, p):
            value = 1.0 if i == j else 0.0
            for t in range(j, i):
                value -= lower[i, t] * inverse[t, j]
            inverse[i, j] = value / lower[i, i]
    half = inverse @ np.ascontiguousarray(k[:p, p])
    return lower, inverse, inverse.T @ half, k[p, p] - half @ half


@compiled
def turned(e, inverse, beta):  # type: ignore[no-untyped-def]
    """Return E_i [L^-T, (-beta, 1)]: columns in which X'V^-1X is the identity, then those of the residual."""
    n_groups, q, p1 = e.shape
    p = p1 - 1
    out = np.empty((n_groups, q, p1))
    for i in range(n_groups):
        for r in range(q):
            rest = e[i, r, p]
            for j in range(p):
                rest -= e[i, r, j] * beta[j]
                value = 0.0
                for t in range(j + 1):
                    value += e[i, r, t] * inverse[j, t]
                out[i, r, j] = value
            out[i, r, p] = rest
    return out


@compiled
def first_sums(c, f, pairs):  # type: ignore[no-untyped-def]
    """Return ``sum tr(C_i S_k)``, shape (m,), and ``sum F_i' S_k F_i``, shape (m, p + 1, p + 1), F from `turned`.

    S_k is the derivative of G by its element k at `pairs` (row, column): one where row and column are the same, else
    both places.
    """
    n_groups, p1, m = f.shape[0], f.shape[2], pairs.shape[0]
    trace, outer = np.zeros(m), np.zeros((m, p1, p1))
    for i in range(n_groups):
        for k in range(m):
            r, t = pairs[k, 0], pairs[k, 1]
            trace[k] += c[i, r, t]
            for j in range(p1):
                for l in range(p1):  # noqa: E741
                    outer[k, j, l] += f[i, r, j] * f[i, t, l]
    for k in range(m):
        if pairs[k, 0] != pairs[k, 1]:
            trace[k] *= 2.0
            for j in range(p1):
                for l in range(j + 1):  # noqa: E741
                    value = outer[k, j, l] + outer[k, l, j]
                    outer[k, j, l] = value
                    outer[k, l, j] = value
    return trace, outer


@compiled
def second_sums(c, f, share_c, share_x, share_y, pairs):  # type: ignore[no-untyped-def]
    """Return ``sum tr(S_k C_i S_l R_i)``, shape (m, m), R = share_c C + share_x F_x F_x' + share_y F_y F_y'."""
    n_groups, q, p1 = f.shape
    crossed = np.zeros((q, q, q, q))
    rest = np.empty((q, q))
    for i in range(n_groups):
        for r in range(q):
            for t in range(r + 1):
                value = 0.0
                for j in range(p1 - 1):
                    value += f[i, r, j] * f[i, t, j]
                value = share_x * value + share_c * c[i, r, t] + share_y * f[i, r, p1 - 1] * f[i, t, p1 - 1]
                rest[r, t] = value
                rest[t, r] = value
        for r in range(q):
            for t in range(q):
                for u in range(q):
                    for v in range(q):
                        crossed[r, t, u, v] += c[i, r, t] * rest[u, v]
    return contract(crossed, pairs, pairs)


@compiled
def contract(crossed, left, right):  # type: ignore[no-untyped-def]
    """Return ``sum S_k[a, b] X[b, c, d, a] S_l[c, d]``, with X[r, t, u, v] the sum of C[r, t] R[u, v]."""
    m, n = left.shape[0], right.shape[0]
    out = np.zeros((m, n))
    for k in range(m):
        for l in range(n):  # noqa: E741
            for flip in range(2 if left[k, 0] != left[k, 1] else 1):
                a, b = left[k, flip], left[k, 1 - flip]
                for turn in range(2 if right[l, 0] != right[l, 1] else 1):
                    c, d = right[l, turn], right[l, 1 - turn]
                    out[k, l] += crossed[b, c, d, a]
    return out


@compiled
def curve_sums(c, f, pairs):  # type: ignore[no-untyped-def]
    """Return ``sum F_i' S_k C_i S_l F_i``, shape (m, m, p, p), without the column of y."""
    n_groups, p, m = f.shape[0], f.shape[2] - 1, pairs.shape[0]
    out = np.zeros((m, m, p, p))
    for i in range(n_groups):
        for k in range(m):
            for l in range(k + 1):  # noqa: E741
                for flip in range(2 if pairs[k, 0] != pairs[k, 1] else 1):
                    a, b = pairs[k, flip], pairs[k, 1 - flip]
                    for turn in range(2 if pairs[l, 0] != pairs[l, 1] else 1):
                        d, e = pairs[l, turn], pairs[l, 1 - turn]
                        weight = c[i, b, d]
                        for j in range(p):
                            left = weight * f[i, a, j]
                            for t in range(p):
                                out[k, l, j, t] += left * f[i, e, t]
    for k in range(m):
        for l in range(k):  # noqa: E741
            for j in range(p):
                for t in range(p):
                    out[l, k, t, j] = out[k, l, j, t]
    return out


@compiled
def deviance_parts(a, b, d, w, g, pairs, nu, restricted):  # type: ignore[no-untyped-def]
    """Return the profiled deviance at G without constants, and its derivatives in the elements of G.

    Returns
    -------
    deviance, r2 : float
        ``log|V| + nu log r2 (+ log|X'V^-1X|)``; r2 = y'V^-1y left by the coefficients.
    first, r2_first : ndarray, shape (m,)
        Derivatives of the deviance and of r2.
    second : ndarray, shape (m, m)
        Second derivatives with the residual variance held at r2 / nu; those of the profiled deviance are
        ``second - nu / r2^2 r2_first r2_first'``.
    slopes : ndarray, shape (m, p, p)
        L^-1 (d X'V^-1X) L^-T.
    lower, beta : L and the coefficients.
    """
    logdet, c, e, k = sweep(a, b, d, w, g)
    lower, inverse, beta, r2 = solve_mean(k)
    p, m = beta.size, pairs.shape[0]
    if not r2 > 0.0:
        nothing = np.full(m, np.nan)
        return np.inf, r2, nothing, nothing, np.full((m, m), np.nan), np.full((m, p, p), np.nan), lower, beta
    f = turned(e, inverse, beta)
    trace, outer = first_sums(c, f, pairs)
    share = nu / r2
    second = second_sums(c, f, -1.0, 2.0 if restricted else 0.0, 2.0 * share, pairs)
    deviance = logdet + nu * math.log(r2)
    first, r2_first = np.empty(m), np.empty(m)
    if restricted:
        for j in range(p):
            deviance += 2.0 * math.log(lower[j, j])
    for i in range(m):
        r2_first[i] = -outer[i, p, p]
        first[i] = trace[i] + share * r2_first[i]
        if restricted:
            for j in range(p):
                first[i] -= outer[i, j, j]
        for l in range(m):  # noqa: E741
            for j in range(p):
                second[i, l] -= 2.0 * share * outer[i, j, p] * outer[l, j, p]
                if restricted:
                    for t in range(p):
                        second[i, l] -= outer[i, j, t] * outer[l, j, t]
    return deviance, r2, first, r2_first, second, -outer[:, :p, :p], lower, beta
