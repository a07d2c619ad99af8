"""What a score adds to a base model, and the base model to the score: likelihood-ratio and Wald tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Bools, Floats, Rows, check_level, check_rows
from lumier_analysis.performance.intervals import two_sided_p, z_quantile
from lumier_analysis.performance.likelihood_ratio import log_likelihoods, pool_d3
from lumier_analysis.performance.logistic import LogisticFit, fit_logistic
from lumier_analysis.performance.pooling import pool_rubin

# Columns correlated more closely than this are one column to a fit in double precision.
_ONE_COLUMN = 1e-10


@dataclass(frozen=True, slots=True)
class Addition:
    """What one predictor adds to the other.

    Attributes
    ----------
    coefficient : Estimate
        Log odds per standard deviation of the predictor, given the other; sandwich by patient; its p-value is the Wald
        test.
    likelihood_ratio : Estimate
        The statistic, without interval, and its p-value: chi-square on 1 df; over imputations D3, F on 1 and `df`.
        The p-value is None where the likelihood is not that of the design, and the note says so.
    """

    coefficient: Estimate
    likelihood_ratio: Estimate


@dataclass(frozen=True, slots=True)
class AddedValue:
    """Results of `added_value`.

    Attributes
    ----------
    score : Addition
        The score added to the recalibrated base model.
    base : Addition
        The base model added to the score.
    """

    score: Addition
    base: Addition

    def table(self) -> pd.DataFrame:
        """Return a row a direction: log_odds, ci_low, ci_high, p_wald, likelihood_ratio, p_lr, note."""
        lines = {}
        for name, one in (("score added to base", self.score), ("base added to score", self.base)):
            c, lr = one.coefficient, one.likelihood_ratio
            note = "; ".join(dict.fromkeys(filter(None, [c.note, lr.note])))
            lines[name] = (c.value, c.ci_low, c.ci_high, c.p_value, lr.value, lr.p_value, note)
        columns = ["log_odds", "ci_low", "ci_high", "p_wald", "likelihood_ratio", "p_lr", "note"]
        return pd.DataFrame.from_dict(lines, orient="index", columns=columns)

    def _repr_html_(self) -> str:
        return self.table().to_html(float_format=lambda x: f"{x:.3g}")


def added_value(
    outcome: Any, score: Any, base_linear_predictor: Any, *, cluster: Any = None, level: float = 0.95
) -> AddedValue:
    """Test what a score adds to a base model, and the reverse.

    Logistic regressions on the base linear predictor, on the score, and on both. The base is thereby recalibrated in
    intercept and slope, and the test does not credit the score with mending its calibration.

    Parameters
    ----------
    outcome : array-like of 0/1 or bool, shape (n,)
        The rows of a patient in order of time.
    score : array-like of float, shape (n,)
        Higher = higher risk.
    base_linear_predictor : array-like of float, shape (n,), or sequence of m such arrays
        Log odds by the frozen base model; a list of m >= 2 where its covariates were imputed.
    cluster : array-like, shape (n,), optional
        Patient of each row; without it every row is a patient.
    level : float

    Returns
    -------
    AddedValue
        NaN with a note where fewer than two patients have an event (or a row without), a predictor is constant, the
        two are collinear, or events and non-events are separated.

    Raises
    ------
    AnalysisError
        As `auc`, naming the imputation, or a list of one imputation.

    Notes
    -----
    Where a patient has at most one event and no row after it, the pooled logistic likelihood is the likelihood of the
    discrete-time hazard (Efron 1988, J Am Stat Assoc 83:414; Singer and Willett 1993, J Educ Stat 18:155): rows enter
    as conditional probabilities given survival so far, and the likelihood-ratio test needs no correction for the
    patient. Where events recur or rows follow an event it does, and no p-value is given. The Wald test with the
    sandwich by patient stands beside it always: Student's t with (patients - 1) degrees of freedom.

    Over imputations the likelihood ratio is pooled as D3 (Meng and Rubin 1992, Biometrika 79:103, eq. 2.1-2.4, 1
    parameter, relative increase in variance not below 0), coefficients by Rubin's rules with complete df = patients -
    1. R's mice::D3 estimates the intercept anew at the pooled slopes; here it is pooled with them, as in the paper.
    """
    check_level(level)
    bases, imputed = as_imputations(base_linear_predictor)
    names = [f"base_linear_predictor{f' of imputation {i}' if imputed else ''}" for i in range(1, len(bases) + 1)]
    rows = check_rows(outcome, {"score": score} | dict(zip(names, bases, strict=True)), cluster)
    s, base = rows.scores[0], np.stack(rows.scores[1:])
    note = _obstacle(rows, s, base)
    if note:
        return _nothing(rows, note, level)
    y = rows.event
    # One scale for all imputations: coefficients could not be averaged otherwise.
    zs, zb = (s - s.mean()) / s.std(ddof=1), (base - base.mean()) / base.std(ddof=1)
    one = np.ones(s.size)
    with_base = [np.column_stack([one, b]) for b in zb]
    with_score = [np.column_stack([one, zs])] * len(zb)
    with_both = [np.column_stack([one, b, zs]) for b in zb]
    only_base, only_score, both = (
        [fit_logistic(x, y, patient=rows.patient) for x in each] for each in (with_base, with_score, with_both)
    )
    failed = sum(not f.converged for f in both)
    if failed or not all(f.converged for f in [*only_base, *only_score]):
        where = f" in {failed} of {len(both)} imputations" if imputed and failed else ""
        return _nothing(rows, f"events and non-events are separated{where}: no maximum likelihood", level)
    validity = _validity(rows)
    return AddedValue(
        Addition(
            _wald(both, 2, rows, level, "score given the base model"),
            _likelihood_ratio(y, (with_base, only_base), (with_both, both), rows, validity),
        ),
        Addition(
            _wald(both, 1, rows, level, "base model given the score"),
            _likelihood_ratio(y, (with_score, only_score), (with_both, both), rows, validity),
        ),
    )


def as_imputations(values: Any) -> tuple[list[Any], bool]:
    """Return one column or several as a list of columns, and whether they are imputations.

    Raises
    ------
    AnalysisError
        A list of a single column: pooling needs two.
    """
    several = isinstance(values, np.ndarray) and values.ndim == 2
    if isinstance(values, Sequence) and not isinstance(values, str):
        several = len(values) > 0 and all(isinstance(v, Sequence | np.ndarray | pd.Series) for v in values)
    if not several:
        return [values], False
    if len(values) < 2:
        raise AnalysisError("pooling needs two imputations or more", found="1", fix="m=20, or pass the one column")
    return list(values), True


def _obstacle(rows: Rows, score: Floats, base: Floats) -> str:
    """Say why nothing can be estimated; empty where it can."""
    for kind, one in (("an event", rows.event), ("a row without event", ~rows.event)):
        if np.unique(rows.patient[one]).size < 2:
            return f"fewer than two patients have {kind}"
    if np.ptp(score) == 0:
        return "the score is constant"
    if (np.ptp(base, axis=1) == 0).any():
        return "the base linear predictor is constant"
    if max(abs(float(np.corrcoef(score, b)[0, 1])) for b in base) > 1 - _ONE_COLUMN:
        return "score and base linear predictor are collinear"
    return ""


def _nothing(rows: Rows, note: str, level: float) -> AddedValue:
    def empty(method: str) -> Estimate:
        return _estimate(rows, math.nan, method=method, level=level, note=note)

    one = Addition(empty("logistic regression"), empty("likelihood ratio"))
    return AddedValue(one, one)


def _estimate(rows: Rows, value: float, **more: Any) -> Estimate:
    return Estimate(value, n_patients=rows.n_patients, n_rows=rows.event.size, n_events=int(rows.event.sum()), **more)


def _validity(rows: Rows) -> str:
    """Say why the pooled likelihood is not that of the design; empty where it is."""
    again = np.bincount(rows.patient[rows.event], minlength=rows.n_patients)
    if again.max() > 1:
        return f"{int((again > 1).sum())} patients have several events: no p-value without the patient, see Wald"
    place = np.arange(rows.event.size)
    last = np.zeros(rows.n_patients, dtype=np.intp)
    np.maximum.at(last, rows.patient, place)
    after = int((last[rows.patient[rows.event]] > place[rows.event]).sum())
    return f"{after} patients have rows after their event: no p-value without the patient, see Wald" if after else ""


def _wald(fits: list[LogisticFit], j: int, rows: Rows, level: float, what: str) -> Estimate:
    """Return the coefficient `j` per standard deviation."""
    how = f"log odds per SD, {what}; logistic regression, sandwich by {'patient' if rows.clustered else 'row'}"
    values, variances = [float(f.coef[j]) for f in fits], [float(f.covariance[j, j]) for f in fits]
    df = float(rows.n_patients - 1)
    if len(fits) > 1:
        e = pool_rubin(values, variances, complete_df=df, level=level, null=0.0)
        more = {"p_value": e.p_value, "df": e.df, "fmi": e.fmi, "method": f"{how}; {e.method}"}
        return _estimate(rows, e.value, se=e.se, ci_low=e.ci_low, ci_high=e.ci_high, level=level, **more)
    value, se = values[0], math.sqrt(variances[0])
    half = z_quantile(level, df) * se
    return _estimate(
        rows, value, se=se, ci_low=value - half, ci_high=value + half, level=level, p_value=two_sided_p(value / se, df),
        df=df, method=f"{how}; Student's t",
    )  # fmt: skip


_Model = tuple[list[Floats], list[LogisticFit]]


def _likelihood_ratio(y: Bools, small: _Model, large: _Model, rows: Rows, validity: str) -> Estimate:
    """Return the statistic of `large` against `small`, one column apart."""
    own = [f.coef for f in small[1]], [f.coef for f in large[1]]
    m = len(own[0])
    average = 2 * float(np.mean(log_likelihoods(y, large[0], own[1]) - log_likelihoods(y, small[0], own[0])))
    if m == 1:
        p = float(scipy.stats.chi2.sf(max(0.0, average), 1))
        how, value, df = "likelihood ratio, chi-square on 1 df", average, None
    else:
        pooled = [[np.mean(c, axis=0)] * m for c in own]
        at_pooled = 2 * float(
            np.mean(log_likelihoods(y, large[0], pooled[1]) - log_likelihoods(y, small[0], pooled[0]))
        )
        value, df = pool_d3(average, at_pooled, m)
        law = scipy.stats.f(1, df) if math.isfinite(df) else scipy.stats.chi2(1)
        p = float(law.sf(max(0.0, value)))
        how = f"likelihood ratio pooled over {m} imputations (D3), F on 1 and df degrees of freedom"
    return _estimate(rows, value, method=how, p_value=None if validity else p, df=df, note=validity)
