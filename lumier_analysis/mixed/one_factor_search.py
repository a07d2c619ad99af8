"""Compiled search for the optimum with one or two random effects of one grouping factor: sums over groups as vectors.

The deviance and its derivatives are those of `one_factor`. With the Cholesky factor L_i of A_i = Z_i'Z_i, U = L_i'T and
A_i D_i = Z_i'[X y]_i (any solution),

- ``|I + A_i G| = 1 + sum U^2 + |A_i| |G|`` and ``C_i = (A_i + |A_i| adj G) / |I + A_i G|``: no cancellation where G is
  large;
- ``E_i = C_i D_i`` and ``K = W + sum D_i' E_i``.

Every quantity of all groups stands in one contiguous row, so that the compiler handles several groups at once. One
random effect is handled as two of which the second is zero everywhere. `descend` takes the steps of `optimise.newton`,
which remains the reference. One file, because numba does not see a change in another; one function that is called from
outside, because every such function is compiled with all that it calls.
"""

from __future__ import annotations

import math

import numpy as np

from lumier_analysis.mixed.panel_compiled import quick

# Those of `optimise`, as numba takes no change of them from there.
_POLISH, _DONE, _FLAT = 1e-8, 1e-14, 1e-9
# A known optimum is joined within this rise of the deviance, where value, gradient and Hessian are those of its
# quadratic form to this share.
_NEAR, _SHARE = 0.3, 0.25


@quick
def _swept(t11, t21, t22, a, c, log_at):  # type: ignore[no-untyped-def]
    """Fill C (3, g); return log|V|. `a` holds a11, a12, a22, |A|, and L11, L21, L22."""
    g11, g12, g22 = t11 * t11, t11 * t21, t21 * t21 + t22 * t22
    g_det = (t11 * t22) ** 2
    a11, a12, a22, size, l11, l21, l22 = a[0], a[1], a[2], a[3], a[4], a[5], a[6]
    c11, c12, c22 = c[0], c[1], c[2]
    for i in range(log_at.size):
        u11 = l11[i] * t11 + l21[i] * t21
        u12, u21, u22 = l21[i] * t22, l22[i] * t21, l22[i] * t22
        value = 1.0 + (u11 * u11 + u12 * u12 + u21 * u21 + u22 * u22 + size[i] * g_det)
        share = 1.0 / value
        log_at[i] = value
        c11[i] = (a11[i] + size[i] * g22) * share
        c12[i] = (a12[i] - size[i] * g12) * share
        c22[i] = (a22[i] + size[i] * g11) * share
    total, product = 0.0, 1.0
    for i in range(log_at.size):
        product *= log_at[i]
        if product > 1e200:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@quick
def _apply(c, d, e):  # type: ignore[no-untyped-def]
    """Fill E = C D of one column, shapes (2, g)."""
    c11, c12, c22, d0, d1, e0, e1 = c[0], c[1], c[2], d[0], d[1], e[0], e[1]
    for i in range(d0.size):
        e0[i] = c11[i] * d0[i] + c12[i] * d1[i]
        e1[i] = c12[i] * d0[i] + c22[i] * d1[i]


@quick
def _dot(d, e):  # type: ignore[no-untyped-def]
    d0, d1, e0, e1 = d[0], d[1], e[0], e[1]
    total = 0.0
    for i in range(d0.size):
        total += d0[i] * e0[i] + d1[i] * e1[i]
    return total


@quick
def _combine(e, weights, n, f):  # type: ignore[no-untyped-def]
    """Fill f with the sum of the first n columns of E, weighted; shapes (p + 1, 2, g), (p + 1,), (2, g)."""
    for r in range(2):
        row, part, weight = f[r], e[0, r], weights[0]
        for i in range(row.size):
            row[i] = weight * part[i]
        for j in range(1, n):
            part, weight = e[j, r], weights[j]
            for i in range(row.size):
                row[i] += weight * part[i]


