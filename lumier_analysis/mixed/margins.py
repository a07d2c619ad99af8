"""Estimated marginal means and slopes of a fitted model, and contrasts of them.

Searle, Speed and Milliken 1980, Am Stat 34:216; defaults and directions as in R's emmeans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.margin_set import Margins
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.reference_grid import averaged_rows, cells_of, factor_levels

Floats = npt.NDArray[np.float64]

# Step of the central difference, as a part of the covariate's range: exact to rounding for lines and parabolas.
_STEP = 1e-4


def estimated_means(
    model: FittedModel,
    by: str | Sequence[str],
    *,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
) -> Margins:
    """Return the marginal means of the response at each level of one or several factors.

    Parameters
    ----------
    model : FittedModel
    by : str or sequence of str
        "visit", ["arm", "visit"].
    at : mapping, optional
        Values of other variables, {"prednisone": 10}, averaged over where there are several; for a covariate in `by`
        the values to give means for.
    weights : {"equal", "observed"}
        equal: other factors count the same at each level, covariates stand at their mean over the rows used, as in
        emmeans; observed: averaged over the rows of the data, each set to the level in turn.

    Returns
    -------
    Margins
        In units of the response; `.table`, `.contrasts()`, `.joint_tests()`.

    Raises
    ------
    AnalysisError
        Unknown variable or level, a factor with one level, a mean that the data do not determine.
    UsageError
        A covariate without values in `at`, unknown weights.
    """
    names, at = _names(by), dict(at or {})
    cells = cells_of(model.design, names, at)
    rows = averaged_rows(model.design, cells, weights, {k: v for k, v in at.items() if k not in names})
    return _margins(model, "mean", cells, rows, weights)


def estimated_slopes(
    model: FittedModel,
    covariate: str,
    by: str | Sequence[str] = (),
    *,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
) -> Margins:
    """Return the slope of a covariate, at each level of factors where given (emmeans::emtrends).

    Parameters
    ----------
    model : FittedModel
    covariate : str
        A number in the model, "month"; where the model has a curve, the slope at the mean, or at ``at={"month": 3}``.
    by : str or sequence of str
    at, weights
        As in `estimated_means`; "observed" averages the slope over the rows of the data.

    Returns
    -------
    Margins
        In units of the response per unit of the covariate.

    Raises
    ------
    AnalysisError, UsageError
        As `estimated_means`; a covariate that is a factor.
    """
    names, at = _names(by), dict(at or {})
    levels = factor_levels(model.design)
    cells = cells_of(model.design, names, at)
    if covariate in levels and levels[covariate] is not None:
        raise UsageError(f"{covariate} is a factor: it has no slope", fix=f"estimated_means(model, {covariate!r})")
    cells_of(model.design, [], {covariate: 0.0})
    step = _STEP * float(np.ptp(model.design.used[covariate]))
    rest = {k: v for k, v in at.items() if k not in names}
    up, down = (averaged_rows(model.design, cells, weights, rest, {covariate: s}) for s in (step, -step))
    return _margins(model, f"slope of {covariate}", cells, (up - down) / (2 * step), weights)


def _names(by: str | Sequence[str]) -> list[str]:
    names = [by] if isinstance(by, str) else list(by)
    if len(set(names)) < len(names):
        raise UsageError("a factor is named twice", found=", ".join(names))
    return names


def _margins(model: FittedModel, quantity: str, cells: pd.DataFrame, rows: Floats, weights: str) -> Margins:
    """Return the margins with the rows behind each, and a word where there are none."""
    used, levels = model.design.used, factor_levels(model.design)
    factors = [str(c) for c in cells.columns if levels[str(c)] is not None]
    counts = []
    for cell in cells[factors].to_dict("records"):
        kept = np.ones(len(used), dtype=bool)
        for name, value in cell.items():
            kept &= (used[name] == value).to_numpy()
        counts.append(int(kept.sum()))
    empty = [
        ", ".join(f"{k}={v}" for k, v in cell.items())
        for cell, n in zip(cells[factors].to_dict("records"), counts, strict=True)
        if n == 0
    ]
    note = f"no rows at {'; '.join(empty)}: known only if the effects add up as the model says" if empty else ""
    return Margins(model, quantity, cells, rows, tuple(counts), weights, note)
