"""Rows of the random-effects design of a fitted model, for the rows it was fitted on or others."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.lmm import LinearMixedModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def random_rows(model: LinearMixedModel, frame: pd.DataFrame) -> list[Floats]:
    """Return the columns of the random effects on other rows, shape (rows, q), by grouping factor.

    Raises
    ------
    AnalysisError
        A column that is lacking, or effects that cannot be built anew.
    """
    out = []
    for name, effects in model.effects.items():
        # The names of the columns say the formula: month, C(visit)[T.3] is a column of the term C(visit).
        terms = [*dict.fromkeys(re.sub(r"\[[^\]]*\]", "", effect) for effect in effects)]
        quoted = [f"`{t}`" if t in model.design.used.columns else t for t in terms if t != "Intercept"]
        try:
            spec = (
                Formula(" + ".join(["1" if "Intercept" in terms else "0", *quoted]))
                .get_model_matrix(model.design.used, na_action="raise")
                .model_spec
            )
            built = tuple(map(str, spec.column_names)) == tuple(effects)
        except (FormulaicError, SyntaxError, ValueError, TypeError):
            built = False
        if not built:
            raise AnalysisError(
                f"the random effects of {name} cannot be built for other rows", found=", ".join(effects)
            )
        require_columns(frame, [str(v) for v in spec.required_variables])
        z = np.asarray(spec.get_model_matrix(frame, na_action="raise"), dtype=np.float64)
        out.append(z if len(z) == len(frame) else np.ones((len(frame), len(effects))))
    return out


def random_parts(model: LinearMixedModel) -> list[tuple[Floats, Ints]]:
    """Return the columns of the random effects on the rows of the fit, in units of the data, and the level codes."""
    a = model.fit.problem.arrays
    return [(z * width, codes) for z, width, codes in zip(a.z, a.widths, a.codes, strict=True)]


def random_variance(model: LinearMixedModel, columns: list[Floats]) -> Floats:
    """Return the variance that random effects give to rows, ``z G z'`` summed over factors, shape (rows, factors)."""
    parts = [np.einsum("na,ab,nb->n", z, g, z) for z, g in zip(columns, model.fit.random_covariance, strict=True)]
    return np.column_stack(parts)


def require_columns(frame: pd.DataFrame, names: list[str]) -> None:
    """Refuse rows that lack a column, or a value in it."""
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise AnalysisError("the new rows lack columns of the model", found=f"without {', '.join(sorted(absent))}")
    missing = [name for name in names if frame[name].isna().any()]
    if missing:
        raise AnalysisError(
            "new rows have missing values in variables of the model", found=", ".join(sorted(missing)), fix="dropna"
        )
