"""Linear mixed models of a formula: scores over time with random effects of patients, centres, plates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.design import build_design, group_codes, random_columns
from lumier_analysis.mixed.fit_lmm import LmmFit, arrange
from lumier_analysis.mixed.lmm_spread import kenward_roger_spread, plain_spread, satterthwaite_spread
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.small_sample import check_method

Floats = npt.NDArray[np.float64]

_METHODS = ("satterthwaite", "kenward-roger", "normal")
_WORDS = {"satterthwaite": "Satterthwaite", "kenward-roger": "Kenward-Roger", "normal": "normal approximation"}


@dataclass(frozen=True, kw_only=True, repr=False)
class LinearMixedModel(FittedModel):
    """A fitted linear mixed model; see `FittedModel` for coefficients, contrasts and F tests.

    Attributes
    ----------
    fit : LmmFit
        Estimates on arrays; `fit.problem` refits and gives the deviance at any theta.
    labels : dict of str -> tuple of str
        Levels of every grouping factor.
    effects : dict of str -> tuple of str
        Random effects of every grouping factor.
    """

    fit: LmmFit
    labels: Mapping[str, tuple[str, ...]]
    effects: Mapping[str, tuple[str, ...]]

    @property
    def theta(self) -> Floats:
        """Relative factor of the random effects' covariance, as lme4's theta."""
        return self.fit.theta

    @property
    def random_covariance(self) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """Covariance of the random effects, in squared units of the response; by factor where there are several."""
        return _one_or_all(
            {
                name: pd.DataFrame(value, index=list(effects), columns=list(effects))
                for (name, effects), value in zip(self.effects.items(), self.fit.random_covariance, strict=True)
            }
        )

    @property
    def random_effects(self) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """Conditional modes (BLUPs) of every level, in units of the response; by factor where there are several."""
        return _one_or_all(
            {
                name: pd.DataFrame(modes, index=pd.Index(self.labels[name], name=name), columns=list(effects))
                for (name, effects), modes in zip(self.effects.items(), self.fit.modes, strict=True)
            }
        )

    @property
    def fitted(self) -> pd.Series:
        """Fitted values of the rows used, random effects included."""
        return pd.Series(self.fit.fitted[1], index=self.design.used.index, name="fitted")

    @property
    def fitted_marginal(self) -> pd.Series:
        """Fitted values of the rows used, fixed effects alone."""
        return pd.Series(self.fit.fitted[0], index=self.design.used.index, name="fitted_marginal")

    @property
    def residuals(self) -> pd.Series:
        """Response less `fitted`."""
        return (self.design.y - self.fitted).rename("residual")

    @property
    def residuals_marginal(self) -> pd.Series:
        """Response less `fitted_marginal`."""
        return (self.design.y - self.fitted_marginal).rename("residual_marginal")

    @property
    def n_parameters(self) -> int:
        """Fixed effects and variance parameters, as counted by AIC and BIC."""
        return len(self.beta) + self.n_variance_parameters

    @property
    def aic(self) -> float:
        """Akaike's criterion, as R's AIC; under REML for models of the same fixed effects only."""
        return -2 * self.log_likelihood + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion with the number of rows, as R's BIC."""
        return float(-2 * self.log_likelihood + np.log(self.n_rows) * self.n_parameters)


