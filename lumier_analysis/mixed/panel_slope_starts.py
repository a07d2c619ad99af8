"""Starts for many responses with two random effects: the deviance of all of them on one grid, by matrix products.

At a given G everything but y is the same for all responses, and the deviance of a response needs the products of a few
sums over groups with fixed weights. Every response starts from each local minimum of its deviance on the grid, so that
a likelihood with several maxima is searched from several sides.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed.compiled import compiled

Floats = npt.NDArray[np.float64]

# Standard deviations of the orthonormal effects beside the residual's, and their correlations.
_LEVELS = np.array([0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0])
_CORRELATIONS = np.array([-0.99, -0.8, -0.3, 0.3, 0.8, 0.99])
#: Starts of a response at most.
MOST_STARTS = 8


class StartGrid:
    """The grid for the responses of one set of rows.

    Parameters
    ----------
    a, d_x, w_xx : ndarray, shapes (4, m), (p, 2, m), (p, p)
        As in `panel_slope_kernels`.
    nu : float
    restricted : bool
    """

    def __init__(self, a: Floats, d_x: Floats, w_xx: Floats, nu: float, restricted: bool) -> None:
        s1, s2, r = (part.ravel() for part in np.meshgrid(_LEVELS, _LEVELS, _CORRELATIONS, indexing="ij"))
        self.theta = np.column_stack([s1, r * s2, np.sqrt(1 - r**2) * s2])
        g11, g12, g22 = s1**2, r * s1 * s2, s2**2
        det = (
            1 + np.outer(g11, a[0]) + 2 * np.outer(g12, a[1]) + np.outer(g22, a[2]) + np.outer(g11 * g22 - g12**2, a[3])
        )
        c11 = (a[0] + np.outer(g22, a[3])) / det
        c12 = (a[1] - np.outer(g12, a[3])) / det
        c22 = (a[2] + np.outer(g11, a[3])) / det
        e0 = c11[:, None] * d_x[:, 0] + c12[:, None] * d_x[:, 1]
        e1 = c12[:, None] * d_x[:, 0] + c22[:, None] * d_x[:, 1]
        k = w_xx + e0 @ d_x[:, 0].T + e1 @ d_x[:, 1].T
        lower = np.linalg.cholesky(k)
        constant = np.log(det).sum(axis=1)
        if restricted:
            constant += 2 * np.log(np.einsum("kii->ki", lower)).sum(axis=1)
        self._constant, self._nu, self._p = constant, nu, len(w_xx)
        self._half = np.linalg.inv(lower)
        # L^-1 X'V^-1y = L^-1 (X'y within) + sum over groups of fixed weights times d_y.
        self._linear = np.concatenate([self._half @ e0, self._half @ e1], axis=2).reshape(len(s1) * self._p, -1)
        self._square = np.concatenate([c11, c12, c22], axis=1)

    def deviances(self, d_y: Floats, xy_within: Floats, yy_within: Floats) -> Floats:
        """Return the deviance without constants of every response at every point, shape (k, points)."""
        d0, d1 = d_y[:, 0], d_y[:, 1]
        r2 = yy_within[:, None] + np.concatenate([d0 * d0, 2 * d0 * d1, d1 * d1], axis=1) @ self._square.T
        half = d_y.reshape(len(d_y), -1) @ self._linear.T
        half += xy_within @ self._half.reshape(-1, self._p).T
        half = half.reshape(len(d_y), -1, self._p)
        r2 -= np.einsum("kgp,kgp->kg", half, half)
        return self._constant + self._nu * np.log(np.maximum(r2, 1e-14))

    def starts(self, d_y: Floats, xy_within: Floats, yy_within: Floats) -> Floats:
        """Return the local minima on the grid, best first, as theta, shape (k, MOST_STARTS, 3); NaN: no more."""
        shape = (len(_LEVELS), len(_LEVELS), len(_CORRELATIONS))
        deviances = self.deviances(d_y, xy_within, yy_within)
        places = _local_minima(deviances.reshape(-1, *shape), MOST_STARTS)
        return np.where((places >= 0)[:, :, None], self.theta[places], np.nan)


@compiled
def _local_minima(values, most):  # type: ignore[no-untyped-def]
    """Return the flat places of the lowest local minima of every response, shape (k, most); -1: no more."""
    n, n1, n2, n3 = values.shape
    out = np.full((n, most), -1)
    best = np.empty(most)
    for r in range(n):
        best[:] = np.inf
        for i in range(n1):
            for j in range(n2):
                for k in range(n3):
                    value, lowest = values[r, i, j, k], True
                    for x in range(max(i - 1, 0), min(i + 2, n1)):
                        for y in range(max(j - 1, 0), min(j + 2, n2)):
                            for z in range(max(k - 1, 0), min(k + 2, n3)):
                                if values[r, x, y, z] < value:
                                    lowest = False
                    if not lowest or not value < best[most - 1]:
                        continue
                    place = most - 1
                    while place > 0 and best[place - 1] > value:
                        best[place] = best[place - 1]
                        out[r, place] = out[r, place - 1]
                        place -= 1
                    best[place] = value
                    out[r, place] = (i * n2 + j) * n3 + k
    return out
