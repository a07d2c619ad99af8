"""Rows of the fixed-effects design at chosen values of some variables, averaged over the others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from formulaic.errors import FormulaicError

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.design import Design

Floats = npt.NDArray[np.float64]

#: "equal": every combination of levels of the other factors counts the same, covariates at their mean (emmeans);
#: "observed": averaged over the rows of the data, each with the chosen variables set.
WEIGHTS = ("equal", "observed")
# A row whose part outside the span of the design is larger than this, relative to its length, is not estimable.
_OUTSIDE = 1e-8


def factor_levels(design: Design) -> dict[str, list[Any] | None]:
    """Return the variables of the fixed effects: levels of a factor in their order, None for a covariate.

    A factor is text, a category, a truth value, or a number within C(). A number coded 0 and 1 is a covariate.
    """
    coded = {
        str(name)
        for factor, names in design.spec.factor_variables.items()
        if is_categorical(design, factor.expr)
        for name in names
    }
    found: dict[str, list[Any] | None] = {}
    for name in sorted(str(v) for v in design.spec.required_variables):
        column = design.used[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            found[name] = [*column.cat.categories]
        elif pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            found[name] = sorted(column.unique().tolist()) if name in coded else None
        else:
            found[name] = sorted(column.unique().tolist())
    return found


def is_categorical(design: Design, expression: str) -> bool:
    """Return whether a factor of the formula, "C(visit)", was coded as categories."""
    state = design.spec.encoder_state.get(expression)
    return state is not None and str(state[0].value) == "categorical"


def cells_of(design: Design, by: Sequence[str], at: Mapping[str, Any]) -> pd.DataFrame:
    """Return every combination of the levels of `by`, the first varying slowest.

    Raises
    ------
    AnalysisError
        A name that is no variable of the model, a factor with one level.
    UsageError
        A covariate without values in `at`.
    """
    levels = factor_levels(design)
    for name in (*by, *at):
        if name not in levels:
            raise AnalysisError(
                f"{name} is no variable of the model {design.formula!r}",
                fix=f"variables are {', '.join(levels)}" if levels else "the model has an intercept alone",
            )
    axes = []
    for name in by:
        own = levels[name]
        if own is None and name not in at:
            raise UsageError(
                f"{name} is a covariate: it has no levels to give means for",
                fix=f"at={{{name!r}: [0, 6, 12]}} for chosen values, estimated_slopes for its slope, or C({name}) "
                "in the model",
            )
        if own is not None and len(own) < 2:
            raise AnalysisError(f"the factor {name} has one level", found=str(own[0]))
        axes.append(_values(name, own, at))
    cells = pd.DataFrame(list(itertools.product(*axes)), columns=[*by]) if by else pd.DataFrame(index=[0])
    return cells.astype({name: design.used[name].dtype for name in by})


def averaged_rows(
    design: Design,
    cells: pd.DataFrame,
    weights: str,
    at: Mapping[str, Any],
    shift: Mapping[str, float] | None = None,
) -> Floats:
    """Return one row of the design a cell, shape (cells, p).

    Parameters
    ----------
    design : Design
    cells : DataFrame
        Variables held at given values, one row a mean.
    weights : {"equal", "observed"}
    at : mapping
        Values of further variables, each counting the same.
    shift : mapping, optional
        Added to covariates after everything else, for derivatives.

    Raises
    ------
    AnalysisError
        A mean that the data do not determine.
    """
    levels = factor_levels(design)
    others = {name: own for name, own in levels.items() if name not in cells.columns}
    if weights == "observed":
        held = {name: _values(name, others[name], at) for name in others if name in at}
        combinations = pd.DataFrame(list(itertools.product(*held.values())), columns=[*held])
        base = design.used[[name for name in others if name not in held]].reset_index(drop=True)
        inner = combinations.merge(base, how="cross") if held else base
        if inner.shape[1] == 0:
            inner = pd.DataFrame(index=[0])
    elif weights == "equal":
        axes = {
            name: [float(design.used[name].mean())] if own is None and name not in at else _values(name, own, at)
            for name, own in others.items()
        }
        inner = pd.DataFrame(list(itertools.product(*axes.values())), columns=[*axes], index=None if axes else [0])
    else:
        raise UsageError("unknown weights", found=repr(weights), fix=f"one of {', '.join(WEIGHTS)}")
    outer = cells.loc[np.repeat(cells.index, len(inner))].reset_index(drop=True)
    repeated = inner.loc[np.tile(inner.index, len(cells))].reset_index(drop=True)
    grid = pd.concat([outer, repeated], axis=1)
    # A category keeps its dtype, so that formulaic codes it as in the fit.
    grid = grid.astype({name: design.used[name].dtype for name in grid.columns})
    for name, step in (shift or {}).items():
        grid[name] = grid[name] + step
    x = model_rows(design, grid)
    rows = x.reshape(len(cells), len(inner), -1).mean(axis=1)
    _check_estimable(design, rows, cells)
    return rows


def model_rows(design: Design, frame: pd.DataFrame) -> Floats:
    """Return the fixed-effects design of other rows, shape (rows, p); factors must have levels of the fit alone.

    Raises
    ------
    AnalysisError
        Values that the formula cannot take, such as those outside a spline's knots.
    """
    try:
        x = np.asarray(design.spec.get_model_matrix(frame, na_action="raise"), dtype=np.float64)
    except (FormulaicError, ValueError, TypeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise AnalysisError("the formula cannot be evaluated on these values", found=said) from None
    if not np.isfinite(x).all():
        raise AnalysisError("the formula is not finite on these values", found=design.formula)
    # An intercept-only formula gives no rows of its own where the frame has no column.
    return x if len(x) == len(frame) else np.ones((len(frame), design.x.shape[1]))


def _values(name: str, own: list[Any] | None, at: Mapping[str, Any]) -> list[Any]:
    """Return the values a variable takes in the grid: chosen ones, checked, or all levels."""
    if name not in at:
        return list(own or [])
    chosen = at[name]
    values = [chosen] if np.isscalar(chosen) or isinstance(chosen, str) else list(chosen)
    if not values:
        raise UsageError(f"at={{{name!r}: ...}} is empty", fix=f"at={{{name!r}: [0]}}")
    if own is not None:
        unknown = [str(v) for v in values if v not in own]
        if unknown:
            raise AnalysisError(
                f"{name} has no such level", found=", ".join(unknown), fix=f"levels are {', '.join(map(str, own))}"
            )
        return values
    try:
        numbers = np.asarray(values, dtype=np.float64).tolist()
    except (TypeError, ValueError):
        raise UsageError(f"{name} is a covariate: its values are numbers", found=repr(values)) from None
    if not np.isfinite(numbers).all():
        raise UsageError(f"values of {name} are not finite", found=repr(values))
    return numbers


def _check_estimable(design: Design, rows: Floats, cells: pd.DataFrame) -> None:
    """Refuse rows that are no combination of rows of the data (Searle 1971, section 5.4)."""
    _, size, basis = np.linalg.svd(design.x, full_matrices=False)
    kept = basis[size > 1e-10 * size.max()]
    outside = np.linalg.norm(rows - rows @ kept.T @ kept, axis=1)
    lost = outside > _OUTSIDE * np.maximum(1.0, np.linalg.norm(rows, axis=1))
    if lost.any():
        names = [", ".join(f"{k}={v}" for k, v in cell.items()) for cell in cells[lost].to_dict("records")]
        raise AnalysisError(
            "means are not estimable: no rows of the data determine them",
            found="; ".join(names),
            fix="leave out the interaction or the level without rows",
        )
