"""Many responses with two random effects per group, such as intercept and slope: sums over groups as vector loops.

With A_i = Z_i'Z_i, d_i = A_i^-1 Z_i'[Q y] (pseudo-inverse where a group's rows do not tell the two effects apart) and G
in units of the residual variance, C_i = (A_i^-1 + G)^-1 = (A_i + |A_i| adj G) / |I + A_i G| gives
``Z_i'V_i^-1[Q y] = E_i = C_i d_i`` and ``[Q y]'V^-1[Q y] = W + sum d_i'C_i d_i``, W the cross-products within groups:
sums of squares without cancellation. Derivatives in G are those of `one_factor`. The kernels keep each quantity of all
groups in one contiguous row, so that the compiler handles several groups at once.

The columns of Z are first made orthonormal on average over the groups by a lower triangular matrix, which keeps the
relative factor T lower triangular.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]

#: Entries of a result row of `fit_rows`.
N_OUT = 9
# The gradient matrix of the deviance in G may have no eigenvalue below minus this: a gain of less than 1e-8.
_TOLERANCE = 1e-4
_MOST_STEPS = 150


def _quick(function):  # type: ignore[no-untyped-def]
    """Compile a loop over groups; the compiler may reorder its sums, the same way at every call."""
    flags = {"reassoc", "contract", "nsz", "arcp"}
    try:
        return njit(cache=True, nogil=True, fastmath=flags)(function)
    except RuntimeError:  # numba's word for a cache folder that it cannot write
        return njit(nogil=True, fastmath=flags)(function)


@_quick
def _c_blocks(a, g11, g12, g22, c, det):  # type: ignore[no-untyped-def]
    """Fill C (3, m) and |I + A G| (m,); a holds a11, a12, a22, |A|."""
    a11, a12, a22, size = a[0], a[1], a[2], a[3]
    c11, c12, c22 = c[0], c[1], c[2]
    g_det = g11 * g22 - g12 * g12
    for i in range(det.size):
        value = 1.0 + a11[i] * g11 + 2.0 * a12[i] * g12 + a22[i] * g22 + size[i] * g_det
        share = 1.0 / value
        det[i] = value
        c11[i] = (a11[i] + size[i] * g22) * share
        c12[i] = (a12[i] - size[i] * g12) * share
        c22[i] = (a22[i] + size[i] * g11) * share


@_quick
def _apply(c, d, e):  # type: ignore[no-untyped-def]
    """Fill E = C d of one column, shapes (2, m)."""
    c11, c12, c22, d0, d1, e0, e1 = c[0], c[1], c[2], d[0], d[1], e[0], e[1]
    for i in range(d0.size):
        e0[i] = c11[i] * d0[i] + c12[i] * d1[i]
        e1[i] = c12[i] * d0[i] + c22[i] * d1[i]


@_quick
def _dot(d, e):  # type: ignore[no-untyped-def]
    d0, d1, e0, e1 = d[0], d[1], e[0], e[1]
    total = 0.0
    for i in range(d0.size):
        total += d0[i] * e0[i] + d1[i] * e1[i]
    return total


@_quick
def _add(f, e, weight):  # type: ignore[no-untyped-def]
    f0, f1, e0, e1 = f[0], f[1], e[0], e[1]
    for i in range(f0.size):
        f0[i] += weight * e0[i]
        f1[i] += weight * e1[i]


@_quick
def _add_square(rest, f, weight):  # type: ignore[no-untyped-def]
    r11, r12, r22, f0, f1 = rest[0], rest[1], rest[2], f[0], f[1]
    for i in range(f0.size):
        r11[i] += weight * f0[i] * f0[i]
        r12[i] += weight * f0[i] * f1[i]
        r22[i] += weight * f1[i] * f1[i]


@_quick
def _outer(f, h):  # type: ignore[no-untyped-def]
    """Return ``sum f' S_k h`` for the elements 11, 12 (both places) and 22 of G."""
    f0, f1, h0, h1 = f[0], f[1], h[0], h[1]
    s11, s12, s22 = 0.0, 0.0, 0.0
    for i in range(f0.size):
        s11 += f0[i] * h0[i]
        s12 += f0[i] * h1[i] + f1[i] * h0[i]
        s22 += f1[i] * h1[i]
    return s11, s12, s22


