"""Fit of the clinical model, the pre-specified comparator, on the test cohort.

Logistic regression by plain maximum likelihood on the plan's few columns. No shrinkage: the comparisons in validation
(AUC, likelihood ratio of the recalibrated model) do not change when all coefficients are multiplied by one factor, and
the optimism of the model is printed by the derivation. Only its net benefit would gain from a factor below 1; a reader
sees that in its calibration.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lumier_analysis import __version__
from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import pool_rubin
from lumier_analysis.performance.arrays import Bools, Floats, Ints, check_rows
from lumier_analysis.performance.auc import DEFAULT_SEED
from lumier_analysis.performance.imputation import FEWEST_SEEN
from lumier_analysis.performance.logistic import LogisticFit, fit_logistic
from lumier_analysis.signature.clinical_columns import (
    LOG2_COLUMNS,
    constant_columns,
    impute_clinical,
    numeric_columns,
    to_scale,
    transformation_of,
)
from lumier_analysis.signature.clinical_model import INTERCEPT, ClinicalModel


@dataclass(frozen=True, slots=True)
class ClinicalFit:
    """What became of the clinical model.

    Attributes
    ----------
    model : ClinicalModel or None
        None where there is none; `sentence` says why.
    estimates : dict of name -> Estimate
        Log odds ratios by column, and the intercept; NaN with a note where there is no model.
    sentence : str
    """

    model: ClinicalModel | None
    estimates: dict[str, Estimate]
    sentence: str

    def label(self, name: str) -> str:
        """Return what the coefficient `name` of `estimates` is, in words."""
        what = name.replace("_", " ")
        if name == INTERCEPT:
            return "Clinical model: intercept"
        per = f"doubling of 1 + {what}" if name in LOG2_COLUMNS else f"unit of {what}"
        return f"Clinical model: log odds per {per}"

    def table(self) -> pd.DataFrame:
        """Return the estimates as rows: log_odds, se, ci_low, ci_high, odds_ratio, p_value, fmi, note; index term."""
        lines = {
            n: (e.value, e.se, e.ci_low, e.ci_high, math.exp(e.value), e.p_value, e.fmi, e.note)
            for n, e in self.estimates.items()
        }
        columns = ["log_odds", "se", "ci_low", "ci_high", "odds_ratio", "p_value", "fmi", "note"]
        return pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis("term")


def fit_clinical_model(
    rows: pd.DataFrame,
    columns: Sequence[str],
    *,
    data_hash: str,
    outcome: str = "event",
    patient: str = "patient_id",
    visit: str = "visit",
    m: int = 20,
    seed: int = DEFAULT_SEED,
    level: float = 0.95,
) -> ClinicalFit:
    """Fit the clinical model on the test cohort.

    Missing values are drawn `m` times without the outcome; each copy is fitted by maximum likelihood with the sandwich
    by patient; coefficients are pooled by Rubin's rules, complete df = patients - 1.

    Parameters
    ----------
    rows : DataFrame
        One row a landmark, as `cleaning.landmark_rows`.
    columns : sequence of str
        The plan's `derivation.clinical_model`. All of them or none: a model without one of its columns would be
        another model than the plan's.
    data_hash : str
        SHA-256 of the derivation data.
    outcome, patient, visit : str
        Columns of `rows`.
    m, seed : int
        Imputations and their seed.
    level : float

    Returns
    -------
    ClinicalFit
        Without a model where the plan names no column, a column is absent, not numeric or constant, a value cannot be
        imputed, fewer than two patients have an event, columns are collinear, or the likelihood has no maximum in
        any one imputation (separation). No penalty then stands in: the plan names plain maximum likelihood.

    Raises
    ------
    AnalysisError
        Outcome or patient missing, an outcome other than 0 and 1, a doubled visit, or a value without logarithm.
    """
    columns = tuple(columns)
    if not columns:
        return ClinicalFit(None, {}, "The plan names no clinical model.")
    given = check_rows(rows[outcome], {}, rows[patient])
    n_events = int(given.event.sum())

    def without(reason: str) -> ClinicalFit:
        none = Estimate(
            math.nan,
            level=level,
            method="logistic regression",
            n_patients=given.n_patients,
            n_rows=len(rows),
            n_events=n_events,
            note=reason,
        )
        return ClinicalFit(None, dict.fromkeys(columns, none), f"No clinical model: {reason}.")

    for kind, one in (("an event", given.event), ("a row without event", ~given.event)):
        if np.unique(given.patient[one]).size < 2:
            return without(f"too few patients have {kind}")
    try:
        values = numeric_columns(rows, columns)
    except AnalysisError as error:
        return without("; ".join(filter(None, [error.message, error.found])))
    unmeasured = [c for c in columns if values[c].nunique() < 2]
    if unmeasured:
        return without(f"{', '.join(unmeasured)} never measured, or the same throughout")
    # Neither visit nor number: a visit with few values may have few patients.
    constant = constant_columns(values, rows[patient])
    sparse = [c for c in columns if c not in constant and _too_sparse(values[c], rows[visit])]
    if sparse:
        return without(
            f"{', '.join(sparse)} cannot be imputed: at a visit where values are missing fewer than {FEWEST_SEEN}"
            " patients have one"
        )
    drawn = impute_clinical(rows, columns, outcome=None, patient=patient, visit=visit, m=m, seed=seed)
    transformation = transformation_of(columns)
    x = [to_scale(numeric_columns(frame, columns), transformation).to_numpy() for frame in drawn]
    if any(np.linalg.matrix_rank(_standardised(one)[0]) < len(columns) for one in x):
        return without("its columns are collinear")
    fits = [_fit(one, given.event, given.patient) for one in x]
    failed = sum(not f.converged for f in fits)
    if failed:
        return without(f"events and non-events are separated in {failed} of {m} imputations, no maximum likelihood")
    pooled = {
        name: pool_rubin(
            [f.coef[j] for f in fits], [f.covariance[j, j] for f in fits], complete_df=given.n_patients - 1
        )
        for j, name in enumerate((INTERCEPT, *columns))
    }
    model = ClinicalModel(
        columns=columns,
        transformation=transformation,
        coefficients={n: e.value for n, e in pooled.items()},
        standard_errors={n: e.se for n, e in pooled.items()},
        df={n: float(e.df or 0) for n, e in pooled.items()},
        fmi={n: float(e.fmi or 0) for n, e in pooled.items()},
        n_missing={c: int(values[c].isna().sum()) for c in columns},
        imputations=m,
        seed=seed,
        data_hash=data_hash,
        software=f"lumier-analysis {__version__}",
        n_rows=len(rows),
        n_patients=given.n_patients,
        n_events=n_events,
    )
    sentence = f"The clinical model is a logistic regression on {', '.join(columns)}; it is frozen for validation."
    return ClinicalFit(model, model.estimates(level), sentence)


def _too_sparse(values: pd.Series, visit: pd.Series) -> bool:
    """Return whether `impute_visits` would refuse the column."""
    at = values.groupby(visit.to_numpy())
    return bool(((at.size() > at.count()) & (at.count() < FEWEST_SEEN)).any())


def _standardised(x: Floats) -> tuple[Floats, Floats, Floats]:
    centre, spread = x.mean(axis=0), x.std(axis=0)
    return (x - centre) / spread, centre, spread


def _fit(x: Floats, event: Bools, patient: Ints) -> LogisticFit:
    """Fit on standardised columns, so that Newton's steps do not depend on units, and return to them."""
    z, centre, spread = _standardised(x)
    fit = fit_logistic(np.column_stack([np.ones(len(z)), z]), event, patient=patient)
    back = np.diag(np.r_[1.0, 1 / spread])
    back[0, 1:] = -centre / spread
    return LogisticFit(back @ fit.coef, back @ fit.covariance @ back.T, fit.converged)
