"""Estimated marginal means and contrasts of a fitted model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.over_time import MixedResult


def marginal_means(result: MixedResult, by: str) -> pd.DataFrame:
    """Return the mean of the score at each level of a factor, other variables as they are in the data.

    Each row of the data is set to the level in turn and the predictions (fixed effects) are averaged: counterfactual
    or observed-margin means.

    Parameters
    ----------
    result : MixedResult
    by : str
        A column of the model, "visit".

    Returns
    -------
    DataFrame
        Index the levels of `by` (category order, else sorted); estimate, se, ci_low, ci_high (Wald z), n_rows.

    Raises
    ------
    AnalysisError
        `by` is no variable of the model.
    """
    levels, rows = _average_design(result, by)
    table = _wald(result, rows, pd.Index(levels, name=by))
    table["n_rows"] = [int((result.used[by] == v).sum()) for v in levels]
    return table


def contrasts(result: MixedResult, by: str, wanted: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return linear combinations of marginal means.

    Parameters
    ----------
    result : MixedResult
    by : str
    wanted : mapping of name -> mapping of level -> weight
        {"flare - last": {"flare": 1, "last": -1}}.

    Returns
    -------
    DataFrame
        Index contrast; estimate, se, z, p_value, ci_low, ci_high (Wald z, not adjusted for multiplicity).

    Raises
    ------
    AnalysisError
        A level that the data do not have.
    """
    levels, rows = _average_design(result, by)
    position = {str(v): i for i, v in enumerate(levels)}
    weights = np.zeros((len(wanted), len(levels)))
    for i, (name, parts) in enumerate(wanted.items()):
        for level, weight in parts.items():
            if level not in position:
                raise AnalysisError(f"contrast {name} names a level of {by} without rows", found=str(level))
            weights[i, position[level]] = weight
    table = _wald(result, weights @ rows, pd.Index(list(wanted), name="contrast"))
    table.insert(2, "z", table["estimate"] / table["se"])
    table.insert(3, "p_value", 2 * norm.sf(np.abs(table["z"])))
    return table


def _average_design(result: MixedResult, by: str) -> tuple[list[object], np.ndarray]:
    """Return the levels of `by`, and for each the mean row of the fixed-effects design with `by` set to it."""
    if by not in result.used.columns or by not in {str(v) for v in result.spec.required_variables}:
        raise AnalysisError(f"{by} is no variable of the model {result.formula}")
    column = result.used[by]
    categorical = isinstance(column.dtype, pd.CategoricalDtype)
    levels = list(column.cat.categories) if categorical else sorted(column.unique())
    rows = []
    for level in levels:
        fixed = pd.Series([level] * len(column), index=column.index, dtype=column.dtype)
        rows.append(np.asarray(result.spec.get_model_matrix(result.used.assign(**{by: fixed})), dtype=np.float64))
    return levels, np.stack([r.mean(axis=0) for r in rows])


def _wald(result: MixedResult, rows: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Return estimate, se and limits of ``rows @ beta``."""
    estimate = rows @ result.coefficients["estimate"].to_numpy()
    se = np.sqrt(np.einsum("ij,jk,ik->i", rows, result.covariance.to_numpy(), rows))
    half = norm.ppf(0.5 + result.level / 2) * se
    return pd.DataFrame(
        {"estimate": estimate, "se": se, "ci_low": estimate - half, "ci_high": estimate + half}, index=index
    )
