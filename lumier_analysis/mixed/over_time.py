"""A score over time: a linear mixed model by statsmodels, with its failures said in words."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError
from scipy.stats import norm
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.mixed_linear_model import MixedLM

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.random_intercept import variance_is_zero

# Tried in this order until one converges with a usable covariance.
_OPTIMISERS = ("lbfgs", "powell", "bfgs")
# Smallest eigenvalue of the random-effects covariance (relative to the residual variance): below it the
# fit lies at the boundary, where Wald intervals of the variance parameters have no meaning.
_SINGULAR = 1e-5
# Two optimisers agree when their log likelihoods differ by less: far below what a test or an interval could notice.
_AGREE = 1e-4
_ZERO_VARIANCE = "the variance between patients is estimated as zero: ordinary least squares, as REML gives there"


@dataclass(frozen=True)
class MixedResult:
    """A fitted linear mixed model.

    Attributes
    ----------
    coefficients : DataFrame
        Index term (Intercept, C(visit)[T.M3], ...); estimate, se, z, p_value, ci_low, ci_high, in units of the score.
    covariance : DataFrame
        Of the fixed effects, terms by terms.
    random_covariance : DataFrame
        Of the random effects within a patient; empty where their variance is zero.
    residual_variance : float
    log_likelihood : float
        REML; comparable between models with the same fixed effects only. NaN where the variance is zero.
    n_rows, n_patients, n_dropped : int
        Rows used, their patients, and rows left out for a missing value.
    converged, singular : bool
        singular: what was asked for lies at the boundary and a simpler model was fitted; see `note`.
    method, note, formula, random, response : str
        `random` is what was fitted.
    level : float
    """

    coefficients: pd.DataFrame
    covariance: pd.DataFrame
    random_covariance: pd.DataFrame
    residual_variance: float
    log_likelihood: float
    n_rows: int
    n_patients: int
    n_dropped: int
    converged: bool
    singular: bool
    method: str
    note: str
    formula: str
    random: str
    response: str
    level: float
    used: pd.DataFrame = field(repr=False)
    spec: Any = field(repr=False)

    def _repr_html_(self) -> str:
        counts = f"{self.n_patients} patients, {self.n_rows} rows"
        dropped = f", {self.n_dropped} rows with a missing value left out" if self.n_dropped else ""
        note = f"<br>{self.note}" if self.note else ""
        return f"<p><small>{self.method}; {counts}{dropped}{note}</small></p>{self.coefficients.to_html()}"


def score_over_time(
    frame: pd.DataFrame, formula: str, groups: str, random: str = "1", *, level: float = 0.95
) -> MixedResult:
    """Fit a linear mixed model by REML.

    Parameters
    ----------
    frame : DataFrame
        One row a visit. Rows with a missing value in a variable of the model are left out and counted.
    formula : str
        Fixed effects, "score ~ C(visit) + prednisone".
    groups : str
        Column of the patient.
    random : str
        Random effects within a patient: "1" or "1 + month".
    level : float

    Returns
    -------
    MixedResult
        Wald z inference, which is slightly liberal with few patients. A random slope at the boundary is dropped
        (random intercept only), and a random intercept whose variance is zero leaves ordinary least squares, which
        is what REML gives there; `singular` and `note` say so.

    Raises
    ------
    AnalysisError
        A formula that cannot be read, an unknown column, fewer rows than coefficients, collinear columns, a response
        without variation, fewer than two patients, or no convergence.
    """
    y, x, z, used, spec = _design(frame, formula, groups, random)
    codes, names = pd.factorize(used[groups].astype(str))
    if len(names) < 2:
        raise AnalysisError("a mixed model needs two patients", found=f"{len(names)}")
    matrix, response = x.to_numpy(dtype=np.float64), y.to_numpy(dtype=np.float64).ravel()
    rank = int(np.linalg.matrix_rank(matrix))
    if rank < matrix.shape[1]:
        raise AnalysisError(
            "the columns of the model are collinear",
            found=f"{matrix.shape[1]} columns, rank {rank}: {', '.join(x.columns)}",
            fix="leave out a term, or a category without rows",
        )
    if response.size <= matrix.shape[1]:
        raise AnalysisError(
            "the model has as many coefficients as rows", found=f"{response.size} rows, {matrix.shape[1]} coefficients"
        )
    if np.ptp(response) <= 1e-12 * max(1.0, float(np.abs(response).max())):
        raise AnalysisError(f"{y.columns[0]} is constant: there is nothing to model")

    common: dict[str, Any] = {
        "formula": formula,
        "response": str(y.columns[0]),
        "level": level,
        "used": used,
        "spec": spec,
        "n_rows": response.size,
        "n_patients": len(names),
        "n_dropped": len(frame) - len(used),
    }
    fit = _fit(response, matrix, codes, z.to_numpy(dtype=np.float64))
    note, fitted, singular = "", random, False
    if fit is None and z.shape[1] > 1:
        singular, fitted = True, "1"
        note = f"the random effects '{random}' lie at the boundary: random intercept only"
        fit = _fit(response, matrix, codes, np.ones((response.size, 1)))
    if fit is None:
        if not variance_is_zero(response, matrix, codes.astype(np.intp)):
            raise AnalysisError(f"the mixed model {formula} did not converge", fix="simplify the fixed effects")
        note = "; ".join(filter(None, [note, _ZERO_VARIANCE]))
        least = OLS(response, matrix).fit()
        return _result(
            x, least.params, np.asarray(least.cov_params()), pd.DataFrame(), float(least.scale), np.nan,
            method="Wald z (ordinary least squares)", note=note, random="none", singular=True, **common,
        )  # fmt: skip
    p = matrix.shape[1]
    names_z = list(z.columns) if fitted == random else ["Intercept"]
    return _result(
        x,
        np.asarray(fit.fe_params),
        np.asarray(fit.cov_params())[:p, :p],
        pd.DataFrame(np.asarray(fit.cov_re), index=names_z, columns=names_z),
        float(fit.scale),
        float(fit.llf),
        method="Wald z (statsmodels MixedLM, REML)",
        note=note,
        random=fitted,
        singular=singular,
        **common,
    )


def _design(frame: pd.DataFrame, formula: str, groups: str, random: str) -> tuple[Any, Any, Any, pd.DataFrame, Any]:
    """Return response, fixed and random design of the complete rows, these rows, and the specification."""
    try:
        fixed, within = Formula(formula), Formula(random)
        needed = [*dict.fromkeys([*map(str, fixed.required_variables), *map(str, within.required_variables), groups])]
        absent = [name for name in needed if name not in frame.columns]
        if absent:
            raise AnalysisError("the table lacks columns of the model", found=f"without {', '.join(absent)}")
        used = frame.dropna(subset=needed)
        if used.empty:
            raise AnalysisError("no row has every variable of the model", found=", ".join(needed))
        # Categories without a row would be columns of zeros.
        for name in needed:
            if isinstance(used[name].dtype, pd.CategoricalDtype):
                used = used.assign(**{name: used[name].cat.remove_unused_categories()})
        if not hasattr(fixed, "lhs"):
            raise AnalysisError(f"the model {formula!r} needs a response", fix="write it as 'score ~ month'")
        response = str(fixed.lhs)
        if response in used and not pd.api.types.is_numeric_dtype(used[response]):
            raise AnalysisError(f"the response {response} is not a number", found=str(used[response].dtype))
        both = fixed.get_model_matrix(used, na_action="raise")
        z = within.get_model_matrix(used, na_action="raise")
        return both.lhs, both.rhs, z, used, both.rhs.model_spec
    except (FormulaicError, SyntaxError, AttributeError, ValueError, TypeError) as error:
        raise AnalysisError(f"the model {formula!r} cannot be built", found=str(error).splitlines()[0]) from None


def _at_boundary(fit: Any, z: Any) -> bool:
    """Tell whether a random effect adds (almost) nothing to the response.

    A slope per day has a tiny variance without being at the boundary, so each effect is judged by what it adds to y.
    """
    size = np.sqrt((z**2).mean(axis=0))
    relative = np.asarray(fit.cov_re) * np.outer(size, size) / fit.scale
    return not np.isfinite(relative).all() or float(np.linalg.eigvalsh(relative).min()) <= _SINGULAR


def _fit(y: Any, x: Any, codes: Any, z: Any) -> Any:
    """Return the fit with the highest likelihood of several optimisers, or None at the boundary.

    One optimiser alone cannot be trusted: near the boundary lbfgs may report convergence far below the maximum.
    """
    fits: list[Any] = []
    for optimiser in _OPTIMISERS:
        with warnings.catch_warnings():
            # Their content is checked below, on the fit itself.
            warnings.simplefilter("ignore")
            try:
                fit = MixedLM(y, x, groups=codes, exog_re=z).fit(reml=True, method=[optimiser])
                if fit.converged and np.isfinite(fit.llf) and np.isfinite(np.asarray(fit.bse_fe)).all():
                    fits.append(fit)
            except (np.linalg.LinAlgError, ValueError, FloatingPointError):
                continue
        # Two that agree are enough; so are two of which the better one lies at the boundary.
        if len(fits) < 2:
            continue
        best = max(fits, key=lambda f: f.llf)
        if abs(fits[0].llf - fits[1].llf) < _AGREE or _at_boundary(best, z):
            break
    if not fits:
        return None
    best = max(fits, key=lambda f: f.llf)
    if _at_boundary(best, z):
        return None
    if z.shape[1] == 1:
        return best
    # More random effects cannot fit worse than the random intercept alone.
    simpler = _fit(y, x, codes, np.ones((y.size, 1)))
    return None if simpler is not None and best.llf < simpler.llf - _AGREE else best


def _result(
    x: pd.DataFrame, beta: Any, covariance: Any, random_covariance: pd.DataFrame, scale: float, llf: float, **rest: Any
) -> MixedResult:
    """Build the coefficient table and the result."""
    terms = pd.Index([str(c) for c in x.columns], name="term")
    se = np.sqrt(np.diag(covariance))
    half = norm.ppf(0.5 + rest["level"] / 2) * se
    table = pd.DataFrame(
        {
            "estimate": beta,
            "se": se,
            "z": beta / se,
            "p_value": 2 * norm.sf(np.abs(beta / se)),
            "ci_low": beta - half,
            "ci_high": beta + half,
        },
        index=terms,
    )
    return MixedResult(
        coefficients=table,
        covariance=pd.DataFrame(covariance, index=terms, columns=terms),
        random_covariance=random_covariance,
        residual_variance=scale,
        log_likelihood=llf,
        converged=True,
        **rest,
    )
