"""What every fitted model of scores over time shows: coefficients, contrasts, F tests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.design import Design
from lumier_analysis.mixed.small_sample import (
    FTest,
    kenward_roger_covariance,
    kenward_roger_f,
    normal_f,
    satterthwaite_df,
    satterthwaite_f,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How the covariance of the fixed effects hangs on the variance parameters; arrays as in `small_sample`."""

    phi: Floats
    slopes: Floats
    w: Floats
    curves: Floats | None = None
    bends: Floats | None = None


@dataclass(frozen=True, repr=False)
class FittedModel:
    """A fitted linear model of correlated observations.

    Attributes
    ----------
    design : Design
    beta : ndarray, shape (p,)
        Fixed effects, in units of the response.
    spread : Spread
    df : str
        How degrees of freedom are found: see `small_sample.METHODS`.
    log_likelihood : float
        Restricted (comparable between models of the same fixed effects only) or full; constants included, as in R.
    reml, converged, singular : bool
        singular: a variance is estimated as zero or a correlation as 1; a result, not a failure.
    n_groups : int
        Patients.
    n_variance_parameters : int
    residual_variance : float
    method, note : str
        Estimator in words; what the reader must know.
    level : float
    """

    design: Design
    beta: Floats
    spread: Spread
    df: str
    log_likelihood: float
    reml: bool
    converged: bool
    singular: bool
    n_groups: int
    n_variance_parameters: int
    residual_variance: float
    method: str
    note: str
    level: float
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.design.columns

    @property
    def n_rows(self) -> int:
        """Observations used."""
        return int(self.design.x.shape[0])

    @property
    def n_dropped(self) -> int:
        """Observations left out for a missing value."""
        return self.design.n_dropped

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of the fixed effects, shape (p, p); adjusted under Kenward-Roger."""
        s = self.spread
        if self.df.startswith("kenward-roger") and s.curves is not None:
            return kenward_roger_covariance(s.phi, s.slopes, s.w, s.curves, s.bends)
        return s.phi

    def t_df(self, contrast: Floats) -> float:
        """Return the degrees of freedom of one contrast of the coefficients, shape (p,); infinite under "normal"."""
        if self.df == "normal":
            return math.inf
        # For one contrast Kenward and Roger's denominator degrees of freedom are Satterthwaite's.
        return satterthwaite_df(contrast, self.spread.phi, self.spread.slopes, self.spread.w)

    def contrast(self, rows: Any, names: Any = None) -> pd.DataFrame:
        """Return linear combinations of the coefficients with their t tests.

        Parameters
        ----------
        rows : array-like, shape (k, p), or DataFrame with columns named after terms (absent or NaN = 0)
        names : sequence of str, optional
            Index of the result; default the index of a DataFrame.

        Returns
        -------
        DataFrame
            estimate, se, df, t, p_value, ci_low, ci_high.
        """
        l_rows, index = self._rows(rows)
        estimate = l_rows @ self.beta
        se = np.sqrt(np.einsum("ka,ab,kb->k", l_rows, self.covariance, l_rows))
        df = np.array([self.t_df(row) if s > 0 else math.nan for row, s in zip(l_rows, se, strict=True)])
        statistic = np.divide(estimate, se, out=np.full_like(se, math.nan), where=se > 0)
        half = student.ppf(0.5 + self.level / 2, df) * se
        table = {
            "estimate": estimate, "se": se, "df": df, "t": statistic, "p_value": 2 * student.sf(np.abs(statistic), df),
            "ci_low": estimate - half, "ci_high": estimate + half,
        }  # fmt: skip
        return pd.DataFrame(table, index=pd.Index(index if names is None else list(names), name="contrast"))

    @cached_property
    def coefficients(self) -> pd.DataFrame:
        """Coefficients by term: estimate, se, df, t, p_value, ci_low, ci_high."""
        return self.contrast(np.eye(len(self.terms)), self.terms).rename_axis("term")

    def f_test(self, rows: Any) -> FTest:
        """Test that all contrasts are zero.

        Parameters
        ----------
        rows : array-like, shape (k, p), or DataFrame with columns named after terms (absent or NaN = 0)

        Raises
        ------
        AnalysisError
            A term that the model does not have, or nothing to test.
        """
        l_rows, _ = self._rows(rows)
        if not np.any(l_rows):
            raise AnalysisError("there is nothing to test: every contrast is zero")
        s = self.spread
        if self.df == "normal":
            return normal_f(l_rows, self.beta, s.phi)
        if self.df == "satterthwaite":
            return satterthwaite_f(l_rows, self.beta, s.phi, s.slopes, s.w)
        return kenward_roger_f(l_rows, self.beta, s.phi, s.slopes, s.w, self.covariance)

    def _rows(self, rows: Any) -> tuple[Floats, list[Any]]:
        """Return contrasts as an array over the coefficients, and their labels."""
        if isinstance(rows, pd.DataFrame):
            unknown = [str(c) for c in rows.columns if c not in self.terms]
            if unknown:
                raise AnalysisError(
                    "a contrast names terms that the model does not have",
                    found=", ".join(unknown),
                    fix=f"terms are {', '.join(self.terms)}",
                )
            full = rows.reindex(columns=list(self.terms)).fillna(0.0)
            return full.to_numpy(dtype=np.float64), list(rows.index)
        values = np.atleast_2d(np.asarray(rows, dtype=np.float64))
        if values.shape[1] != len(self.terms) or not np.isfinite(values).all():
            raise AnalysisError(
                "a contrast has one finite weight a coefficient",
                found=f"shape {values.shape} for {len(self.terms)} coefficients",
                fix=f"terms are {', '.join(self.terms)}",
            )
        return values, list(range(len(values)))

    def _summary(self) -> str:
        dropped = f", {self.n_dropped} rows with a missing value left out" if self.n_dropped else ""
        return f"{self.method}; {self.n_groups} patients, {self.n_rows} rows{dropped}"

    def __repr__(self) -> str:
        # Never the fields: they hold the rows and the names of patients, and a notebook keeps what it shows.
        table = self.coefficients.to_string(float_format=lambda v: f"{v:.4g}")
        return "\n".join(filter(None, [self._summary(), self.note, table]))

    def _repr_html_(self) -> str:
        note = f"<br>{self.note}" if self.note else ""
        table = self.coefficients.to_html(float_format=lambda v: f"{v:.4g}")
        return f"<p><small>{self._summary()}{note}</small></p>{table}"
