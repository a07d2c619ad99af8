"""Local polynomial regression as in loess (Cleveland 1979), computed directly at every point asked for."""

from __future__ import annotations

import numpy as np

from lumier_analysis.performance.arrays import Floats

# Rows x evaluation points held at once (a few arrays of this size).
_CHUNK = 2_000_000
# Relative cut-off of the local normal equations: directions that the neighbourhood does not determine (few distinct
# x) are left out, as in the pseudo-inverse of the original code.
_RCOND = 1e-10


def loess(x: Floats, y: Floats, at: Floats, *, span: float = 0.75, degree: int = 2) -> Floats:
    """Return the fitted values of a tricube-weighted local polynomial, shape (len(at),).

    The neighbourhood of a point are its ``floor(span * n)`` nearest rows and its radius the distance to the last of
    them. R's default blends values between the vertices of a k-d tree; the direct computation differs from that in
    the third digit.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
    at : ndarray of float, shape (m,)
        Points at which the curve is wanted, within the range of x.
    span : float
        Share of rows in a neighbourhood, in (0, 1].
    degree : {0, 1, 2}
        Degree of the local polynomial.
    """
    q = int(np.clip(np.floor(span * x.size + 1e-5), 1, x.size))
    points, back = np.unique(at, return_inverse=True)
    fitted = np.empty(points.size)
    step = max(1, _CHUNK // x.size)
    for start in range(0, points.size, step):
        here = points[start : start + step, None]
        offset = x[None, :] - here
        distance = np.abs(offset)
        radius = np.partition(distance, q - 1, axis=1)[:, q - 1 : q]
        # More than a neighbourhood of equal x: their mean.
        radius = np.where(radius > 0, radius, 1.0)
        u = offset / radius
        weight = np.clip(1 - np.abs(u) ** 3, 0, None) ** 3
        powers = [weight * u**p for p in range(2 * degree + 1)]
        moments = np.stack([w.sum(axis=1) for w in powers], axis=1)
        index = np.add.outer(np.arange(degree + 1), np.arange(degree + 1))
        right = np.stack([powers[p] @ y for p in range(degree + 1)], axis=1)
        inverse = np.linalg.pinv(moments[:, index], rcond=_RCOND, hermitian=True)
        fitted[start : start + step] = np.einsum("ij,ij->i", inverse[:, 0, :], right)
    return fitted[back]