@_quick
def _crossed(c, rest):  # type: ignore[no-untyped-def]
    """Return ``sum tr(S_k C S_l R)`` for the six pairs of elements of G."""
    c11, c12, c22, r11, r12, r22 = c[0], c[1], c[2], rest[0], rest[1], rest[2]
    s0, s1, s2, s3, s4, s5 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(c11.size):
        s0 += c11[i] * r11[i]
        s1 += c11[i] * r12[i] + c12[i] * r11[i]
        s2 += c12[i] * r12[i]
        s3 += 2.0 * c12[i] * r12[i] + c22[i] * r11[i] + c11[i] * r22[i]
        s4 += c22[i] * r12[i] + c12[i] * r22[i]
        s5 += c22[i] * r22[i]
    return s0, s1, s2, s3, s4, s5


@_quick
def _trace(c):  # type: ignore[no-untyped-def]
    c11, c12, c22 = c[0], c[1], c[2]
    s11, s12, s22 = 0.0, 0.0, 0.0
    for i in range(c11.size):
        s11 += c11[i]
        s12 += 2.0 * c12[i]
        s22 += c22[i]
    return s11, s12, s22


@_quick
def _log_product(det):  # type: ignore[no-untyped-def]
    total, product = 0.0, 1.0
    for i in range(det.size):
        product *= det[i]
        if product > 1e200:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@_quick
def evaluate(theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second):  # type: ignore[no-untyped-def]
    """Return the deviance and r2 at T = [[t0, 0], [t1, t2]], and fill derivatives in the elements 11, 12, 22 of G.

    `second` holds the residual variance at r2 / nu. `inverse` becomes L^-1 of X'V^-1X = L L', `k` in its last row the
    coefficients, `outer` ``sum F' S_k F`` with F = E [L^-T, (-beta, 1)].
    """
    p = w.shape[0] - 1
    g11, g12, g22 = theta[0] * theta[0], theta[0] * theta[1], theta[1] * theta[1] + theta[2] * theta[2]
    _c_blocks(a, g11, g12, g22, c, det)
    deviance = _log_product(det)
    for j in range(p + 1):
        _apply(c, d[j], e[j])
        for t in range(j + 1):
            k[j, t] = w[j, t] + _dot(d[t], e[j])
    # Cholesky of K in place; the last row then holds L^-1 X'V^-1y and the root of r2.
    for i in range(p + 1):
        for j in range(i + 1):
            value = k[i, j]
            for t in range(j):
                value -= k[i, t] * k[j, t]
            if i == j:
                if not value > 0.0:
                    return np.inf, np.nan
                k[i, i] = math.sqrt(value)
            else:
                k[i, j] = value / k[j, j]
    r2 = k[p, p] * k[p, p]
    deviance += nu * math.log(r2)
    for j in range(p):
        if restricted:
            deviance += 2.0 * math.log(k[j, j])
        for i in range(j, p):
            value = 1.0 if i == j else 0.0
            for t in range(j, i):
                value -= k[i, t] * inverse[t, j]
            inverse[i, j] = value / k[i, i]
    share = nu / r2
    for j in range(p):
        f[j] = 0.0
        for t in range(j + 1):
            _add(f[j], e[t], inverse[j, t])
    f[p] = e[p]
    for j in range(p):
        _add(f[p], f[j], -k[p, j])
    for j in range(p + 1):
        for t in range(j + 1):
            s11, s12, s22 = _outer(f[j], f[t])
            outer[0, j, t], outer[1, j, t], outer[2, j, t] = s11, s12, s22
            outer[0, t, j], outer[1, t, j], outer[2, t, j] = s11, s12, s22
    rest[:] = 0.0
    rest -= c
    if restricted:
        for j in range(p):
            _add_square(rest, f[j], 2.0)
    _add_square(rest, f[p], 2.0 * share)
    s0, s1, s2, s3, s4, s5 = _crossed(c, rest)
    second[0, 0], second[0, 1], second[0, 2] = s0, s1, s2
    second[1, 1], second[1, 2], second[2, 2] = s3, s4, s5
    first[0], first[1], first[2] = _trace(c)
    for i in range(3):
        r2_first[i] = -outer[i, p, p]
        first[i] += share * r2_first[i]
        if restricted:
            for j in range(p):
                first[i] -= outer[i, j, j]
        for l in range(i, 3):  # noqa: E741
            for j in range(p):
                second[i, l] -= 2.0 * share * outer[i, j, p] * outer[l, j, p]
                if restricted:
                    for t in range(p):
                        second[i, l] -= outer[i, j, t] * outer[l, j, t]
            second[l, i] = second[i, l]
    return deviance, r2


