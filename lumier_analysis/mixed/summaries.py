"""Numbers of a fitted model as estimates that carry their denominators."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.estimate import Estimate
from lumier_analysis.mixed.over_time import MixedResult


def term_estimate(result: MixedResult, term: str) -> Estimate:
    """Return a coefficient, in units of the score per unit of the variable, with its Wald interval and test."""
    row: dict[str, float] = {str(k): float(v) for k, v in result.coefficients.loc[[term]].iloc[0].items()}
    return Estimate(
        row["estimate"],
        row["se"],
        row["ci_low"],
        row["ci_high"],
        level=result.level,
        method=result.method,
        n_patients=result.n_patients,
        n_rows=result.n_rows,
        p_value=row["p_value"],
        note=result.note,
    )


def mean_estimates(result: MixedResult, means: pd.DataFrame, patients: str) -> dict[str, Estimate]:
    """Return marginal means (see `marginal_means`) as estimates.

    Parameters
    ----------
    result : MixedResult
    means : DataFrame
        As `marginal_means` returns; its index is named after the factor.
    patients : str
        Column of the patient in the data of the model.
    """
    found = {}
    for level, row in means.iterrows():
        own = result.used[result.used[str(means.index.name)].astype(str) == str(level)]
        found[str(level)] = Estimate(
            float(row["estimate"]),
            float(row["se"]),
            float(row["ci_low"]),
            float(row["ci_high"]),
            level=result.level,
            method="marginal mean; " + result.method,
            n_patients=int(own[patients].nunique()),
            n_rows=len(own),
        )
    return found
