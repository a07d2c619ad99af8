"""The scale of an expression matrix: log2 or linear, told apart or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumier_analysis.errors import RawDataError


def detect_scale(values: pd.DataFrame | np.ndarray) -> str:
    """Tell log2 from linear intensities.

    Parameters
    ----------
    values : DataFrame or array of float
        Expression, any shape.

    Returns
    -------
    {"log2", "linear"}
        log2 where every finite value lies within -10 and 25; linear where the largest exceeds 100 and the values are
        skewed to the right (mean above median) with at most 5 % below zero, as background subtraction leaves them.

    Raises
    ------
    RawDataError
        Neither holds: the plan has to say.
    """
    array = np.asarray(values, dtype="float64")
    finite = array[np.isfinite(array)]
    if not finite.size:
        raise RawDataError("The expression table holds no value")
    low, high = float(finite.min()), float(finite.max())
    if low >= -10 and high <= 25:
        return "log2"
    if high > 100 and finite.mean() > np.median(finite) and (finite < 0).mean() <= 0.05:
        return "linear"
    raise RawDataError(
        "It is not clear whether the expression values are log2 or linear",
        found=f"values from {low:g} to {high:g}",
        fix="set `expression.scale` in the plan to log2 or linear",
    )


def to_log2(expression: pd.DataFrame, scale: str, floor: float | None = None) -> pd.DataFrame:
    """Bring expression to the log2 scale and lift it to the detection floor.

    Parameters
    ----------
    expression : DataFrame
        Probes x samples.
    scale : {"log2", "linear", "auto"}
        Scale of `expression`; "auto" asks `detect_scale`.
    floor : float, optional
        Detection floor, in log2 units (log2(10) = 3.32 for the usual linear floor of 10); lower values are set to it.

    Returns
    -------
    DataFrame
        log2 expression; NaN stays NaN.

    Raises
    ------
    RawDataError
        The scale is not clear, or linear values of zero or less have no floor to be lifted to.
    """
    if scale == "auto":
        scale = detect_scale(expression)
    if scale not in ("log2", "linear"):
        raise RawDataError(
            "The scale of the expression values is log2 or linear", found=scale, fix="correct `expression.scale`"
        )
    values = expression.to_numpy(dtype="float64", copy=True)
    if scale == "linear":
        if floor is not None:
            np.maximum(values, 2.0**floor, out=values)
        elif (values <= 0).any():
            raise RawDataError(
                "Linear expression values of zero or less have no logarithm",
                found=f"{int((values <= 0).sum()):,} of {values.size:,} values, the lowest {np.nanmin(values):g}",
                fix="set `expression.floor` in the plan (log2 units, for example 3.3219 for an intensity of 10)",
            )
        np.log2(values, out=values)
    elif floor is not None:
        np.maximum(values, floor, out=values)
    return pd.DataFrame(values, index=expression.index, columns=expression.columns)
