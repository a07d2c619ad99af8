"""Rows of a fitted model's tables as estimates that carry their denominators."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from lumier_analysis.estimate import Estimate
from lumier_analysis.mixed.model import FittedModel


def row_estimates(model: FittedModel, table: pd.DataFrame, what: str = "") -> dict[Any, Estimate]:
    """Return the rows of a table of a model as estimates.

    Parameters
    ----------
    model : FittedModel
        For its method and denominators.
    table : DataFrame
        `FittedModel.coefficients`, `Margins.table` or `Margins.contrasts`, `robust_coefficients`: estimate, se, ci_low,
        ci_high; p_value and df where they are there.
    what : str
        Put before the method: "marginal mean", "CR2".

    Returns
    -------
    dict of row label -> Estimate
    """
    method = f"{what}; {model.method}" if what else model.method
    found: dict[Any, Estimate] = {}
    for label, row in zip(table.index, table.to_dict("records"), strict=True):
        p, df = (float(row.get(name, math.nan)) for name in ("p_value", "df"))
        estimate = float(row["estimate"])
        found[label] = Estimate(
            estimate, float(row["se"]), float(row["ci_low"]), float(row["ci_high"]), model.level, method,
            n_patients=model.n_groups, n_rows=model.n_rows, p_value=None if math.isnan(p) else p,
            df=None if math.isnan(df) or math.isinf(df) else df,
            note=model.note or ("" if math.isfinite(estimate) else "not estimable"),
        )  # fmt: skip
    return found


def f_estimates(model: FittedModel, table: pd.DataFrame) -> dict[Any, Estimate]:
    """Return the rows of `type_three` or `Margins.joint_tests` as F statistics with p-values, without interval."""
    found: dict[Any, Estimate] = {}
    for label, row in zip(table.index, table.to_dict("records"), strict=True):
        method = f"F test on {row['df_num']:.0f} and {row['df_den']:.1f} df; {model.method}"
        found[label] = Estimate(
            float(row["f"]), method=method, n_patients=model.n_groups, n_rows=model.n_rows,
            p_value=float(row["p_value"]), df=float(row["df_den"]), note=model.note,
        )  # fmt: skip
    return found
