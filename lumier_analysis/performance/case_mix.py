"""Case mix: are the patients of the validation cohort as different from one another as those of the derivation?

An AUC falls where the score is worse, and also where the patients are more alike. Three views tell the two apart:
the spread of the predicted risk, how well a model tells the cohorts apart (Debray 2015, J Clin Epidemiol 68:279), and
the concordance to expect if every predicted risk were right (van Klaveren 2016, Stat Med 35:4136).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.arrays import Floats, Ints, check_rows, sum_by
from lumier_analysis.performance.auc import DEFAULT_SEED
from lumier_analysis.performance.bootstrap import multiplicities
from lumier_analysis.performance.logistic import fit_logistic
from lumier_analysis.performance.placements import placements


def risk_spread(risks: Mapping[str, Any]) -> pd.DataFrame:
    """Return the spread of predicted risks, one row a cohort.

    Parameters
    ----------
    risks : mapping of cohort -> array-like of float in (0, 1), shape (n,)

    Returns
    -------
    DataFrame indexed by cohort
        n, mean_risk, mean and sd of the linear predictor (logit of the risk), q10, median, q90 of the risk.
    """
    lines = {}
    for name, values in risks.items():
        p = _risk(values, f"risk of the {name} cohort")
        lp = scipy.special.logit(p)
        q = np.quantile(p, [0.1, 0.5, 0.9])
        sd = float(np.std(lp, ddof=1)) if p.size > 1 else math.nan
        lines[name] = (p.size, float(p.mean()), float(lp.mean()), sd, *(float(x) for x in q))
    columns = ["n", "mean_risk", "mean_lp", "sd_lp", "q10", "median", "q90"]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns)


def _risk(values: Any, name: str) -> Floats:
    """Return risks strictly between 0 and 1."""
    p = check_rows(np.zeros(len(values)), {name: values}).scores[0]
    if p.min() <= 0 or p.max() >= 1:
        raise AnalysisError(f"{name} must lie strictly between 0 and 1", found=f"{p.min():g} to {p.max():g}")
    return p


def expected_concordance(probability: Any, *, weights: Any = None) -> float:
    """Return the model-based concordance: the AUC to expect if every predicted risk were right.

    ``sum_{i != j} p_i (1 - p_j) [p_i > p_j] / sum_{i != j} p_i (1 - p_j)``, ties 1/2 (van Klaveren 2016). Of
    validation risks it moves with the case mix alone, not with the outcomes: the part of a drop in AUC that it
    follows is no fault of the score.

    Parameters
    ----------
    probability : array-like of float in [0, 1], shape (n,)
    weights : array-like of float, shape (n,), optional
        Multiplicities of the rows, as in a bootstrap; a row is never paired with its own copies.

    Returns
    -------
    float
        NaN where there is no pair.
    """
    p = check_rows(np.zeros(len(probability)), {"probability": probability}).scores[0]
    if p.min() < 0 or p.max() > 1:
        raise AnalysisError("probability must lie between 0 and 1", found=f"{p.min():g} to {p.max():g}")
    w = np.ones(p.size) if weights is None else np.asarray(weights, dtype=np.float64)
    levels, code = np.unique(p, return_inverse=True)
    a, b = sum_by(code, w * p, levels.size), sum_by(code, w * (1 - p), levels.size)
    own = float((w**2 * p * (1 - p)).sum())
    below = np.cumsum(b) - b
    # Pairs within one level are ties; a row with itself is one of them.
    above = float(a @ below) + 0.5 * (float(a @ b) - own)
    pairs = float(a.sum() * b.sum()) - own
    return above / pairs if pairs > 0 else math.nan


def case_mix_concordance(
    probability: Any, *, cluster: Any = None, n_boot: int = 500, level: float = 0.95, seed: int = DEFAULT_SEED
) -> Estimate:
    """Return `expected_concordance` with a patient-bootstrap percentile interval."""
    p = np.asarray(probability, dtype=np.float64)
    rows = check_rows(np.zeros(p.size), {"probability": p}, cluster)
    rng = np.random.default_rng(seed)
    draws = multiplicities(rng, rows.n_patients, n_boot)
    values = np.array([expected_concordance(p, weights=draw[rows.patient]) for draw in draws])
    values = values[np.isfinite(values)]
    tail = (1 - level) / 2
    low, high = (float(x) for x in np.quantile(values, [tail, 1 - tail])) if values.size > 1 else (math.nan,) * 2
    return Estimate(
        value=expected_concordance(p),
        se=float(values.std(ddof=1)) if values.size > 1 else math.nan,
        ci_low=low,
        ci_high=high,
        level=level,
        method="model-based concordance (van Klaveren 2016); patient bootstrap, percentile interval",
        n_patients=rows.n_patients,
        n_rows=p.size,
    )


def membership(
    features: pd.DataFrame, member: Any, *, folds: int = 10, repeats: int = 10, seed: int = DEFAULT_SEED
) -> Estimate:
    """Return the AUC of a logistic model that tells two cohorts apart: 0.5 = alike, 1 = strangers.

    Parameters
    ----------
    features : DataFrame of float, shape (patients, k)
        One row a patient; complete (impute before).
    member : array-like of 0/1, shape (patients,)
        1 = validation cohort.
    folds, repeats : int
        Cross-validation, stratified by cohort; the value is the mean over repeats of the AUC from pairs within one
        fold, so that overfitting does not pass for a difference.
    seed : int

    Returns
    -------
    Estimate
        Without an interval; the note gives the apparent AUC of the model fitted to all patients. NaN with a note where
        a cohort has fewer than two patients a fold or the model has no maximum.
    """
    x = features.to_numpy(dtype=np.float64)
    rows = check_rows(member, {str(c): features[c].to_numpy(dtype=np.float64) for c in features})
    sd = x.std(axis=0)
    z = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0))[:, sd > 0] / sd[sd > 0]])
    counts: dict[str, Any] = {"n_patients": len(x), "n_rows": len(x), "n_events": int(rows.event.sum())}
    method = f"AUC of a membership model, logistic, {repeats} x {folds}-fold cross-validation, pairs within folds"
    nothing = Estimate(math.nan, method=method, **counts)
    if min(rows.event.sum(), (~rows.event).sum()) < 2 * folds:
        return _noted(nothing, f"a cohort has fewer than {2 * folds} patients: too few for {folds} folds")
    whole = fit_logistic(z, rows.event)
    if not whole.converged:
        return _noted(nothing, "the cohorts are separated, or the columns are collinear: no model")
    apparent = placements(rows.event, z @ whole.coef).auc
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(repeats):
        fold = _stratified_folds(rows.event, folds, rng)
        concordant = pairs = 0.0
        for k in range(folds):
            inside = fold == k
            fit = fit_logistic(z[~inside], rows.event[~inside])
            if not fit.converged:
                return _noted(nothing, "in a fold the cohorts are separated: no model")
            event = rows.event[inside]
            size = float(event.sum() * (~event).sum())
            concordant += placements(event, z[inside] @ fit.coef).auc * size
            pairs += size
        values.append(concordant / pairs)
    return _noted(Estimate(float(np.mean(values)), method=method, **counts), f"apparent AUC {apparent:.3f}")


def _noted(estimate: Estimate, note: str) -> Estimate:
    return Estimate(**{**estimate.as_dict(), "note": note})


def _stratified_folds(event: Any, folds: int, rng: np.random.Generator) -> Ints:
    """Return fold numbers; each class is spread evenly."""
    fold = np.empty(event.size, dtype=np.intp)
    for group in (event, ~event):
        fold[group] = rng.permutation(np.arange(int(group.sum())) % folds)
    return fold
