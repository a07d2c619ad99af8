"""How much one patient decides: every model without her, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.fit_lmm import arrange
from lumier_analysis.mixed.lmm import LinearMixedModel


def influence(
    model: LinearMixedModel, *, factor: str | None = None, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """Return what leaving out each patient does to the model.

    Parameters
    ----------
    model : LinearMixedModel
    factor : str, optional
        Grouping factor whose levels are left out; default the only one, or the one with most levels.
    progress : callable, optional
        Called as progress(levels done, levels in all). An exception raised in it (or Ctrl-C) stops the work.

    Returns
    -------
    DataFrame
        Index: level. cooks_distance, ``(b - b_i)' C^-1 (b - b_i) / p`` with C the covariance of all rows' estimates;
        change in every coefficient in standard errors (column: its name); residual_variance without the level; note.
        NaN, with a note, where the rest has no fit. For the analyst's eyes: it names patients.

    Notes
    -----
    Variance parameters are estimated anew each time, as in Nieuwenhuis, te Grotenhuis and Pelzer (2012, R J 4:38).
    """
    arrays = model.fit.problem.arrays
    factor = factor or max(model.labels, key=lambda name: len(model.labels[name]))
    if factor not in model.labels:
        raise AnalysisError(
            "the model has no such grouping factor", found=factor, fix=f"one of {', '.join(model.labels)}"
        )
    place = list(model.labels).index(factor)
    levels = model.labels[factor]
    inverse = np.linalg.inv(model.spread.phi)
    se, p = np.sqrt(np.diag(model.spread.phi)), len(model.beta)
    table = np.full((len(levels), p + 2), np.nan)
    notes = [""] * len(levels)
    for i in range(len(levels)):
        kept = np.flatnonzero(arrays.codes[place] != i)
        codes = [np.unique(code[kept], return_inverse=True)[1].astype(np.intp) for code in arrays.codes]
        z = [(part * width)[kept] for part, width in zip(arrays.z, arrays.widths, strict=True)]
        try:
            without = arrange(model.design.x[kept], z, codes, correlated=_correlated(model), names=arrays.names)
            fit = without.problem(model.design.y[kept], reml=model.reml).fit(model.theta)
            moved = model.beta - fit.beta
            table[i] = [float(moved @ inverse @ moved) / p, *(moved / se), fit.residual_variance]
        except AnalysisError as error:
            notes[i] = f"without this level: {error.message}"
        if progress is not None:
            progress(i + 1, len(levels))
    columns = ["cooks_distance", *model.terms, "residual_variance"]
    return pd.DataFrame(table, index=pd.Index(levels, name=factor), columns=columns).assign(note=notes)


def _correlated(model: LinearMixedModel) -> bool:
    """Tell whether random effects of one level were let correlate."""
    structure = model.fit.problem.arrays.structure
    return len(structure.on_diagonal) > int(structure.on_diagonal.sum()) or max(structure.sizes) == 1