@quick
def _outer(f, h):  # type: ignore[no-untyped-def]
    """Return ``sum f' S_k h`` for the elements 11, 12 (both places) and 22 of G, of columns of shape (2, g)."""
    f0, f1, h0, h1 = f[0], f[1], h[0], h[1]
    s11, s12, s22 = 0.0, 0.0, 0.0
    for i in range(f0.size):
        s11 += f0[i] * h0[i]
        s12 += f0[i] * h1[i] + f1[i] * h0[i]
        s22 += f1[i] * h1[i]
    return s11, s12, s22


@quick
def _add_square(rest, f):  # type: ignore[no-untyped-def]
    r11, r12, r22, f0, f1 = rest[0], rest[1], rest[2], f[0], f[1]
    for i in range(f0.size):
        r11[i] += f0[i] * f0[i]
        r12[i] += f0[i] * f1[i]
        r22[i] += f1[i] * f1[i]


@quick
def _weigh(rest, c, f, share_x, share_y):  # type: ignore[no-untyped-def]
    """Fill rest with share_x rest + share_y f f' - C."""
    r11, r12, r22, c11, c12, c22, f0, f1 = rest[0], rest[1], rest[2], c[0], c[1], c[2], f[0], f[1]
    for i in range(f0.size):
        r11[i] = share_x * r11[i] + share_y * f0[i] * f0[i] - c11[i]
        r12[i] = share_x * r12[i] + share_y * f0[i] * f1[i] - c12[i]
        r22[i] = share_x * r22[i] + share_y * f1[i] * f1[i] - c22[i]


@quick
def _crossed(c, rest, out):  # type: ignore[no-untyped-def]
    """Fill ``sum tr(S_k C S_l R)``, shape (3, 3)."""
    c11, c12, c22, r11, r12, r22 = c[0], c[1], c[2], rest[0], rest[1], rest[2]
    s0, s1, s2, s3, s4, s5 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(c11.size):
        s0 += c11[i] * r11[i]
        s1 += c11[i] * r12[i] + c12[i] * r11[i]
        s2 += c12[i] * r12[i]
        s3 += 2.0 * c12[i] * r12[i] + c22[i] * r11[i] + c11[i] * r22[i]
        s4 += c22[i] * r12[i] + c12[i] * r22[i]
        s5 += c22[i] * r22[i]
    out[0, 0], out[1, 1], out[2, 2] = s0, s3, s5
    out[0, 1], out[0, 2], out[1, 2] = s1, s2, s4
    out[1, 0], out[2, 0], out[2, 1] = s1, s2, s4


