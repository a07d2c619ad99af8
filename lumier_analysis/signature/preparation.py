"""What training rows teach about features before any model is fitted, applied to them and to others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import UsageError
from lumier_analysis.signature.design import Design, learn_design
from lumier_analysis.signature.recipe import Recipe

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Preparation(NamedTuple):
    """What the training rows teach.

    Attributes
    ----------
    median : ndarray, shape (q,)
        Replaces missing values; 0 for a column without any value.
    mean, sd : ndarray, shape (q,)
        Of the imputed columns, 1/n standard deviation. sd 0 marks a column that carries nothing or was screened out.
    design : Design, optional
        Makes the q columns from the features; without it they are taken as they come.
    """

    median: Floats
    mean: Floats
    sd: Floats
    design: Design | None = None

    def apply(self, x: Floats) -> Floats:
        """Return imputed z-scores, shape (n, q); zeros where the training column was constant, empty or left out."""
        columns = x if self.design is None else self.design.apply(x)
        filled = np.where(np.isnan(columns), self.median, columns)
        return (filled - self.mean) * np.divide(1.0, self.sd, out=np.zeros_like(self.sd), where=self.sd > 0)


def learn_preparation(
    x: Floats, event: Bools | None = None, recipe: Recipe | None = None, *, gaps: bool = True
) -> Preparation:
    """Learn the columns, their medians, means and standard deviations, and the screening, in this order.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Features as they come, NaN = missing.
    event : ndarray of bool, shape (n,), optional
        Looked at by the screening alone: the columns with the largest ``|z'(y - mean y)|`` stay.
    recipe : Recipe, optional
    gaps : bool
        False where neither these rows nor those to come miss a value: the medians, which are slow, stay 0 then.
    """
    design = None if recipe is None else learn_design(x, recipe)
    columns = x if design is None else design.apply(x)
    median = np.zeros(columns.shape[1])
    if gaps:
        seen = ~np.isnan(columns)
        some = seen.any(axis=0)
        median[some] = np.nanmedian(columns[:, some], axis=0)
        columns = np.where(seen, columns, median)
    mean, sd = columns.mean(axis=0), columns.std(axis=0)
    # Rounding leaves a constant column with a standard deviation near 1e-16 of its size.
    sd = np.where(sd > 1e-10 * np.maximum(1.0, np.abs(mean)), sd, 0.0)
    if recipe is not None and recipe.screen is not None and recipe.screen < sd.size:
        if event is None:
            raise UsageError("screening looks at the outcome, and none was given")
        strength = np.abs((event - event.mean()) @ columns) / np.where(sd > 0, sd, np.inf)
        sd[np.argsort(-strength, kind="stable")[recipe.screen :]] = 0.0
    return Preparation(median, mean, sd, design)
