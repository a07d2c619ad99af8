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

from lumier_analysis.mixed.panel_compiled import quick

#: Entries of a result row of `fit_rows`.
N_OUT = 9
# The gradient matrix of the deviance in G may have no eigenvalue below minus this: a gain of less than 1e-8.
_TOLERANCE = 1e-4
_MOST_STEPS = 150


@quick
def _c_blocks(a, g11, g12, g22, g_det, c, det):  # type: ignore[no-untyped-def]
    """Fill C (3, m) and |I + A G| (m,); a holds a11, a12, a22, |A|."""
    a11, a12, a22, size = a[0], a[1], a[2], a[3]
    c11, c12, c22 = c[0], c[1], c[2]
    for i in range(det.size):
        value = 1.0 + a11[i] * g11 + 2.0 * a12[i] * g12 + a22[i] * g22 + size[i] * g_det
        share = 1.0 / value
        det[i] = value
        c11[i] = (a11[i] + size[i] * g22) * share
        c12[i] = (a12[i] - size[i] * g12) * share
        c22[i] = (a22[i] + size[i] * g11) * share


@quick
def _apply(c, d, e):  # type: ignore[no-untyped-def]
    """Fill E = C d of one column, shapes (2, m)."""
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
def _add(f, e, weight):  # type: ignore[no-untyped-def]
    f0, f1, e0, e1 = f[0], f[1], e[0], e[1]
    for i in range(f0.size):
        f0[i] += weight * e0[i]
        f1[i] += weight * e1[i]


@quick
def _add_square(rest, f, weight):  # type: ignore[no-untyped-def]
    r11, r12, r22, f0, f1 = rest[0], rest[1], rest[2], f[0], f[1]
    for i in range(f0.size):
        r11[i] += weight * f0[i] * f0[i]
        r12[i] += weight * f0[i] * f1[i]
        r22[i] += weight * f1[i] * f1[i]


@quick
def _outer(f, h):  # type: ignore[no-untyped-def]
    """Return ``sum f' S_k h`` for the elements 11, 12 (both places) and 22 of G."""
    f0, f1, h0, h1 = f[0], f[1], h[0], h[1]
    s11, s12, s22 = 0.0, 0.0, 0.0
    for i in range(f0.size):
        s11 += f0[i] * h0[i]
        s12 += f0[i] * h1[i] + f1[i] * h0[i]
        s22 += f1[i] * h1[i]
    return s11, s12, s22


@quick
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


@quick
def _trace(c):  # type: ignore[no-untyped-def]
    c11, c12, c22 = c[0], c[1], c[2]
    s11, s12, s22 = 0.0, 0.0, 0.0
    for i in range(c11.size):
        s11 += c11[i]
        s12 += 2.0 * c12[i]
        s22 += c22[i]
    return s11, s12, s22


@quick
def _log_product(det):  # type: ignore[no-untyped-def]
    total, product = 0.0, 1.0
    for i in range(det.size):
        product *= det[i]
        if product > 1e200:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@quick
def evaluate(g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second):  # type: ignore[no-untyped-def]
    """Return the deviance and r2 at G, given as g11, g12, g22, |G|, and fill derivatives in its elements 11, 12, 22.

    `second` holds the residual variance at r2 / nu. `inverse` becomes L^-1 of X'V^-1X = L L', `k` in its last row the
    coefficients, `outer` ``sum F' S_k F`` with F = E [L^-T, (-beta, 1)].
    """
    p = w.shape[0] - 1
    _c_blocks(a, g[0], g[1], g[2], g[3], c, det)
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


@quick
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


@quick
def _newton_step(hessian, gradient, step):  # type: ignore[no-untyped-def]
    """Fill the step -H^-1 g; return whether H is positive definite."""
    l00 = hessian[0, 0]
    if not l00 > 0.0:
        return False
    l10, l20 = hessian[1, 0] / l00, hessian[2, 0] / l00
    d1 = hessian[1, 1] - l10 * l10 * l00
    if not d1 > 1e-9 * hessian[1, 1]:
        return False
    l21 = (hessian[2, 1] - l20 * l10 * l00) / d1
    d2 = hessian[2, 2] - l20 * l20 * l00 - l21 * l21 * d1
    if not d2 > 1e-9 * hessian[2, 2]:
        return False
    y0 = -gradient[0]
    y1 = -gradient[1] - l10 * y0
    y2 = -gradient[2] - l20 * y0 - l21 * y1
    step[2] = y2 / d2
    step[1] = y1 / d1 - l21 * step[2]
    step[0] = y0 / l00 - l10 * step[1] - l20 * step[2]
    return True