@_quick
def _to_theta(theta, first, second, gradient, hessian):  # type: ignore[no-untyped-def]
    """Fill gradient and Hessian in theta from those in the elements of G."""
    jacobian = np.zeros((3, 3))
    jacobian[0, 0], jacobian[1, 0], jacobian[1, 1] = 2.0 * theta[0], theta[1], theta[0]
    jacobian[2, 1], jacobian[2, 2] = 2.0 * theta[1], 2.0 * theta[2]
    for i in range(3):
        gradient[i] = 0.0
        for k in range(3):
            gradient[i] += jacobian[k, i] * first[k]
        for j in range(3):
            hessian[i, j] = 0.0
            for k in range(3):
                for l in range(3):  # noqa: E741
                    hessian[i, j] += jacobian[k, i] * second[k, l] * jacobian[l, j]
    hessian[0, 0] += 2.0 * first[0]
    hessian[0, 1] += first[1]
    hessian[1, 0] += first[1]
    hessian[1, 1] += 2.0 * first[2]
    hessian[2, 2] += 2.0 * first[2]


@_quick
def _damped(hessian, damping, gradient, step):  # type: ignore[no-untyped-def]
    """Fill the step -(H + damping I)^-1 g; return whether the matrix is positive definite."""
    l00 = hessian[0, 0] + damping
    if not l00 > 0.0:
        return False
    l10, l20 = hessian[1, 0] / l00, hessian[2, 0] / l00
    d1 = hessian[1, 1] + damping - l10 * l10 * l00
    if not d1 > 1e-12 * abs(hessian[1, 1] + damping):
        return False
    l21 = (hessian[2, 1] - l20 * l10 * l00) / d1
    d2 = hessian[2, 2] + damping - l20 * l20 * l00 - l21 * l21 * d1
    if not d2 > 1e-12 * abs(hessian[2, 2] + damping):
        return False
    y0 = -gradient[0]
    y1 = -gradient[1] - l10 * y0
    y2 = -gradient[2] - l20 * y0 - l21 * y1
    step[2] = y2 / d2
    step[1] = y1 / d1 - l21 * step[2]
    step[0] = y0 / l00 - l10 * step[1] - l20 * step[2]
    return True


@_quick
def _promise(gradient, hessian, step):  # type: ignore[no-untyped-def]
    """Return the decrease that the quadratic model promises for a step."""
    total = 0.0
    for i in range(3):
        total -= gradient[i] * step[i]
        for j in range(3):
            total -= 0.5 * step[i] * hessian[i, j] * step[j]
    return total


@_quick
def _descend(theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second):  # type: ignore[no-untyped-def]
    """Move theta to a stationary point by damped Newton steps; return the deviance and whether it was reached."""
    gradient, hessian, step, trial = np.empty(3), np.empty((3, 3)), np.empty(3), np.empty(3)
    value, r2 = evaluate(theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second)
    if not value < np.inf:
        return value, False
    damping, last, fresh = 0.0, np.inf, True
    for _ in range(_MOST_STEPS):
        if fresh:
            profiled = second - (nu / (r2 * r2)) * np.outer(r2_first, r2_first)
            _to_theta(theta, first, profiled, gradient, hessian)
            fresh = False
        size = max(abs(hessian[0, 0]), abs(hessian[1, 1]), abs(hessian[2, 2]))
        while not _damped(hessian, damping, gradient, step):
            damping = max(4.0 * damping, 1e-3 * size + 1e-8)
        length = math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
        reach = max(1.0, math.sqrt(theta[0] ** 2 + theta[1] ** 2 + theta[2] ** 2))
        if length > reach:
            step *= reach / length
        promise = _promise(gradient, hessian, step)
        polish = promise < 1e-8 and damping < 1e-6 * size
        if (polish and (promise < 1e-16 or promise > 0.5 * last)) or promise < 1e-18:
            return value, True
        trial[:] = theta + step
        new, new_r2 = evaluate(
            trial, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
        )
        if polish:
            # What such a step promises is below the rounding error of the deviance.
            if not new < value + 1e-8:
                return value, True
            last = promise
        elif not new < value - 0.05 * promise:
            damping = max(8.0 * damping, 1e-2 * size)
            if damping > 1e14 * (size + 1e-8):
                return value, False
            continue
        else:
            damping = 0.1 * damping if damping > 1e-6 * size else 0.0
        theta[:] = trial
        value, r2, fresh = new, new_r2, True
    return value, False