@quick
def _evaluate(theta, a, d, w, nu, restricted, apart, room, sums):  # type: ignore[no-untyped-def]
    """Return the deviance and r2 at T (theta: t11, t21, t22); fill `sums`, described at `descend`.

    r2 is NaN where X'V^-1X is not positive definite; the deviance is infinite where r2 is not positive.
    """
    c, rest, e, f, k, turn = room
    first, r2_first, second, trace, outer, own, curves, lower, beta = sums
    p = w.shape[0] - 1
    deviance = _swept(theta[0], theta[1], theta[2], a, c, f[0, 0])
    for j in range(p + 1):
        _apply(c, d[j], e[j])
        for t in range(j + 1):
            k[j, t] = w[j, t] + _dot(d[t], e[j])
    # L, L^-1 and, as last row of `turn`, (-beta, 1): F = E turn' has columns in which X'V^-1X is the identity, and the
    # residual.
    for i in range(p):
        for j in range(i + 1):
            value = k[i, j]
            for t in range(j):
                value -= lower[i, t] * lower[j, t]
            if i == j:
                if not value > 0.0:
                    return np.inf, np.nan
                lower[i, i] = math.sqrt(value)
            else:
                lower[i, j] = value / lower[j, j]
    r2, turn[p, p] = k[p, p], 1.0
    for j in range(p):
        for i in range(j, p):
            value = 1.0 if i == j else 0.0
            for t in range(j, i):
                value -= lower[i, t] * turn[t, j]
            turn[i, j] = value / lower[i, i]
        turn[p, j] = 0.0
    for j in range(p):
        half = 0.0
        for t in range(j + 1):
            half += turn[j, t] * k[p, t]
        r2 -= half * half
        for t in range(j + 1):
            turn[p, t] -= turn[j, t] * half
        if restricted:
            deviance += 2.0 * math.log(lower[j, j])
    for j in range(p):
        beta[j] = -turn[p, j]
    for j in range(p + 1):
        _combine(e, turn[j], j + 1, f[j])
        for t in range(j + 1):
            s11, s12, s22 = _outer(f[j], f[t])
            outer[0, j, t], outer[1, j, t], outer[2, j, t] = s11, s12, s22
            outer[0, t, j], outer[1, t, j], outer[2, t, j] = s11, s12, s22
    share = nu / r2 if r2 > 0.0 else 0.0
    for i in range(3):
        value, row, squares = 0.0, c[i], rest[i]
        for t in range(row.size):
            value += row[t]
            squares[t] = 0.0
        trace[i] = 2.0 * value if i == 1 else value
    if restricted or apart:
        for j in range(p):
            _add_square(rest, f[j])
    if apart:
        _crossed(c, c, own)
        _crossed(c, rest, curves)
    _weigh(rest, c, f[p], 2.0 if restricted else 0.0, 2.0 * share)
    _crossed(c, rest, second)
    for i in range(3):
        r2_first[i] = -outer[i, p, p]
        first[i] = trace[i] + share * r2_first[i]
        if restricted:
            for j in range(p):
                first[i] -= outer[i, j, j]
        for l in range(i + 1):  # noqa: E741
            value = second[i, l]
            for j in range(p):
                value -= 2.0 * share * outer[i, j, p] * outer[l, j, p]
                if restricted:
                    for t in range(p):
                        value -= outer[i, j, t] * outer[l, j, t]
            second[i, l], second[l, i] = value, value
    if not r2 > 0.0:
        return np.inf, r2
    return deviance + nu * math.log(r2), r2


@quick
def _eigen(h, values, vectors):  # type: ignore[no-untyped-def]
    """Fill eigenvalues, in any order, and eigenvectors of a symmetric matrix, by Jacobi's rotations."""
    k = h.shape[0]
    m = h.copy()
    for i in range(k):
        for j in range(k):
            vectors[i, j] = 1.0 if i == j else 0.0
    for _ in range(50):
        moved = False
        for i in range(k):
            for j in range(i):
                if abs(m[i, j]) <= 1e-17 * math.sqrt(abs(m[i, i])) * math.sqrt(abs(m[j, j])) or m[i, j] == 0.0:
                    continue
                moved = True
                half = (m[j, j] - m[i, i]) / (2.0 * m[i, j])
                tangent = (1.0 if half >= 0.0 else -1.0) / (abs(half) + math.sqrt(half * half + 1.0))
                cosine = 1.0 / math.sqrt(tangent * tangent + 1.0)
                sine = tangent * cosine
                for t in range(k):
                    left, right = m[t, i], m[t, j]
                    m[t, i], m[t, j] = cosine * left - sine * right, sine * left + cosine * right
                for t in range(k):
                    left, right = m[i, t], m[j, t]
                    m[i, t], m[j, t] = cosine * left - sine * right, sine * left + cosine * right
                for t in range(k):
                    left, right = vectors[t, i], vectors[t, j]
                    vectors[t, i], vectors[t, j] = cosine * left - sine * right, sine * left + cosine * right
                m[i, j], m[j, i] = 0.0, 0.0
        if not moved:
            break
    for i in range(k):
        values[i] = m[i, i]


