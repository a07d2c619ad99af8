"""What the responses of a panel share on the same rows: an orthonormal basis of the fixed effects, rows by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# A response whose residuals are this small beside its variation is a function of the fixed effects.
_EXPLAINED = 1e-10


@dataclass(frozen=True)
class PanelRows:
    """Rows sorted by group, and the fixed effects in an orthonormal basis.

    Attributes
    ----------
    rows : ndarray, shape (n,)
        Places of the sorted rows among all rows.
    starts : ndarray, shape (g + 1,)
        Where each group begins.
    basis : ndarray, shape (n, p)
        Q of X = Q R.
    back : ndarray, shape (p, p)
        R^-1: coefficients = back @ coefficients of the basis.
    log_scale : float
        log|X'X| = 2 log|R|, which turns a restricted likelihood of the basis into that of X.
    z : ndarray, shape (n, q)
    """

    rows: Ints
    starts: Ints
    basis: Floats
    back: Floats
    log_scale: float
    z: Floats

    @property
    def n_groups(self) -> int:
        """Groups with a row."""
        return self.starts.size - 1

    def group_sums(self, values: Floats) -> Floats:
        """Return the sums of every group over the first axis, which runs over the sorted rows."""
        return np.add.reduceat(values, self.starts[:-1], axis=0)


def panel_rows(x: Floats, z: Floats, codes: Ints, rows: Ints) -> PanelRows:
    """Return the shared arrays of the rows at `rows`; x, z and codes are those of all rows.

    Raises
    ------
    AnalysisError
        Fewer than two groups, as many coefficients as rows, or collinear columns.
    """
    rows = rows[np.argsort(codes[rows], kind="stable")]
    sorted_codes = codes[rows]
    begins = np.flatnonzero(np.r_[True, np.diff(sorted_codes) != 0]) if rows.size else np.zeros(0, dtype=np.intp)
    starts = np.r_[begins, rows.size].astype(np.intp)
    n, p, n_groups = rows.size, x.shape[1], begins.size
    if n <= p:
        raise AnalysisError("the model has as many coefficients as rows", found=f"{n} rows, {p} coefficients")
    if n_groups < 2:
        raise AnalysisError("a mixed model needs two groups or more", found=f"{n_groups}")
    chosen = x[rows]
    length = np.sqrt((chosen**2).sum(axis=0))
    if (length == 0).any():
        raise AnalysisError("columns of the model are collinear on the rows of this response")
    basis, r = np.linalg.qr(chosen / length)
    diagonal = np.abs(np.diag(r))
    if diagonal.min() <= 1e-9:
        raise AnalysisError("columns of the model are collinear on the rows of this response")
    back = np.linalg.solve(r, np.eye(p)) / length[:, None]
    log_scale = 2 * float(np.log(diagonal).sum() + np.log(length).sum())
    within = np.ascontiguousarray(z[rows])
    return PanelRows(rows, starts, np.ascontiguousarray(basis), np.ascontiguousarray(back), log_scale, within)


def residuals(shared: PanelRows, y: Floats) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """Split responses into their least-squares fit and unit residuals.

    Parameters
    ----------
    y : ndarray, shape (k, n)
        One row a response, columns in the order of `shared.rows`.

    Returns
    -------
    unit : ndarray, shape (k, n)
        Residuals of length 1.
    coefficients : ndarray, shape (k, p)
        Of the basis.
    norm : ndarray, shape (k,)
        Length of the residuals.
    explained : ndarray of bool, shape (k,)
        No residual is left beyond rounding: nothing can be fitted.
    """
    q = shared.basis
    coefficients = y @ q
    unit = y - coefficients @ q.T
    # Once more: the first pass leaves rounding of the size of the mean, which may be far above that of the residuals.
    again = unit @ q
    unit -= again @ q.T
    coefficients += again
    norm = np.sqrt(np.einsum("ij,ij->i", unit, unit))
    middle = y.mean(axis=1)
    variation = np.sqrt(np.einsum("ij,ij->i", y, y) - y.shape[1] * middle**2 + (1e-6 * middle) ** 2)
    explained = ~(norm > _EXPLAINED * np.maximum(variation, 1e-300))
    unit /= np.where(explained, 1.0, norm)[:, None]
    return unit, coefficients, norm, explained
