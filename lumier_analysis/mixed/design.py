"""From a formula and a table to the arrays of a model, with everything that cannot be fitted refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError
from scipy.linalg import qr

from lumier_analysis.errors import AnalysisError, UsageError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# A column this close to the span of the others, relative to its length, is taken to lie in it.
_COLLINEAR = 1e-9


@dataclass(frozen=True)
class Design:
    """The arrays of a model and what they were made of.

    Attributes
    ----------
    formula, response : str
        `response` is "" where the formula has a right-hand side alone.
    y : ndarray, shape (n,)
        Empty without a response.
    x : ndarray, shape (n, p)
        Of full column rank.
    columns : tuple of str
        Names of the columns of x: Intercept, month, C(arm)[T.x], a:b.
    terms : dict of str -> tuple of int
        Columns of every term of the formula.
    used : DataFrame, n rows
        The complete rows; categories without a row are gone.
    n_dropped : int
        Rows left out for a missing value in a variable of the model.
    spec : formulaic ModelSpec
        Builds x anew from other rows: ``spec.get_model_matrix(frame)``.
    """

    formula: str
    response: str
    y: Floats
    x: Floats
    columns: tuple[str, ...]
    terms: dict[str, tuple[int, ...]]
    used: pd.DataFrame = field(repr=False)
    n_dropped: int
    spec: Any = field(repr=False)


def build_design(formula: str, data: pd.DataFrame, *, others: Sequence[str] = (), random: Sequence[str] = ()) -> Design:
    """Return the arrays of a linear model.

    Parameters
    ----------
    formula : str
        "score ~ C(visit) + prednisone", in formulaic's notation (as R's); "~ month" or "month" has no response.
    data : DataFrame
        One row an observation.
    others : sequence of str
        Further columns that a row must have: the patient, the visit.
    random : sequence of str
        Right-hand sides of random effects, whose variables a row must have too.

    Raises
    ------
    AnalysisError
        A formula that cannot be read, columns that are not there, no complete row, a response that is not a number, is
        infinite or constant, collinear columns (named), or as many coefficients as rows.
    """
    try:
        fixed, within = Formula(formula), [Formula(part) for part in random]
        variables = [str(v) for part in (fixed, *within) for v in part.required_variables]
        needed = [*dict.fromkeys([*variables, *others])]
        absent = [name for name in needed if name not in data.columns]
        if absent:
            raise AnalysisError(
                f"the table lacks columns of the model {formula!r}",
                found=f"without {', '.join(absent)}",
                fix=f"columns are {', '.join(map(str, data.columns[:12]))}",
            )
        used = data.dropna(subset=needed) if needed else data
        if used.empty:
            raise AnalysisError("no row has every variable of the model", found=", ".join(needed))
        used = used.assign(**{name: _plain(used[name]) for name in needed})
        matrices = fixed.get_model_matrix(used, na_action="raise")
    except (FormulaicError, SyntaxError, AttributeError, ValueError, TypeError, KeyError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise AnalysisError(f"the model {formula!r} cannot be built", found=said) from None
    right, left = getattr(matrices, "rhs", matrices), getattr(matrices, "lhs", None)
    x = np.array(right, dtype=np.float64, order="C")  # a copy: a data frame's own array is read-only
    columns = tuple(str(c) for c in right.columns)
    response = "" if left is None else str(fixed.lhs)
    y = np.zeros(0) if left is None else _response(left, response)
    _check_rank(x, columns)
    if x.shape[0] <= x.shape[1]:
        raise AnalysisError(
            "the model has as many coefficients as rows", found=f"{x.shape[0]} rows, {x.shape[1]} coefficients"
        )
    spec = right.model_spec
    terms = {str(term): tuple(int(i) for i in places) for term, places in spec.term_indices.items()}
    terms = {"Intercept" if name == "1" else name: places for name, places in terms.items()}
    return Design(formula, response, y, x, columns, terms, used, len(data) - len(used), spec)


def random_columns(random: str, used: pd.DataFrame) -> tuple[Floats, tuple[str, ...]]:
    """Return the columns of a random-effects formula on the rows of a design, and their names.

    Raises
    ------
    AnalysisError
        It cannot be read, is empty ("0"), or its columns are collinear.
    """
    try:
        z = Formula(random).get_model_matrix(used, na_action="raise")
    except (FormulaicError, SyntaxError, AttributeError, ValueError, TypeError, KeyError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise AnalysisError(f"the random effects {random!r} cannot be built", found=said, fix="1 + month") from None
    values = np.array(z, dtype=np.float64, order="C")
    if values.ndim != 2 or values.shape[1] == 0:
        raise AnalysisError(f"the random effects {random!r} have no column", fix='random="1" or "1 + month"')
    names = tuple(str(c) for c in z.columns)
    _check_rank(values, names)
    return values, names


def group_codes(values: pd.Series, name: str) -> tuple[Ints, tuple[str, ...]]:
    """Return a code of each row from 0, in order of first appearance, and the labels, which may be of any type.

    Raises
    ------
    AnalysisError
        Fewer than two groups.
    """
    if pd.api.types.is_float_dtype(values.dtype) and bool((values % 1 == 0).all()):
        values = values.astype(np.int64)  # patient 12 is "12", whatever type her number came in
    codes, labels = pd.factorize(values.astype(str))
    if len(labels) < 2:
        raise AnalysisError(f"a mixed model needs two levels of {name} or more", found=f"{len(labels)}")
    return codes.astype(np.intp), tuple(str(label) for label in labels)


def _plain(column: pd.Series) -> pd.Series:
    """Return the column in numpy's types, which formulaic reads: numbers as float64, categories with rows alone."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    if pd.api.types.is_bool_dtype(column.dtype) or not pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(object) if pd.api.types.is_extension_array_dtype(column.dtype) else column
    return column.astype(np.float64)


def _response(left: Any, name: str) -> Floats:
    """Return the response as one column of finite numbers that vary."""
    if left.shape[1] != 1:
        raise AnalysisError(f"the response {name} is not a number", found=f"{left.shape[1]} columns of categories")
    y = np.asarray(left, dtype=np.float64).ravel()
    if not np.isfinite(y).all():
        raise AnalysisError(f"{name} has infinite values", found=f"{int((~np.isfinite(y)).sum())} rows")
    if np.ptp(y) <= 1e-12 * max(1e-300, float(np.abs(y).max())):
        raise AnalysisError(f"{name} is constant: there is nothing to model")
    return y


def _check_rank(x: Floats, columns: Sequence[str]) -> None:
    """Refuse columns that others determine, and say which."""
    if not np.isfinite(x).all():
        bad = [name for name, column in zip(columns, x.T, strict=True) if not np.isfinite(column).all()]
        raise AnalysisError("columns of the model are not finite", found=", ".join(bad))
    if x.shape[1] == 0:
        raise UsageError("the model has no column", fix="y ~ 1")
    length = np.sqrt((x**2).sum(axis=0))
    scaled = x / np.where(length > 0, length, 1.0)
    r, pivot = qr(scaled, mode="r", pivoting=True)
    size = np.zeros(x.shape[1])
    size[: min(r.shape)] = np.abs(np.diag(r[: x.shape[1]]))
    extra = sorted(pivot[size <= _COLLINEAR])
    if extra:
        raise AnalysisError(
            "the columns of the model are collinear",
            found=f"{', '.join(columns[i] for i in extra)} follow from the others",
            fix="leave out a term, or a category without rows",
        )
