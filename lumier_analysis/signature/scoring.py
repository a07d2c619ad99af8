"""From expression to score with frozen constants: z-scores, module means, weighted sums, and the missing-gene rules.

Pure functions on arrays; samples in rows, genes in columns, NaN = missing. Nothing is ever re-estimated here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

# A share of exactly one half counts as a half, whatever its rounding.
_ROUND = 1e-12


def z_scores(x: Floats, mean: Floats, sd: Floats) -> Floats:
    """Return (x - mean) / sd, shape (n, p); x in log2, mean and sd of the frozen reference."""
    return np.asarray((x - mean) / sd)


def module_mean(z: Floats, minimum_fraction: float) -> Floats:
    """Return the mean of the z-scores that are there, shape (n,).

    NaN where fewer than `minimum_fraction` of the module's genes (columns of `z`) are there.
    """
    there = ~np.isnan(z)
    count = there.sum(axis=1)
    enough = (count >= minimum_fraction * z.shape[1] - _ROUND) & (count > 0)
    total = np.where(there, z, 0.0).sum(axis=1)
    return np.where(enough, total / np.maximum(count, 1), np.nan)


def composite_score(z: Floats, weights: Floats, module: Ints, minimum_fraction: float) -> tuple[Floats, Bools]:
    """Return the weighted sum of module means, and which modules fall short.

    A module's weight is the sum of its genes' weights. With every gene there this is exactly the weighted sum of
    z-scores, for genes of one module carry equal weights.

    Parameters
    ----------
    z : ndarray, shape (n, p)
    weights : ndarray, shape (p,)
    module : ndarray of int, shape (p,)
        Module of each gene, 0 .. k-1.
    minimum_fraction : float
        Least share of a module's genes.

    Returns
    -------
    score : ndarray, shape (n,)
        NaN where a module falls short.
    short : ndarray of bool, shape (n, k)
    """
    k = int(module.max()) + 1
    means = np.column_stack([module_mean(z[:, module == j], minimum_fraction) for j in range(k)])
    totals = np.array([weights[module == j].sum() for j in range(k)])
    return (means * totals).sum(axis=1), np.isnan(means)


def linear_score(z: Floats, weights: Floats, maximum_missing_fraction: float) -> tuple[Floats, Floats]:
    """Return the weighted sum of z-scores with missing ones at 0 (the reference mean), and the share missing.

    NaN where more than `maximum_missing_fraction` of the genes are missing.
    """
    missing = np.isnan(z).mean(axis=1)
    score = (np.where(np.isnan(z), 0.0, z) * weights).sum(axis=1)
    return np.where(missing <= maximum_missing_fraction + _ROUND, score, np.nan), missing
