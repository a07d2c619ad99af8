"""Many responses with two random effects per group, such as intercept and slope: fit and Satterthwaite's df."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed import panel_slope_kernels as kernels
from lumier_analysis.mixed.panel_groups import group_parts, project
from lumier_analysis.mixed.panel_rows import PanelRows
from lumier_analysis.mixed.panel_slope_starts import StartGrid

Floats = npt.NDArray[np.float64]

# Directions in which the deviance does not curve up, beside the others in correlation form, have no variance.
_FLAT = 1e-9
# With fewer groups, or where the grid shows several minima, narrow ones may lie between its points: more starts. They
# are standard deviations beside the residual's, on columns of unit mean square.
_FEW = 50
_MORE = np.array([[1.0, 1.0], [2.0, 0.05], [0.05, 2.0], [0.05, 0.05], [10.0, 10.0], [10.0, 0.3], [0.3, 10.0]])


def _ridges() -> Floats:
    """Return starts near singular ones, with a large first axis in eight directions, on orthonormal columns."""
    angle, large = (part.ravel() for part in np.meshgrid(np.arange(8) * np.pi / 8 + 0.1, [3.0, 15.0]))
    axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    g = 0.05**2 * np.eye(2) + (large**2 - 0.05**2)[:, None, None] * axis[:, :, None] * axis[:, None, :]
    return np.linalg.cholesky(g)[:, [0, 1, 1], [0, 0, 1]]


class SlopePanel:
    """Fits responses on the same rows with two correlated random effects per group; see `PanelRows`."""

    def __init__(self, shared: PanelRows, *, reml: bool) -> None:
        n, p = shared.basis.shape
        # Lower triangular W with W' mean(A) W = I: the inverse transpose of the upper factor U of mean(A) = U U'.
        mean = shared.z.T @ shared.z / shared.n_groups
        upper = np.linalg.cholesky(mean[::-1, ::-1])[::-1, ::-1]
        self._turn = np.linalg.inv(upper).T
        self._z = np.ascontiguousarray(shared.z @ self._turn)
        self._starts = shared.starts
        self._a, self._solve = np.empty((4, shared.n_groups)), np.empty((3, shared.n_groups))
        group_parts(self._z, shared.starts, self._a, self._solve)
        # A copy: the transpose of a single column is a view, and `project` writes into it.
        rest, self._d_x = shared.basis.T.copy(), np.empty((p, 2, shared.n_groups))
        project(self._z, shared.starts, self._solve, rest, self._d_x)
        self._rest, self._w = rest, rest @ rest.T
        self._w_inverse = np.linalg.pinv(self._w, rcond=1e-12, hermitian=True)
        self._nu, self._reml, self._back = float(n - p if reml else n), reml, shared.back
        self._widths = np.diag(self._turn) * np.sqrt((shared.z**2).mean(axis=0))
        to = np.linalg.inv(self._turn)
        s0, s1 = (_MORE / np.sqrt((shared.z**2).mean(axis=0))).T
        self._more = np.vstack([np.column_stack([to[0, 0] * s0, to[1, 0] * s0, to[1, 1] * s1]), _ridges()])
        self._grid = StartGrid(self._a, self._d_x, self._w, self._nu, reml)

    def fit(self, unit: Floats) -> dict[str, Floats]:
        """Fit residuals of length 1, one row a response.

        Returns
        -------
        dict of ndarray
            shift, se, df (k, p): change of the coefficients from least squares, in units of the residuals' length;
            theta (k, 3): columns of T as in lme4; r2, deviance (without constants), converged (k,); least (k,): what
            group effects taken as fixed leave of the residuals; several (k,): how far the highest optimum's deviance
            lies above the lowest.
        """
        k, p = unit.shape[0], self._d_x.shape[0]
        within, d_y = np.ascontiguousarray(unit).copy(), np.empty((k, 2, self._d_x.shape[2]))
        project(self._z, self._starts, self._solve, within, d_y)
        yy, xy = np.einsum("ij,ij->i", within, within), within @ self._rest.T
        least = yy - np.einsum("ki,ij,kj->k", xy, self._w_inverse, xy)
        starts = self._grid.starts(d_y, xy, yy)
        more = np.repeat(self._more[None], k, axis=0)
        if self._d_x.shape[2] >= _FEW:
            more[np.isnan(starts[:, 1, 0])] = np.nan
        starts = np.concatenate([starts, more], axis=1)
        found, hessians = np.empty((k, kernels.N_OUT + p)), np.empty((k, 4, 4))
        turns, scores = np.empty((k, p, p)), np.empty((k, p, p, 3))
        kernels.fit_rows(
            self._d_x, d_y, self._w, xy, yy, self._a, starts, self._widths, self._nu, self._reml,
            found, hessians, turns, scores,
        )  # fmt: skip
        w = np.einsum("kij,cj->kci", turns, self._back)
        value = np.einsum("kci,kci->kc", w, w)
        gradient = np.empty((k, p, 4))
        gradient[:, :, :3] = np.einsum("kci,kijt,kcj->kct", w, scores, w, optimize=True)
        gradient[:, :, 3] = 2 * value
        spread = self._spread(hessians, gradient)
        df = np.divide(value**2, spread, out=np.full_like(value, np.inf), where=spread > 0)
        theta, t = found[:, :3], self._turn
        original = np.column_stack(
            [t[0, 0] * theta[:, 0], t[1, 0] * theta[:, 0] + t[1, 1] * theta[:, 1], t[1, 1] * theta[:, 2]]
        )
        return {
            "shift": found[:, kernels.N_OUT :] @ self._back.T, "df": df,
            "se": np.sqrt(value * found[:, 4:5] / self._nu),
            "theta": original, "r2": found[:, 4], "deviance": found[:, 3], "converged": found[:, 5], "least": least,
            "several": found[:, 7], "singular": found[:, 8],
        }  # fmt: skip

    def _spread(self, hessians: Floats, gradient: Floats) -> Floats:
        """Return g' H^+ g of every coefficient; directions in which H is not positive are left out, as in lmerTest.

        Which these are depends on the parametrisation, hence lme4's theta, in correlation form.
        """
        t = self._turn
        back = np.eye(4)
        back[:3, :3] = np.linalg.inv(np.array([[t[0, 0], 0.0, 0.0], [t[1, 0], t[1, 1], 0.0], [0.0, 0.0, t[1, 1]]]))
        h, g = back.T @ hessians @ back, gradient @ back
        size = np.sqrt(np.abs(np.einsum("kii->ki", h)))
        size[size == 0] = 1.0
        values, vectors = np.linalg.eigh(h / (size[:, :, None] * size[:, None, :]))
        along = np.einsum("kci,kij->kcj", g / size[:, None, :], vectors)
        kept = values > _FLAT
        weight = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
        return np.einsum("kcj,kj->kc", along**2, weight)
