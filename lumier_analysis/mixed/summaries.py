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


def repeated_measures_correlation(frame: pd.DataFrame, x: str, y: str, patient: str) -> Estimate:
    """Return the correlation of two measures within patients, common to all of them.

    Bakdash JZ, Marusich LR. Repeated measures correlation. Front Psychol 2017;8:456 (computed by pingouin).

    Parameters
    ----------
    frame : DataFrame, one row a visit
        Rows with a missing value are left out; patients with fewer than two rows carry no information.
    x, y, patient : str
        Columns.

    Returns
    -------
    Estimate
        NaN with a note where fewer than three patients have two visits, or a measure does not vary within patients.
    """
    import pingouin

    used = frame[[patient, x, y]].dropna()
    used = used[used.groupby(patient)[x].transform("size") >= 2].astype({x: float, y: float, patient: str})
    n_patients = used[patient].nunique()
    method = "repeated-measures correlation (pingouin)"
    varies = all((used.groupby(patient)[c].transform("std") > 0).any() for c in (x, y)) if len(used) else False
    if n_patients < 3 or not varies:
        note = "fewer than three patients with two visits, or no variation within patients"
        return Estimate(float("nan"), method=method, n_patients=n_patients, n_rows=len(used), note=note)
    row = pingouin.rm_corr(data=used, x=x, y=y, subject=patient).iloc[0]
    low, high = row["CI95"]
    return Estimate(
        float(row["r"]), ci_low=float(low), ci_high=float(high), method=method, n_patients=n_patients,
        n_rows=len(used), p_value=float(row["pval"]),
    )  # fmt: skip