@quick
def _bent_step(hessian, gradient, radius, step):  # type: ignore[no-untyped-def]
    """Fill a step downhill in which curvatures count by their size; a direction that curves down is always entered."""
    values, vectors = np.linalg.eigh(hessian)
    flat = 1e-9 * max(abs(values[0]), abs(values[2])) + 1e-300
    step[:] = 0.0
    for i in range(3):
        along = 0.0
        for j in range(3):
            along += vectors[j, i] * gradient[j]
        move = -along / max(abs(values[i]), flat)
        push = min(0.25, radius)
        if values[i] < -1e3 * flat and abs(move) < push:
            move = -push if along > 0.0 else push
        for j in range(3):
            step[j] += move * vectors[j, i]


@quick
def _promise(gradient, hessian, step):  # type: ignore[no-untyped-def]
    """Return the decrease that the quadratic model promises for a step."""
    total = 0.0
    for i in range(3):
        total -= gradient[i] * step[i]
        for j in range(3):
            total -= 0.5 * step[i] * hessian[i, j] * step[j]
    return total


@quick
def _settle(factor, g):  # type: ignore[no-untyped-def]
    """Make the columns of the factor of G orthogonal, the longer one first, and fill g11, g12, g22, |G|."""
    f = factor
    alpha = f[0, 0] * f[0, 0] + f[1, 0] * f[1, 0]
    beta = f[0, 1] * f[0, 1] + f[1, 1] * f[1, 1]
    gamma = f[0, 0] * f[0, 1] + f[1, 0] * f[1, 1]
    angle = 0.5 * math.atan2(2.0 * gamma, alpha - beta)
    cos, sin = math.cos(angle), math.sin(angle)
    for i in range(2):
        left, right = f[i, 0], f[i, 1]
        f[i, 0], f[i, 1] = cos * left + sin * right, cos * right - sin * left
    g[0] = f[0, 0] * f[0, 0] + f[0, 1] * f[0, 1]
    g[1] = f[0, 0] * f[1, 0] + f[0, 1] * f[1, 1]
    g[2] = f[1, 0] * f[1, 0] + f[1, 1] * f[1, 1]
    g[3] = (f[0, 0] * f[1, 1] - f[0, 1] * f[1, 0]) ** 2


@quick
def _axes(factor):  # type: ignore[no-untyped-def]
    """Return cosine and sine of the first axis of G, and its standard deviations along both axes."""
    s1 = math.hypot(factor[0, 0], factor[1, 0])
    if not s1 > 0.0:
        return 1.0, 0.0, 0.0, 0.0
    cos, sin = factor[0, 0] / s1, factor[1, 0] / s1
    return cos, sin, s1, cos * factor[1, 1] - sin * factor[0, 1]


@quick
def _descend(factor, g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second):  # type: ignore[no-untyped-def]
    """Move the factor of G to a stationary point by Newton steps in a trust region; return deviance and success.

    A step is taken in the entries of a lower triangular factor on the axes of G, which no near-singular G distorts;
    on fixed axes the entries bend into one another where the first variance is small.
    """
    gradient, hessian, step, theta = np.empty(3), np.empty((3, 3)), np.empty(3), np.empty(3)
    turn, turned, trial, trial_g = np.empty((3, 3)), np.empty(3), np.empty((2, 2)), np.empty(4)
    _settle(factor, g)
    value, r2 = evaluate(g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second)
    if not value < np.inf:
        return value, False
    radius, last, fresh, definite = 2.0, np.inf, True, True
    cos, sin = 1.0, 0.0
    for _ in range(_MOST_STEPS):
        if fresh:
            cos, sin, theta[0], theta[2] = _axes(factor)
            theta[1] = 0.0
            # Elements of G from those on its axes.
            turn[0, 0], turn[0, 1], turn[0, 2] = cos * cos, -2.0 * cos * sin, sin * sin
            turn[1, 0], turn[1, 1], turn[1, 2] = cos * sin, cos * cos - sin * sin, -cos * sin
            turn[2, 0], turn[2, 1], turn[2, 2] = sin * sin, 2.0 * cos * sin, cos * cos
            share = nu / (r2 * r2)
            for i in range(3):
                turned[i] = 0.0
                for j in range(3):
                    turned[i] += turn[j, i] * first[j]
                    hessian[i, j] = second[i, j] - share * r2_first[i] * r2_first[j]
            profiled = turn.T @ hessian @ turn
            _to_theta(theta, turned, profiled, gradient, hessian)
            fresh = False
        definite = _newton_step(hessian, gradient, step)
        if not definite:
            _bent_step(hessian, gradient, radius, step)
        length = math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
        if length > radius:
            step *= radius / length
            length = radius
        promise = _promise(gradient, hessian, step)
        polish = definite and promise < 1e-8
        if promise < 1e-18 or (polish and (promise < 1e-16 or promise > 0.5 * last)):
            return value, True
        t0, t1, t2 = theta[0] + step[0], step[1], theta[2] + step[2]
        trial[0, 0], trial[0, 1] = cos * t0 - sin * t1, -sin * t2
        trial[1, 0], trial[1, 1] = sin * t0 + cos * t1, cos * t2
        _settle(trial, trial_g)
        new, new_r2 = evaluate(
            trial_g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
        )
        if polish:
            # What such a step promises is below the rounding error of the deviance.
            if not new < value + 1e-8:
                return value, True
            last = promise
        else:
            last = np.inf
            ratio = (value - new) / promise
            if not ratio > 0.1:
                radius = 0.3 * length
                if radius < 1e-10:
                    return value, False
                if not ratio > 0.0:
                    continue
            elif ratio > 0.7:
                radius = max(radius, 3.0 * length)
        factor[:] = trial
        g[:] = trial_g
        value, r2, fresh = new, new_r2, True
    return value, False