@quick
def _step(gradient, hessian, radius, values, vectors, step):  # type: ignore[no-untyped-def]
    """Fill the step within the radius; return its length and the decrease it promises: `optimise._step`."""
    k = gradient.size
    _eigen(hessian, values, vectors)
    largest, length, promise = 1e-300, 0.0, 0.0
    for i in range(k):
        largest = max(largest, abs(values[i]))
        step[i] = 0.0
    flat, push = _FLAT * largest, min(radius, 0.25)
    move, along = np.empty(k), np.empty(k)
    for i in range(k):
        along[i] = 0.0
        for j in range(k):
            along[i] += vectors[j, i] * gradient[j]
        size = max(max(abs(values[i]), flat), 1e-100)
        move[i] = min(max(-along[i] / size, -1e100), 1e100)
        if values[i] < -1e3 * flat and abs(move[i]) < push:
            move[i] = -push if along[i] > 0.0 else push
        length += move[i] * move[i]
    length = math.sqrt(length)
    if length > radius:
        for i in range(k):
            move[i] *= radius / length
        length = radius
    for i in range(k):
        promise -= along[i] * move[i] + 0.5 * values[i] * move[i] * move[i]
        for j in range(k):
            step[j] += vectors[j, i] * move[i]
    return length, max(promise, 0.0)


@quick
def _in_theta(theta, free, nu, r2, sums, gradient, hessian):  # type: ignore[no-untyped-def]
    """Fill gradient and Hessian of the profiled deviance in the free entries from derivatives in elements of G."""
    first, r2_first, second = sums[0], sums[1], sums[2]
    t11, t21, t22 = theta[0], theta[1], theta[2]
    jacobian, curved = np.zeros((3, 3)), np.zeros((3, 3))
    jacobian[0, 0], jacobian[1, 0], jacobian[1, 1] = 2.0 * t11, t21, t11
    jacobian[2, 1], jacobian[2, 2] = 2.0 * t21, 2.0 * t22
    curved[0, 0], curved[0, 1], curved[1, 0] = 2.0 * first[0], first[1], first[1]
    curved[1, 1], curved[2, 2] = 2.0 * first[2], 2.0 * first[2]
    share = nu / (r2 * r2)
    for i in range(free.size):
        fi = free[i]
        gradient[i] = 0.0
        for a in range(3):
            gradient[i] += jacobian[a, fi] * first[a]
        for j in range(free.size):
            fj = free[j]
            value = curved[fi, fj]
            for a in range(3):
                for b in range(3):
                    value += jacobian[a, fi] * (second[a, b] - share * r2_first[a] * r2_first[b]) * jacobian[b, fj]
            hessian[i, j] = value


@quick
def _joins(theta, value, gradient, hessian, free, end, end_value, values, vectors):  # type: ignore[no-untyped-def]
    """Return whether Newton steps from theta end at a known minimum, or at its mirror image.

    The rise above it is small, and value, gradient and Hessian at theta are those of its quadratic form to a quarter:
    so the deviance is convex between the two.
    """
    k = free.size
    if not abs(value - end_value) < _NEAR:
        return False
    sign = np.ones(k)
    for i in range(k):
        for j in range(k):
            if not values[i] > 1e-6 * values[j]:
                return False
            if free[i] != 1 and theta[i] * end[i] < 0.0 and (j == i or (free[i] == 0 and free[j] == 1)):
                sign[j] = -1.0
    rise, off, bend = 0.0, 0.0, 0.0
    for i in range(k):
        length, slope = 0.0, 0.0
        for j in range(k):
            length += vectors[j, i] * (sign[j] * theta[j] - end[j])
            slope += vectors[j, i] * sign[j] * gradient[j]
        rise += values[i] * length * length
        off += (slope - values[i] * length) ** 2 / values[i]
        for l in range(k):  # noqa: E741
            entry = -values[i] if i == l else 0.0
            for j in range(k):
                for t in range(k):
                    entry += vectors[j, i] * sign[j] * hessian[j, t] * sign[t] * vectors[t, l]
            bend += entry * entry / (values[i] * values[l])
    near = abs(value - end_value - 0.5 * rise) < _SHARE * 0.5 * rise + 1e-9
    return near and rise < 2.0 * _NEAR and off < _SHARE**2 * rise + 1e-12 and bend < _SHARE**2


