"""Chained imputation of comparators and covariates, one row a patient; the score and the outcome are never imputed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, Ints
from lumier_analysis.performance.auc import DEFAULT_SEED, auc
from lumier_analysis.performance.imputable import FEWEST_SEEN, check_seen
from lumier_analysis.performance.pooling import pool_rubin

#: No value is drawn farther from its column's mean, in standard deviations: with hardly more patients than columns the
#: noise variance has one degree of freedom, and its draws have no upper end.
FARTHEST = 10.0


def impute_visits(
    rows: pd.DataFrame,
    *,
    patient: str,
    visit: str,
    outcome: str | None,
    measured: Sequence[str],
    constant: Sequence[str] = (),
    predictors: Sequence[str] = (),
    m: int = 20,
    seed: int = DEFAULT_SEED,
    max_iter: int = 10,
) -> list[pd.DataFrame]:
    """Return `m` copies of `rows` with the missing values of `measured` and `constant` drawn.

    The imputation model has one row a patient: every measured column at every visit, the constant columns, the
    predictors, and the outcome of each visit (0 where the patient has no row there). Cells of visits a patient does not
    have are drawn within the model and never returned: no row is added.

    Parameters
    ----------
    rows : DataFrame
        One row a patient and visit.
    patient, visit : str
        Key columns; together they name a row.
    outcome : str or None
        0/1 column of the flares, complete; None leaves it out (derivation: imputation within training folds).
    measured : sequence of str
        Numeric columns that vary by visit (comparators). Their values are drawn as normal given all others: take
        logarithms of skewed ones before.
    constant : sequence of str
        Numeric columns with one value a patient (covariates); a 0/1 covariate is drawn as a number.
    predictors : sequence of str
        Complete numeric columns with one value a patient, used but not imputed.
    m : int
        Imputations.
    seed : int
        The same seed gives the same values.
    max_iter : int
        Rounds of the chain.

    Returns
    -------
    list of DataFrame
        Row order, index and all other columns as in `rows`.

    Raises
    ------
    AnalysisError
        A column that is not there or not numeric, a doubled key, outcome or predictor with missing values, infinite
        values, a constant column with two values in a patient, or a column to impute seen in fewer than 5 patients.
    UsageError
        m below 2, or a column named twice (the outcome among those to impute).
    """
    if m < 2:
        raise UsageError("m must be 2 or more", found=repr(m), fix="m=20")
    if not (measured or constant):
        raise UsageError("nothing is named to be imputed", fix="measured=['sledai']")
    numeric = [*measured, *constant, *predictors, *([] if outcome is None else [outcome])]
    doubled = sorted({c for c in numeric if numeric.count(c) > 1})
    if doubled:
        raise UsageError(
            "a column has one part: outcome, measured, constant or predictor", found=f"{', '.join(doubled)} twice"
        )
    table = _check(rows, patient, visit, numeric, complete=[*predictors, *([] if outcome is None else [outcome])])
    check_seen(table, patient, visit, measured, constant)
    wide = _wide(table, patient, visit, outcome, measured, [*constant, *predictors])
    seeds = np.random.SeedSequence(seed).generate_state(m)
    return [_fill(rows, wide, _draw(wide.values, int(s), max_iter), measured, constant) for s in seeds]


def pooled_auc(outcome: Any, scores: Sequence[Any], *, cluster: Any, level: float = 0.95) -> Estimate:
    """Return the clustered AUC of a comparator over its imputations.

    Each imputation's AUC has its own clustered variance (Obuchowski); they are pooled on the logit scale with
    complete df = patients - 1. The p-value tests AUC = 1/2.

    Parameters
    ----------
    outcome : array-like of 0/1, shape (n,)
    scores : sequence of array-like, m of shape (n,)
        The comparator in each imputation, higher = higher risk.
    cluster : array-like, shape (n,)
        Patient of each row.
    level : float

    Returns
    -------
    Estimate
        NaN with a note where an imputation has no AUC or no standard error.
    """
    each = [auc(outcome, score, cluster=cluster, level=level) for score in scores]
    if len(each) < 2:
        raise AnalysisError("pooling needs two imputations or more", found=f"{len(each)}", fix="m=20")
    counts: dict[str, Any] = {"n_patients": each[0].n_patients, "n_rows": each[0].n_rows, "n_events": each[0].n_events}
    method = f"AUC, Obuchowski clustered, pooled over {len(each)} imputations on the logit scale (Barnard-Rubin)"
    bad = [e for e in each if not (0 < e.value < 1 and e.se > 0)]
    if bad:
        why = bad[0].note or f"AUC of {bad[0].value:g} without a standard error"
        note = f"{len(bad)} of {len(each)} imputations cannot be pooled: {why}"
        return Estimate(math.nan, level=level, method=method, note=note, **counts)
    e = pool_rubin(
        [e.value for e in each], [e.se**2 for e in each],
        complete_df=float((counts["n_patients"] or 0) - 1), transform="logit", level=level, null=0.5,
    )  # fmt: skip
    return Estimate(e.value, e.se, e.ci_low, e.ci_high, level, method, p_value=e.p_value, df=e.df, fmi=e.fmi, **counts)


def _check(rows: pd.DataFrame, patient: str, visit: str, numeric: list[str], complete: list[str]) -> pd.DataFrame:
    """Return the key and numeric columns, as float64."""
    absent = [c for c in (patient, visit, *numeric) if c not in rows.columns]
    if absent:
        raise AnalysisError("columns are not there", found=", ".join(absent))
    if rows.empty:
        raise AnalysisError("there is no row to impute")
    if rows[[patient, visit]].isna().any(axis=None):
        raise AnalysisError(f"{patient} or {visit} has missing values")
    twice = int(rows.duplicated([patient, visit]).sum())
    if twice:
        raise AnalysisError(f"{patient} and {visit} must name a row", found=f"{twice} rows named twice")
    table = rows[[patient, visit]].reset_index(drop=True)
    for name in numeric:
        try:
            values = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            raise AnalysisError(
                f"{name} is not a column of numbers", found=str(rows[name].dtype), fix="code it as 0/1"
            ) from None
        if np.isinf(values).any():
            raise AnalysisError(f"{name} has infinite values", found=f"{int(np.isinf(values).sum())} rows")
        if name in complete and np.isnan(values).any():
            raise AnalysisError(
                f"{name} has missing values, and is not to be imputed",
                found=f"{int(np.isnan(values).sum())} of {values.size}",
                fix="leave these rows out before, and count them",
            )
        table[name] = values
    return table


class _Wide(NamedTuple):
    """One row a patient: `values` (patients x columns), the key (name, visit code or -1) of each column."""

    values: Floats
    keys: list[tuple[str, int]]
    patient: Ints  # row of each row of the long table
    visit: Ints


def _wide(
    table: pd.DataFrame, patient: str, visit: str, outcome: str | None, measured: Sequence[str], single: Sequence[str]
) -> _Wide:
    """Return visits as columns; `single` are the columns with one value a patient."""
    i, patients = pd.factorize(table[patient], sort=True)
    j, visits = pd.factorize(table[visit], sort=True)
    columns, keys = [], []
    for name in (*measured, *([] if outcome is None else [outcome])):
        grid = np.full((len(patients), len(visits)), 0.0 if name == outcome else np.nan)
        grid[i, j] = table[name]
        columns.append(grid)
        keys += [(name, v) for v in range(len(visits))]
    for name in single:
        by_patient = table.groupby(patient, sort=True)[name]
        varying = int((by_patient.max() > by_patient.min()).sum())
        if varying:
            raise AnalysisError(f"{name} must have one value a patient", found=f"{varying} patients with several")
        columns.append(by_patient.first().to_numpy()[:, None])
        keys.append((name, -1))
    return _Wide(np.hstack(columns), keys, i, j)


def _draw(both: Floats, seed: int, max_iter: int) -> Floats:
    """Return one completed copy of the wide table."""
    # Here, as no other function needs scikit-learn, which takes long to import.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    from lumier_analysis.performance.drawn_ridge import DrawnRidge, Stream

    seen = (~np.isnan(both)).sum(axis=0)
    centre = np.array([np.nanmean(c) if n else 0.0 for c, n in zip(both.T, seen, strict=True)])
    spread = np.array([np.nanstd(c) if n else 0.0 for c, n in zip(both.T, seen, strict=True)])
    # Constant columns say nothing, and a visit with hardly a value would only add noise to the chain.
    use = (spread > 1e-12 * np.maximum(1, np.abs(centre))) & (seen >= FEWEST_SEEN)
    scaled = (both[:, use] - centre[use]) / spread[use]
    if np.isnan(scaled).any():
        # The regression draws by itself; draws do not converge, so every round is run and the warning is none.
        imputer = IterativeImputer(
            DrawnRidge(Stream(seed)), max_iter=max_iter, tol=0.0, min_value=-FARTHEST, max_value=FARTHEST
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            scaled = imputer.fit_transform(scaled)
    filled = np.where(np.isnan(both), centre, both)
    filled[:, use] = np.where(np.isnan(both[:, use]), scaled * spread[use] + centre[use], both[:, use])
    return filled


def _fill(
    rows: pd.DataFrame, wide: _Wide, filled: Floats, measured: Sequence[str], single: Sequence[str]
) -> pd.DataFrame:
    """Return `rows` with their missing cells taken from the completed wide table."""
    done = rows.copy()
    place = {key: k for k, key in enumerate(wide.keys)}
    for name in (*measured, *single):
        at = np.array([place[(name, v if name in measured else -1)] for v in wide.visit.tolist()])
        old = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        done[name] = np.where(np.isnan(old), filled[wide.patient, at], old)
    return done
