"""Cox regression with standard errors that respect the patient."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.arrays import Bools, Floats, Ints, check_level
from lumier_analysis.performance.follow_up import check_follow_up
from lumier_analysis.performance.intervals import two_sided_p, z_quantile

# In units of a standard deviation of the covariate: a standard error beyond this is a likelihood without a maximum.
_ENDLESS = 30.0


def cox(time: Any, event: Any, covariates: pd.DataFrame, *, cluster: Any = None, level: float = 0.95) -> pd.DataFrame:
    """Return cause-specific hazard ratios with robust standard errors (Lin and Wei 1989).

    Parameters
    ----------
    time : array-like of float, shape (n,)
        Above 0.
    event : array-like of {0, 1, 2}, shape (n,)
        0 censored, 1 event, 2 competing (taken as censored: the hazard is that of the event among those still free).
    covariates : DataFrame, shape (n, k)
        Numeric, finite; a risk group as 0/1.
    cluster : array-like, shape (n,), optional
        Patient of each row; without it every row is its own.
    level : float

    Returns
    -------
    DataFrame
        Index: term. Columns coef (log hazard ratio), se (robust), hazard_ratio, ci_low, ci_high (of the ratio), z,
        p_value, n_rows, n_patients, n_events, note. NaN stands only beside a note.

    Raises
    ------
    AnalysisError
        As `time_dependent_auc`; a constant covariate or one that the others determine; no covariate.

    Notes
    -----
    Ties by Breslow's approximation: under it the sandwich of statsmodels equals R's coxph to the last digits, under
    Efron's it does not (it keeps Breslow's residuals).
    """
    check_level(level)
    frame = pd.DataFrame(covariates)
    if frame.shape[1] == 0:
        raise AnalysisError("there is no covariate")
    d = check_follow_up(time, event, {str(name): frame[name] for name in frame.columns}, cluster)
    x = np.column_stack(d.columns)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    flat = [str(c) for c, s, m in zip(frame.columns, spread, centre, strict=True) if s <= 1e-12 * max(1, abs(m))]
    if flat:
        raise AnalysisError("a covariate has one value only", found=", ".join(flat), fix="leave it out")
    scaled = (x - centre) / spread
    if np.linalg.matrix_rank(scaled, tol=1e-8 * math.sqrt(len(scaled))) < x.shape[1]:
        raise AnalysisError("a covariate is determined by the others", found=", ".join(map(str, frame.columns)))
    happened = d.event == 1
    counts = {"n_rows": d.time.size, "n_patients": d.n_patients, "n_events": int(happened.sum())}
    coef = se = np.full(x.shape[1], math.nan)
    note = _impossible(d.time, happened)
    if not note:
        # Rows censored before the first event are in no risk set; statsmodels gives them NaN for a residual of 0.
        use = d.time >= d.time[happened].min()
        fit = _fit(d.time[use], scaled[use], happened[use], d.patient[use])
        if fit is None:
            note = "the likelihood has no maximum (a group without an event?): cannot be estimated"
        else:
            coef, se = fit[0] / spread, fit[1] / spread
            if not (se > 1e-10 * np.abs(coef)).all():
                se = np.full(x.shape[1], math.nan)
                note = "too few patients or events: no robust standard error"
    half = z_quantile(level) * se
    return pd.DataFrame(
        {"coef": coef, "se": se, "hazard_ratio": np.exp(coef), "ci_low": np.exp(coef - half),
         "ci_high": np.exp(coef + half), "z": coef / se, "p_value": [two_sided_p(z) for z in coef / se],
         **counts, "note": note},
        index=pd.Index([str(c) for c in frame.columns], name="term"),
    )  # fmt: skip


def _fit(time: Floats, x: Floats, happened: Bools, patient: Ints) -> tuple[Floats, Floats] | None:
    """Return coefficients and robust standard errors, or None without a maximum."""
    # Here, as no other function needs statsmodels, which takes long to import.
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, HessianInversionWarning

    model = PHReg(time, x, status=happened.astype(int), ties="breslow")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plain = model.fit(disp=0)
            if not np.isfinite(plain.bse).all() or plain.bse.max() > _ENDLESS:
                return None
            robust = model.fit(groups=patient, disp=0)
    except (ConvergenceWarning, HessianInversionWarning, RuntimeWarning, np.linalg.LinAlgError):
        return None
    return np.asarray(robust.params), np.asarray(robust.bse)


def _impossible(time: Floats, happened: Bools) -> str:
    """Return why no hazard ratio can be estimated, or nothing."""
    if not happened.any():
        return "no event: cannot be estimated"
    if (time >= time[happened].min()).sum() < 2:
        return "nobody else was at risk at the event: cannot be estimated"
    return ""