@quick
def descend(start, free, a, d, w, nu, restricted, most, known, end, end_value, end_values, end_vectors):  # type: ignore[no-untyped-def]
    """Return where Newton steps from a start end.

    Parameters
    ----------
    start : ndarray, shape (m,)
        Free entries of T.
    free : ndarray of int, shape (m,)
        Their places among t11, t21, t22.
    a, d, w : ndarray, shapes (7, g), (p + 1, 2, g) and (p + 1, p + 1)
        a11, a12, a22, |A|, L11, L21, L22 of every group; D; W.
    nu, restricted
        As `one_factor.deviance_parts`.
    most : int
        Steps; none, to learn the sums at the start.
    known : bool
        A minimum is known: the search ends, there, as soon as it joins it.
    end, end_value, end_values, end_vectors
        The minimum: theta, deviance, eigenvalues and eigenvectors of the Hessian.

    Returns
    -------
    theta, value, converged, evaluations
    values, vectors : ndarray, shapes (m,) and (m, m)
        Eigenvalues, in any order, and eigenvectors of the Hessian at a converged end.
    r2 : float
        At the last theta looked at, as are the sums.
    sums : tuple of ndarray
        For the elements 11, 12, 22 of G: `first`, `r2_first`, `second` of `deviance_parts`; ``sum tr(C S_k)``;
        ``sum F' S_k F``, F = E [L^-T, (-beta, 1)]; ``sum tr(S_k C S_l C)`` and ``sum tr(S_k C S_l F F')`` without the
        residual's column, if there are no steps. Then L and the coefficients.
    """
    k, p, g = start.size, w.shape[0] - 1, a.shape[1]
    room = (
        np.empty((3, g)), np.empty((3, g)), np.empty((p + 1, 2, g)), np.empty((p + 1, 2, g)),
        np.empty((p + 1, p + 1)), np.zeros((p + 1, p + 1)),
    )  # fmt: skip
    sums = (
        np.zeros(3), np.zeros(3), np.zeros((3, 3)), np.zeros(3), np.zeros((3, p + 1, p + 1)), np.zeros((3, 3)),
        np.zeros((3, 3)), np.zeros((p, p)), np.zeros(p),
    )  # fmt: skip
    theta, new, wide, step = np.zeros(k), np.empty(k), np.zeros(3), np.zeros(k)
    gradient, new_gradient, values = np.zeros(k), np.empty(k), np.zeros(k)
    hessian, new_hessian, vectors = np.zeros((k, k)), np.empty((k, k)), np.zeros((k, k))
    radius, polished, promise, length, value, r2 = 2.0, np.inf, np.inf, 0.0, np.inf, np.nan
    converged, evaluations = False, 0
    # The first pass looks at the start itself.
    while evaluations <= most:
        for i in range(k):
            new[i] = theta[i] + step[i] if evaluations else start[i]
            wide[free[i]] = new[i]
        new_value, r2 = _evaluate(wide, a, d, w, nu, restricted, most == 0, room, sums)
        evaluations += 1
        better = True
        if evaluations > 1:
            if promise < _POLISH:
                if not new_value < value + _POLISH:
                    converged = True
                    break
                polished = promise
            else:
                polished = np.inf
                ratio = (value - new_value) / promise
                if not ratio > 0.1:
                    radius = 0.3 * length
                    if radius < 1e-10:
                        break
                    better = ratio > 0.0
                elif ratio > 0.7:
                    radius = max(radius, 3.0 * length)
        if better:
            theta, new, value = new, theta, new_value
            if most == 0 or not np.isfinite(value):
                break
            _in_theta(wide, free, nu, r2, sums, new_gradient, new_hessian)
            gradient, new_gradient, hessian, new_hessian = new_gradient, gradient, new_hessian, hessian
            if known and _joins(theta, value, gradient, hessian, free, end, end_value, end_values, end_vectors):
                return end, end_value, True, evaluations, end_values, end_vectors, r2, sums
        length, promise = _step(gradient, hessian, radius, values, vectors, step)
        if promise < _DONE or promise > 0.5 * polished:
            converged = True
            break
    return theta, value, converged, evaluations, values, vectors, r2, sums
