"""Linear mixed models from arrays: fit, refit to another response, deviance as a function of theta."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lumier_analysis.mixed.arranged import Arrays, arrange
from lumier_analysis.mixed.lmm_problem import LmmFit, Problem

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

__all__ = ["Arrays", "LmmFit", "Problem", "arrange", "fit_lmm"]


def fit_lmm(
    y: npt.ArrayLike,
    x: npt.ArrayLike,
    z: Floats | Sequence[Floats],
    codes: Ints | Sequence[Ints],
    *,
    reml: bool = True,
    correlated: bool = True,
) -> LmmFit:
    """Return the fit of a linear mixed model given as arrays; parameters as in `arrange`."""
    return arrange(x, z, codes, correlated=correlated).problem(y, reml=reml).fit()