@quick
def _least_direction(first):  # type: ignore[no-untyped-def]
    """Return the least eigenvalue of the gradient matrix in G, and its eigenvector."""
    d11, d12, d22 = first[0], 0.5 * first[1], first[2]
    least = 0.5 * (d11 + d22) - math.hypot(0.5 * (d11 - d22), d12)
    v0, v1 = (d12, least - d11) if abs(least - d11) > abs(least - d22) else (least - d22, d12)
    size = math.hypot(v0, v1)
    if size == 0.0:
        return least, 1.0, 0.0
    return least, v0 / size, v1 / size


@quick
def _lower(factor, theta):  # type: ignore[no-untyped-def]
    """Fill the lower triangular factor of the same G, its diagonal not negative."""
    theta[0] = math.hypot(factor[0, 0], factor[0, 1])
    if theta[0] > 0.0:
        cos, sin = factor[0, 0] / theta[0], factor[0, 1] / theta[0]
        theta[1] = cos * factor[1, 0] + sin * factor[1, 1]
        theta[2] = abs(cos * factor[1, 1] - sin * factor[1, 0])
    else:
        theta[1], theta[2] = 0.0, math.hypot(factor[1, 0], factor[1, 1])


@quick
def _elements(theta, g):  # type: ignore[no-untyped-def]
    g[0], g[1] = theta[0] * theta[0], theta[0] * theta[1]
    g[2], g[3] = theta[1] * theta[1] + theta[2] * theta[2], (theta[0] * theta[2]) ** 2


@quick
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
    gradient, hessian, theta, g = np.empty(3), np.empty((3, 3)), np.empty(3), np.empty(4)
    factor, trial, best = np.empty((2, 2)), np.empty((2, 2)), np.empty((2, 2))
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
            factor[0, 0], factor[0, 1], factor[1, 0], factor[1, 1] = (
                starts[r, s, 0],
                0.0,
                starts[r, s, 1],
                starts[r, s, 2],
            )
            value, done = np.inf, False
            for _ in range(4):
                value, done = _descend(
                    factor, g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
                )
                # A stationary point on the boundary is a minimum only if no way into the cone leads down.
                value, r2 = evaluate(
                    g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
                )
                least, v0, v1 = _least_direction(first)
                if not done or least >= -_TOLERANCE:
                    break
                done = False
                length = 1.0
                while length > 1e-5:
                    trial[:, 0] = factor[:, 0]
                    trial[0, 1], trial[1, 1] = length * v0, length * v1
                    _settle(trial, g)
                    new, r2 = evaluate(
                        g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
                    )
                    if new < value:
                        break
                    length *= 0.3
                factor[:] = trial
            if done:
                highest = max(highest, value)
            if value < lowest:
                lowest, best_done = value, done
                best[:] = factor
        _lower(best, theta)
        if theta[0] * widths[0] < 1e-3:
            theta[0] = 0.0
        if theta[2] * widths[1] < 1e-3:
            theta[2] = 0.0
        _elements(theta, g)
        value, r2 = evaluate(g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second)
        if value > lowest + 1e-9:
            _lower(best, theta)
            _elements(theta, g)
            value, r2 = evaluate(
                g, a, d, w, nu, restricted, c, det, e, f, rest, k, inverse, outer, first, r2_first, second
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