def lmm(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | None = None,
    random: str | Mapping[str, str] = "1",
    reml: bool = True,
    df: str = "satterthwaite",
    correlated: bool = True,
    level: float = 0.95,
) -> LinearMixedModel:
    """Fit a linear mixed model.

    Parameters
    ----------
    formula : str
        "score ~ C(visit) * arm + prednisone", fixed effects.
    data : DataFrame
        One row an observation; rows with a missing value in a variable of the model are left out and counted.
    groups : str
        Column of the patient.
    random : str or mapping of str -> str
        Random effects within `groups`: "1", "1 + month", "0 + month"; or those of several columns, nested or crossed:
        {"centre": "1", "patient": "1 + month"}. Levels of a nested factor need names of their own.
    reml : bool
        Restricted maximum likelihood; false for maximum likelihood, to compare fixed effects by likelihood.
    df : str
        "satterthwaite" (as lmerTest), "kenward-roger" (as pbkrtest; REML only), or "normal".
    correlated : bool
        False: independent random effects, ``||`` in lme4.
    level : float
        Of confidence intervals.

    Returns
    -------
    LinearMixedModel
        A variance estimated as zero is a result: `singular` is true.

    Raises
    ------
    AnalysisError
        Data that do not fit the model: collinear columns, one row a patient, a residual variance of zero.
    UsageError
        Arguments that cannot be taken.
    """
    if not isinstance(data, pd.DataFrame) or not isinstance(formula, str) or not isinstance(df, str):
        raise UsageError(
            "a mixed model is called with a formula and a table", fix='lmm("score ~ month", data, groups="patient_id")'
        )
    method = check_method(df, _METHODS)
    if method == "kenward-roger" and not reml:
        raise UsageError("Kenward-Roger is defined for REML", found="reml=False", fix='df="satterthwaite"')
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise UsageError("the confidence level lies between 0 and 1", found=str(level), fix="level=0.95")
    parts = _random_parts(groups, random)
    design = build_design(formula, data, others=list(parts), random=list(parts.values()))
    if not design.response:
        raise UsageError("the formula has no response", found=repr(formula), fix="score ~ month")
    columns = {name: random_columns(part, design.used) for name, part in parts.items()}
    codes = {name: group_codes(design.used[name], name) for name in parts}
    arrays = arrange(
        design.x, [z for z, _ in columns.values()], [code for code, _ in codes.values()],
        correlated=correlated, names=list(parts),
    )  # fmt: skip
    fit = arrays.problem(design.y, reml=reml).fit()
    make = {"satterthwaite": satterthwaite_spread, "kenward-roger": kenward_roger_spread, "normal": plain_spread}
    effects = {name: names for name, (_, names) in columns.items()}
    return LinearMixedModel(
        design=design, beta=fit.beta, spread=make[method](fit), df=method, log_likelihood=fit.log_likelihood,
        reml=reml, converged=fit.converged, singular=fit.singular, n_groups=max(arrays.levels),
        n_variance_parameters=fit.theta.size + 1, residual_variance=fit.residual_variance,
        method=f"linear mixed model, {'REML' if reml else 'maximum likelihood'}, {_WORDS[method]} df"
        if method != "normal" else f"linear mixed model, {'REML' if reml else 'maximum likelihood'}, Wald z",
        note=_note(fit, effects), level=level, fit=fit,
        labels={name: labels for name, (_, labels) in codes.items()}, effects=effects,
    )  # fmt: skip


def _random_parts(groups: str | None, random: str | Mapping[str, str]) -> dict[str, str]:
    """Return the random-effects formula of every grouping column."""
    if isinstance(random, Mapping):
        if groups is not None or not random:
            raise UsageError(
                "random effects of several columns name their columns themselves",
                found=f"groups={groups!r}" if random else "random={}",
                fix='random={"centre": "1", "patient": "1 + month"}, without groups',
            )
        parts = dict(random)
    elif not isinstance(groups, str):
        raise UsageError(
            "a mixed model needs the name of the column that groups the rows",
            found=type(groups).__name__,
            fix='groups="patient_id", or random={"centre": "1", "patient": "1"} for several',
        )
    else:
        parts = {groups: random}
    for name, part in parts.items():
        if (
            not isinstance(name, str)
            or not isinstance(part, str)
            or "|" in part
            or part.count("~") > part.startswith("~")
        ):
            raise UsageError(
                "random effects are the right-hand side of a formula, their column apart",
                found=f"{name!r}: {part!r}",
                fix='random="1 + month", groups="patient_id"; for lme4\'s (1 + month || patient) correlated=False',
            )
    return parts


def _one_or_all(by_factor: dict[str, pd.DataFrame]) -> pd.DataFrame | dict[str, pd.DataFrame]:
    return by_factor if len(by_factor) > 1 else next(iter(by_factor.values()))


def _note(fit: LmmFit, effects: Mapping[str, tuple[str, ...]]) -> str:
    """Return what the reader must know, in sentences."""
    out, arrays = [], fit.problem.arrays
    if fit.singular:
        out.append("singular fit: a variance is estimated as zero, or random effects as perfectly correlated")
    if not fit.converged:
        out.append("the optimiser did not converge: do not use these estimates")
    if fit.optimum.spread > 0:
        out.append(
            f"the likelihood has several maxima; the highest of {fit.optimum.starts} starts is given, the lowest lies "
            f"{fit.optimum.spread / 2:.3g} below it"
        )
    for z, codes, (name, columns) in zip(arrays.z, arrays.codes, effects.items(), strict=True):
        first = np.zeros(codes.max() + 1, dtype=np.intp)
        first[codes[::-1]] = np.arange(len(codes))[::-1]
        still = (z == z[first[codes]]).all(axis=0) & (z != z[0]).any(axis=0)
        if still.any():
            which = ", ".join(column for column, fixed in zip(columns, still, strict=True) if fixed)
            out.append(f"{which} does not vary within any {name}: its variance is one between levels of {name}")
    names = list(effects)
    for i, left in enumerate(arrays.codes):
        for j in range(i + 1, len(names)):
            right = arrays.codes[j]
            cells = len(np.unique(left * (right.max() + 1) + right))
            if cells > max(left.max(), right.max()) + 1:
                out.append(f"{names[i]} and {names[j]} are crossed: a level of either occurs with several of the other")
    return "; ".join(out)