@_quick
def _least_direction(first):  # type: ignore[no-untyped-def]
    """Return the least eigenvalue of the gradient matrix in G, and its eigenvector."""
    d11, d12, d22 = first[0], 0.5 * first[1], first[2]
    least = 0.5 * (d11 + d22) - math.hypot(0.5 * (d11 - d22), d12)
    v0, v1 = (d12, least - d11) if abs(least - d11) > abs(least - d22) else (least - d22, d12)
    size = math.hypot(v0, v1)
    if size == 0.0:
        return least, 1.0, 0.0
    return least, v0 / size, v1 / size


@_quick
def _factor_into(g11, g12, g22, theta):  # type: ignore[no-untyped-def]
    theta[0] = math.sqrt(max(g11, 0.0))
    theta[1] = g12 / theta[0] if theta[0] > 0.0 else 0.0
    theta[2] = math.sqrt(max(g22 - theta[1] * theta[1], 0.0))


@_quick
def fit_rows(d_x, d_y, w_xx, xy_within, yy_within, a, starts, widths, nu, restricted, found, hessians, turns, scores):  # type: ignore[no-untyped-def]
    """Fit every response from its starts.

    Parameters
    ----------
    d_x : ndarray, shape (p, 2, m)
    d_y : ndarray, shape (k, 2, m)
    w_xx, xy_within, yy_within : ndarray, shapes (p, p), (k, p), (k,)
    a : ndarray, shape (4, m)
    starts : ndarray, shape (k, s, 3)
        theta; NaN: none.
    widths : ndarray, shape (2,)
        Turns the diagonal of T into that on columns of z of unit mean square.
    found : ndarray, shape (k, N_OUT + p)
        Filled: theta, deviance, r2, converged, number of starts, spread of their optima, whether theta lies on the
        boundary, coefficients.
    hessians : ndarray, shape (k, 4, 4)
        Filled: observed Hessian of the deviance in (theta, sigma), sigma = 1.
    turns, scores : ndarray, shapes (k, p, p) and (k, p, p, 3)
        Filled: L^-1 of X'V^-1X, and ``sum F' S F`` by theta.
    """
    n_responses, p, m = d_y.shape[0], d_x.shape[0], a.shape[1]
    d, w = np.empty((p + 1, 2, m)), np.empty((p + 1, p + 1))
    c, det, rest = np.empty((3, m)), np.empty(m), np.empty((3, m))
    e, f = np.empty((p + 1, 2, m)), np.empty((p + 1, 2, m))
    k, inverse = np.zeros((p + 1, p + 1)), np.zeros((p, p))
    outer, first, r2_first, second = np.empty((3, p + 1, p + 1)), np.empty(3), np.empty(3), np.empty((3, 3))
    gradient, hessian, theta, best = np.empty(3), np.empty((3, 3)), np.empty(3), np.empty(3)
    d[:p] = d_x
    w[:p, :p] = w_xx
    for r in range(n_responses):
        d[p] = d_y[r]
        w[p, :p] = xy_within[r]
        w[p, p] = yy_within[r]
        lowest, highest, best_done, tried = np.inf, -np.inf, False, 0
        for s in range(starts.shape[1]):
            if math.isnan(starts[r, s, 0]):
                continue
            tried += 1
            theta[:] = starts[r, s]
            value, done = np.inf, False
            for _ in range(4):
                value, done = _descend(
                    theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
                )
                # A stationary point on the boundary is a minimum only if no way into the cone leads down.
                value, r2 = evaluate(
                    theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
                )
                least, v0, v1 = _least_direction(first)
                if not done or least >= -_TOLERANCE:
                    break
                done = False
                g11, g12, g22 = theta[0] ** 2, theta[0] * theta[1], theta[1] ** 2 + theta[2] ** 2
                length = 1.0
                while length > 1e-9:
                    _factor_into(g11 + length * v0 * v0, g12 + length * v0 * v1, g22 + length * v1 * v1, theta)
                    new, r2 = evaluate(
                        theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
                    )
                    if new < value:
                        break
                    length *= 0.2
            if done:
                highest = max(highest, value)
            if value < lowest:
                lowest, best_done = value, done
                best[:] = theta
        if best[0] < 0.0:
            best[0], best[1] = -best[0], -best[1]
        best[2] = abs(best[2])
        theta[:] = best
        if theta[0] * widths[0] < 1e-3:
            theta[0] = 0.0
        if theta[2] * widths[1] < 1e-3:
            theta[2] = 0.0
        value, r2 = evaluate(
            theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
        )
        if value > lowest + 1e-9:
            theta[:] = best
            value, r2 = evaluate(
                theta, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
            )
        _to_theta(theta, first, second, gradient, hessian)
        found[r, :3] = theta
        found[r, 3], found[r, 4], found[r, 5] = value, r2, 1.0 if best_done else 0.0
        found[r, 6], found[r, 7] = tried, highest - lowest
        found[r, 8] = 1.0 if theta[0] * widths[0] < 1e-4 or theta[2] * widths[1] < 1e-4 else 0.0
        for i in range(p):
            value = 0.0
            for j in range(i, p):
                value += inverse[j, i] * k[p, j]
            found[r, N_OUT + i] = value
            for j in range(p):
                turns[r, i, j] = inverse[i, j]
                o0, o1, o2 = outer[0, i, j], outer[1, i, j], outer[2, i, j]
                scores[r, i, j, 0] = 2.0 * theta[0] * o0 + theta[1] * o1
                scores[r, i, j, 1] = theta[0] * o1 + 2.0 * theta[1] * o2
                scores[r, i, j, 2] = 2.0 * theta[2] * o2
        hessians[r, :3, :3] = hessian
        hessians[r, 3, 3] = 4.0 * nu
        s0 = 2.0 * theta[0] * r2_first[0] + theta[1] * r2_first[1]
        s1 = theta[0] * r2_first[1] + 2.0 * theta[1] * r2_first[2]
        s2 = 2.0 * theta[2] * r2_first[2]
        share = -2.0 * nu / r2
        hessians[r, 0, 3] = hessians[r, 3, 0] = share * s0
        hessians[r, 1, 3] = hessians[r, 3, 1] = share * s1
        hessians[r, 2, 3] = hessians[r, 3, 2] = share * s2


