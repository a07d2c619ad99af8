"""Many responses with one random effect per group: all groups of one size act as one.

With s_i = z_i'[Q y] and a_i = z_i'z_i (the size of the group for a random intercept), V_i = I + g z_i z_i' has
``log|V| = sum log(1 + a_i g)`` and ``[Q y]' V^-1 [Q y] = W + sum s_i s_i' / (a_i (1 + a_i g))``, W the cross-products
within groups. The sums run over the distinct a_i, so that a response costs a few dozen operations a value of g. The
derivative of the profiled deviance is laid over a grid of g from 0 to where the residual variance vanishes beside the
groups'; each change of sign is followed to its root and the lowest minimum taken, zero included, so that a second
maximum of the likelihood is missed only within one step of the grid (a factor of 1.6 in g).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed.compiled import compiled
from lumier_analysis.mixed.panel_rows import PanelRows

Floats = npt.NDArray[np.float64]

# Grid of g times the mean of a_i, which is the reliability's odds.
_GRID = np.r_[0.0, 10.0 ** np.arange(-5.0, 6.01, 0.2), 10.0 ** np.arange(7.0, 14.0)]


@compiled
def _factor(k, lower, inverse):  # type: ignore[no-untyped-def]
    """Fill the Cholesky factor of k and its inverse; return log|k|, NaN where k is not positive definite."""
    p = k.shape[0]
    logdet = 0.0
    for i in range(p):
        for j in range(i + 1):
            value = k[i, j]
            for t in range(j):
                value -= lower[i, t] * lower[j, t]
            if i == j:
                if not value > 0.0:
                    return np.nan
                lower[i, i] = math.sqrt(value)
                logdet += math.log(value)
            else:
                lower[i, j] = value / lower[j, j]
    for j in range(p):
        for i in range(j, p):
            value = 1.0 if i == j else 0.0
            for t in range(j, i):
                value -= lower[i, t] * inverse[t, j]
            inverse[i, j] = value / lower[i, i]
    return logdet


@compiled
def _grid_parts(grid, a, counts, xx, within, restricted):  # type: ignore[no-untyped-def]
    """Return what all responses share on the grid: (X'V^-1X)^-1, its derivative before inversion, that of the rest."""
    n_grid, n_class, p = grid.size, a.size, within.shape[0]
    inverses, slopes = np.zeros((n_grid, p, p)), np.zeros((n_grid, p, p))
    drift = np.zeros(n_grid)
    weight, bend = np.empty((n_grid, n_class)), np.empty((n_grid, n_class))
    lower, half = np.zeros((p, p)), np.zeros((p, p))
    for k in range(n_grid):
        total = within.copy()
        for d in range(n_class):
            share = 1.0 / (1.0 + a[d] * grid[k])
            weight[k, d] = share / a[d]
            bend[k, d] = -share * share
            drift[k] += counts[d] * a[d] * share
            total += weight[k, d] * xx[d]
            slopes[k] += bend[k, d] * xx[d]
        _factor(total, lower, half)
        for i in range(p):
            for j in range(p):
                for t in range(max(i, j), p):
                    inverses[k, i, j] += half[t, i] * half[t, j]
        if restricted:
            for i in range(p):
                for j in range(p):
                    drift[k] += inverses[k, i, j] * slopes[k, i, j]
    return inverses, slopes, drift, weight, bend


@compiled
def _at(g, a, counts, xx, within, xy, yy, xy_within, yy_within, nu, restricted, phi, slope, beta):  # type: ignore[no-untyped-def]
    """Fill (X'V^-1X)^-1, dX'V^-1X/dg and the coefficients; return the deviance and its derivatives at g.

    Returns
    -------
    deviance, r2, first, r2_first, second : float
        `second` holds the residual variance at r2 / nu; that of the profiled deviance is
        ``second - nu (r2_first / r2)^2``.
    """
    n_class, p = a.size, within.shape[0]
    k0, k2 = within.copy(), np.zeros((p, p))
    u0, u1, u2 = xy_within.copy(), np.zeros(p), np.zeros(p)
    y0, y1, y2 = yy_within, 0.0, 0.0
    slope[:, :] = 0.0
    deviance, first, second = 0.0, 0.0, 0.0
    for d in range(n_class):
        share = 1.0 / (1.0 + a[d] * g)
        deviance += counts[d] * math.log1p(a[d] * g)
        first += counts[d] * a[d] * share
        second -= counts[d] * (a[d] * share) ** 2
        w0, w1, w2 = share / a[d], -share * share, 2.0 * a[d] * share**3
        y0 += w0 * yy[d]
        y1 += w1 * yy[d]
        y2 += w2 * yy[d]
        for i in range(p):
            u0[i] += w0 * xy[d, i]
            u1[i] += w1 * xy[d, i]
            u2[i] += w2 * xy[d, i]
            for j in range(p):
                k0[i, j] += w0 * xx[d, i, j]
                slope[i, j] += w1 * xx[d, i, j]
                k2[i, j] += w2 * xx[d, i, j]
    lower, half = np.zeros((p, p)), np.zeros((p, p))
    logdet = _factor(k0, lower, half)
    for i in range(p):
        for j in range(p):
            phi[i, j] = 0.0
            for t in range(max(i, j), p):
                phi[i, j] += half[t, i] * half[t, j]
    r2, r2_first, r2_second = y0, y1, y2
    for i in range(p):
        beta[i] = 0.0
        for j in range(p):
            beta[i] += phi[i, j] * u0[j]
        r2 -= beta[i] * u0[i]
    rest = -u1
    for i in range(p):
        r2_first -= 2.0 * beta[i] * u1[i]
        r2_second -= 2.0 * beta[i] * u2[i]
        for j in range(p):
            r2_first += beta[i] * slope[i, j] * beta[j]
            r2_second += beta[i] * k2[i, j] * beta[j]
            rest[i] += slope[i, j] * beta[j]
    for i in range(p):
        for j in range(p):
            r2_second -= 2.0 * rest[i] * phi[i, j] * rest[j]
    deviance += nu * math.log(r2)
    first += nu * r2_first / r2
    second += nu * r2_second / r2
    if restricted:
        deviance += logdet
        moved = phi @ slope
        for i in range(p):
            for j in range(p):
                first += phi[i, j] * slope[i, j]
                second += phi[i, j] * k2[i, j] - moved[i, j] * moved[j, i]
    return deviance, r2, first, r2_first, second


@compiled
def _fit(  # type: ignore[no-untyped-def]
    unit, z, starts, sums, length2, basis_within, class_of, a, counts, xx, within, within_inverse, back, nu, restricted,
    grid, estimate, se, df, out,
):  # fmt: skip
    """Fill coefficients, standard errors, df and (variance ratio, r2, deviance, converged) of every response.

    Coefficients are added to those of least squares that `estimate` comes with, all in units of the residuals' length.
    """
    n_responses, n_groups = unit.shape[0], starts.size - 1
    n_class, p, n_grid = a.size, within.shape[0], grid.size
    inverses, slopes, drift, weight, bend = _grid_parts(grid, a, counts, xx, within, restricted)
    xy, yy, xy_within = np.empty((n_class, p)), np.empty(n_class), np.empty(p)
    phi, slope, beta, v = np.empty((p, p)), np.empty((p, p)), np.empty(p), np.empty(p)
    u0, u1, sign = np.empty(p), np.empty(p), np.empty(n_grid)
    for r in range(n_responses):
        xy[:, :] = 0.0
        yy[:] = 0.0
        xy_within[:] = 0.0
        yy_within = 0.0
        for i in range(n_groups):
            b = 0.0
            for t in range(starts[i], starts[i + 1]):
                b += z[t] * unit[r, t]
            mean = b / length2[i] if length2[i] > 0.0 else 0.0
            for t in range(starts[i], starts[i + 1]):
                rest = unit[r, t] - z[t] * mean
                yy_within += rest * rest
                for j in range(p):
                    xy_within[j] += basis_within[t, j] * rest
            d = class_of[i]
            if d >= 0:
                yy[d] += b * b
                for j in range(p):
                    xy[d, j] += sums[i, j] * b
        for k in range(n_grid):
            y0, y1 = yy_within, 0.0
            u0[:] = xy_within
            u1[:] = 0.0
            for d in range(n_class):
                y0 += weight[k, d] * yy[d]
                y1 += bend[k, d] * yy[d]
                for j in range(p):
                    u0[j] += weight[k, d] * xy[d, j]
                    u1[j] += bend[k, d] * xy[d, j]
            for i in range(p):
                v[i] = 0.0
                for j in range(p):
                    v[i] += inverses[k, i, j] * u0[j]
                y0 -= v[i] * u0[i]
            for i in range(p):
                y1 -= 2.0 * v[i] * u1[i]
                for j in range(p):
                    y1 += v[i] * slopes[k, i, j] * v[j]
            sign[k] = drift[k] + nu * y1 / y0
        best, best_g, converged = np.inf, 0.0, True
        if sign[0] >= 0.0:
            best = _at(
                0.0, a, counts, xx, within, xy, yy, xy_within, yy_within, nu, restricted, phi, slope, beta
            )[0]  # fmt: skip
        for k in range(n_grid - 1):
            if not (sign[k] < 0.0 and sign[k + 1] >= 0.0):
                continue
            low, high = grid[k], grid[k + 1]
            g = math.sqrt(low * high) if low > 0.0 else 0.5 * high
            done = False
            deviance = np.inf
            for _ in range(100):
                deviance, r2, first, r2_first, second = _at(
                    g, a, counts, xx, within, xy, yy, xy_within, yy_within, nu, restricted, phi, slope, beta
                )  # fmt: skip
                if first < 0.0:
                    low = g
                else:
                    high = g
                curvature = second - nu * (r2_first / r2) ** 2
                step = -first / curvature if curvature > 0.0 else np.inf
                if abs(step) <= 1e-12 * (g + 1e-6 * grid[1]) or high - low <= 1e-14 * high:
                    done = True
                    break
                g = g + step if low < g + step < high else 0.5 * (low + high)
            if deviance < best:
                best, best_g, converged = deviance, g, done
        if not best < np.inf:
            best_g, converged = grid[n_grid - 1], False
        deviance, r2, first, r2_first, second = _at(
            best_g, a, counts, xx, within, xy, yy, xy_within, yy_within, nu, restricted, phi, slope, beta
        )  # fmt: skip
        out[r, 0], out[r, 1], out[r, 2], out[r, 3] = best_g, r2, deviance, 1.0 if converged else 0.0
        out[r, 4] = yy_within - xy_within @ (within_inverse @ xy_within)
        # Observed Hessian in (theta, sigma), theta^2 = g, with sigma as the unit of length.
        theta = math.sqrt(best_g)
        h11 = 2.0 * first + 4.0 * best_g * second
        h12 = -4.0 * theta * nu * r2_first / r2
        h22 = 4.0 * nu
        for c in range(p):
            value, change = 0.0, 0.0
            for i in range(p):
                v[i] = 0.0
                for j in range(p):
                    v[i] += phi[i, j] * back[c, j]
                value += v[i] * back[c, i]
                estimate[r, c] += back[c, i] * beta[i]
            for i in range(p):
                for j in range(p):
                    change -= v[i] * slope[i, j] * v[j]
            g1, g2 = 2.0 * theta * change, 2.0 * value
            spread = _quadratic(h11, h12, h22, g1, g2)
            se[r, c] = math.sqrt(value * r2 / nu)
            df[r, c] = value * value / spread if spread > 0.0 else np.inf


@compiled
def _quadratic(h11, h12, h22, g1, g2):  # type: ignore[no-untyped-def]
    """Return g' H^+ g; directions in which H, in correlation form, is not positive are left out, as in lmerTest."""
    s1, s2 = math.sqrt(abs(h11)), math.sqrt(h22)
    if s1 == 0.0:
        return g2 * g2 / h22
    d1, r = h11 / (s1 * s1), h12 / (s1 * s2)
    g1, g2 = g1 / s1, g2 / s2
    if d1 > 0.0 and 1.0 - abs(r) > 1e-9:
        return (g1 * g1 - 2.0 * r * g1 * g2 + g2 * g2) / (1.0 - r * r)
    # One eigenvalue is positive: that of the eigenvector (r, large - d1).
    large = 0.5 * (d1 + 1.0) + math.hypot(0.5 * (d1 - 1.0), r)
    e1, e2 = (r, large - d1) if r != 0.0 else (0.0, 1.0)
    return (e1 * g1 + e2 * g2) ** 2 / ((e1 * e1 + e2 * e2) * large)


class InterceptPanel:
    """Fits responses on the same rows with one random effect per group; see `PanelRows`."""

    def __init__(self, shared: PanelRows, *, reml: bool) -> None:
        n, p = shared.basis.shape
        z = np.ascontiguousarray(shared.z[:, 0])
        sums = shared.group_sums(shared.basis * z[:, None])
        length2 = shared.group_sums(z**2)
        group = np.repeat(np.arange(shared.n_groups), np.diff(shared.starts))
        slope = np.divide(sums, length2[:, None], out=np.zeros_like(sums), where=length2[:, None] > 0)
        within = np.ascontiguousarray(shared.basis - z[:, None] * slope[group])
        a, class_of = np.unique(length2, return_inverse=True)
        xx = np.zeros((a.size, p, p))
        np.add.at(xx, class_of, sums[:, :, None] * sums[:, None, :])
        counts = np.bincount(class_of).astype(np.float64)
        if a[0] == 0:  # groups without a value of the random effect
            a, xx, counts, class_of = a[1:], xx[1:], counts[1:], class_of - 1
        nu, product = float(n - p if reml else n), within.T @ within
        grid = _GRID / float(length2.mean())
        self._shared, self._nu, self._reml = shared, nu, reml
        self._arguments = (
            z, shared.starts, sums, length2, within, class_of.astype(np.intp), a, counts, xx, product,
            np.linalg.pinv(product, rcond=1e-12, hermitian=True), shared.back, nu, reml, grid,
        )  # fmt: skip

    def fit(self, unit: Floats) -> dict[str, Floats]:
        """Fit residuals of length 1, one row a response.

        Returns
        -------
        dict of ndarray
            shift, se, df (k, p): change of the coefficients from least squares, in units of the residuals' length;
            theta (k, 1); r2, deviance (without constants), converged (k,); least (k,): what group effects taken as
            fixed leave of the residuals.
        """
        k, p = unit.shape[0], self._shared.basis.shape[1]
        shift, se, df, out = np.zeros((k, p)), np.empty((k, p)), np.empty((k, p)), np.empty((k, 5))
        _fit(np.ascontiguousarray(unit), *self._arguments, shift, se, df, out)
        return {
            "shift": shift, "se": se, "df": df, "theta": np.sqrt(out[:, :1]), "r2": out[:, 1], "deviance": out[:, 2],
            "converged": out[:, 3], "least": out[:, 4],
        }  # fmt: skip
