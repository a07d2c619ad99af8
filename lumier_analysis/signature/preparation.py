"""Imputation and standardisation learned on training rows and applied to others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Preparation(NamedTuple):
    """What the training rows teach.

    Attributes
    ----------
    median : ndarray, shape (p,)
        Replaces missing values; 0 for a column without any value.
    mean, sd : ndarray, shape (p,)
        Of the imputed columns, 1/n standard deviation. sd 0 marks a column that carries nothing.
    """

    median: Floats
    mean: Floats
    sd: Floats

    def apply(self, x: Floats) -> Floats:
        """Return imputed z-scores, shape (n, p); zeros where the training column was constant or empty."""
        filled = np.where(np.isnan(x), self.median, x)
        return (filled - self.mean) / np.where(self.sd > 0, self.sd, 1.0) * (self.sd > 0)


def learn_preparation(x: Floats) -> Preparation:
    """Learn medians, means and standard deviations from `x`, shape (n, p), NaN = missing."""
    seen = ~np.isnan(x)
    median = np.zeros(x.shape[1])
    some = seen.any(axis=0)
    median[some] = np.nanmedian(x[:, some], axis=0)
    filled = np.where(seen, x, median)
    mean, sd = filled.mean(axis=0), filled.std(axis=0)
    # Rounding leaves a constant column with a standard deviation near 1e-16 of its size.
    sd = np.where(sd > 1e-10 * np.maximum(1.0, np.abs(mean)), sd, 0.0)
    return Preparation(median, mean, sd)