@_quick
def group_parts(z, starts, a, solve):  # type: ignore[no-untyped-def]
    """Fill a11, a12, a22, |A| (4, m) and the pseudo-inverse of A (3, m) of every group; return the sum of ranks."""
    rank = 0
    for i in range(starts.size - 1):
        a11, a12, a22 = 0.0, 0.0, 0.0
        for t in range(starts[i], starts[i + 1]):
            a11 += z[t, 0] * z[t, 0]
            a12 += z[t, 0] * z[t, 1]
            a22 += z[t, 1] * z[t, 1]
        slope = a12 / a11 if a11 > 0.0 else 0.0
        rest = 0.0
        for t in range(starts[i], starts[i + 1]):
            rest += (z[t, 1] - slope * z[t, 0]) ** 2
        if rest <= 1e-20 * a22 or starts[i + 1] - starts[i] < 2:
            rest = 0.0
        a[0, i], a[1, i], a[2, i], a[3, i] = a11, a12, a22, a11 * rest
        if a11 > 0.0 and rest > 0.0:
            rank += 2
            solve[0, i], solve[1, i], solve[2, i] = 1.0 / a11 + slope * slope / rest, -slope / rest, 1.0 / rest
        elif a11 > 0.0:
            rank += 1
            size = 1.0 / (a11 * (1.0 + slope * slope) ** 2)
            solve[0, i], solve[1, i], solve[2, i] = size, size * slope, size * slope * slope
        else:
            rank += a22 > 0.0
            solve[0, i], solve[1, i], solve[2, i] = 0.0, 0.0, 1.0 / a22 if a22 > 0.0 else 0.0
    return rank


@_quick
def project(z, starts, solve, values, d):  # type: ignore[no-untyped-def]
    """Fill d (k, 2, m) of every row of values (k, n), and replace the row by what Z leaves of it within groups."""
    for r in range(values.shape[0]):
        for i in range(starts.size - 1):
            b0, b1 = 0.0, 0.0
            for t in range(starts[i], starts[i + 1]):
                b0 += z[t, 0] * values[r, t]
                b1 += z[t, 1] * values[r, t]
            d0 = solve[0, i] * b0 + solve[1, i] * b1
            d1 = solve[1, i] * b0 + solve[2, i] * b1
            d[r, 0, i], d[r, 1, i] = d0, d1
            for t in range(starts[i], starts[i + 1]):
                values[r, t] -= z[t, 0] * d0 + z[t, 1] * d1
