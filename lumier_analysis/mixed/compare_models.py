"""Likelihood ratio tests of nested models, with the right reference where a variance lies at its boundary of zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.mmrm import RepeatedMeasures
from lumier_analysis.mixed.model import FittedModel

Floats = npt.NDArray[np.float64]

# Columns whose part outside a space is larger than this, relative to their length, do not lie in it.
_OUTSIDE = 1e-7
# The larger model may fall below the smaller one by this much of deviance: two searches, each at its own end.
_ROUNDING = 1e-5
# A statistic below this is zero: the variance is estimated as zero, and p is 1.
_NOTHING = 1e-6
# Each covariance of visits, and those that contain it.
_CONTAINED = {
    "compound symmetry": ("toeplitz", "heterogeneous compound symmetry", "heterogeneous toeplitz", "unstructured"),
    "ar1": ("toeplitz", "heterogeneous ar1", "heterogeneous toeplitz", "unstructured"),
    "toeplitz": ("heterogeneous toeplitz", "unstructured"),
    "heterogeneous compound symmetry": ("heterogeneous toeplitz", "unstructured"),
    "heterogeneous ar1": ("heterogeneous toeplitz", "unstructured"),
    "heterogeneous toeplitz": ("unstructured",),
}


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood ratio test.

    Attributes
    ----------
    statistic : float
        Twice the difference of the log-likelihoods.
    df : int
        Parameters that the smaller model lacks.
    p_value : float
    reference : str
        Distribution under the smaller model, in words.
    log_likelihood_small, log_likelihood_large : float
    reml : bool
    note : str
    """

    statistic: float
    df: int
    p_value: float
    reference: str
    log_likelihood_small: float
    log_likelihood_large: float
    reml: bool
    note: str = ""

    def __str__(self) -> str:
        kind = "REML" if self.reml else "ML"
        note = f"; {self.note}" if self.note else ""
        return f"likelihood ratio ({kind}) {self.statistic:.4g}, {self.reference}, p = {self.p_value:.3g}{note}"


def compare_models(first: FittedModel, second: FittedModel) -> LikelihoodRatio:
    """Return the likelihood ratio test of two nested models, given in either order.

    Parameters
    ----------
    first, second : FittedModel
        Both of `lmm` or both of `mmrm`, on the same rows. Where fixed effects differ, both by maximum likelihood
        (reml=False); where variances alone differ, REML is to be preferred.

    Returns
    -------
    LikelihoodRatio
        Reference distributions: see `boundary_p_value`.

    Raises
    ------
    UsageError
        REML with different fixed effects, one model by REML and the other not, models of two kinds.
    AnalysisError
        Different rows, models that are not nested or the same, a search that did not converge.
    """
    check_kind(first, second)
    if first.reml != second.reml:
        raise UsageError("one model is by REML, the other by maximum likelihood", fix="reml=False in both")
    small, large, more_fixed, more_variances = nested(first, second)
    if small.reml and (more_fixed or not np.allclose(small.design.x, large.design.x, rtol=1e-10)):
        raise UsageError(
            "restricted likelihoods of different fixed effects, or of another coding of them, cannot be compared",
            found=f"{first.design.formula}; {second.design.formula}",
            fix="reml=False in both models",
        )
    df = more_fixed + large.n_variance_parameters - small.n_variance_parameters
    if not (first.converged and second.converged):
        raise AnalysisError("a search for the likelihood did not converge", found=small.note or large.note)
    return likelihood_ratio(small.log_likelihood, large.log_likelihood, df, more_variances, small.reml)


def check_kind(first: FittedModel, second: FittedModel) -> None:
    """Refuse models that are not both of `lmm` or both of `mmrm`."""
    if type(first) is not type(second) or not isinstance(first, LinearMixedModel | RepeatedMeasures):
        raise UsageError(
            "two models of lmm, or two of mmrm, can be compared",
            found=f"{type(first).__name__} and {type(second).__name__}",
        )


def nested(first: FittedModel, second: FittedModel) -> tuple[FittedModel, FittedModel, int, int]:
    """Return the smaller and the larger model, and how many fixed effects and variances the smaller one lacks.

    Raises
    ------
    AnalysisError
        Different rows, models that are not nested or the same.
    """
    if first.n_rows != second.n_rows or not np.array_equal(first.design.y, second.design.y):
        raise AnalysisError(
            "the models are of different rows or responses: their likelihoods cannot be compared",
            found=f"{first.n_rows} and {second.n_rows} rows",
            fix="leave out the rows with a missing value in either model first",
        )
    small, large = sorted((first, second), key=lambda m: len(m.beta) + m.n_variance_parameters)
    more_fixed = len(large.beta) - len(small.beta)
    if not _within(small.design.x, large.design.x):
        raise AnalysisError(
            "the fixed effects are not nested", found=f"{first.design.formula}; {second.design.formula}"
        )
    more_variances = _nested_variances(small, large)
    if more_fixed == 0 and large.n_variance_parameters == small.n_variance_parameters:
        raise AnalysisError("the models are the same: there is nothing to compare", found=first.design.formula)
    return small, large, more_fixed, more_variances


def boundary_p_value(statistic: float, df: int, more_variances: int) -> tuple[float, str]:
    """Return the p value of a likelihood ratio, and its reference distribution in words.

    Parameters
    ----------
    statistic : float
    df : int
        Parameters tested, fixed effects and covariances with them.
    more_variances : int
        How many variances the smaller model sets to zero.

    Notes
    -----
    With none, chi-square of `df`. With one, the equal mixture of chi-squares of ``df - 1`` and `df` (Self and Liang
    1987, J Am Stat Assoc 82:605, cases 5 and 6; Stram and Lee 1994, Biometrics 50:1171), for one variance alone
    ``0.5 chi2(0) + 0.5 chi2(1)``. With more, the weights depend on the design; the same mixture is then an upper bound,
    as weights of odd and of even degrees of freedom each sum to a half (Perlman 1969, Ann Math Stat 40:549; Silvapulle
    and Sen 2005, section 3.6).
    """
    if more_variances == 0:
        return float(chi2.sf(statistic, df)), f"chi2({df})"
    lower = float(chi2.sf(statistic, df - 1)) if df > 1 else float(statistic <= _NOTHING)
    words = f"0.5 chi2({df - 1}) + 0.5 chi2({df})"
    p = 0.5 * lower + 0.5 * float(chi2.sf(statistic, df))
    return p, words if more_variances == 1 else f"at most {words}"


def likelihood_ratio(small: float, large: float, df: int, more_variances: int, reml: bool) -> LikelihoodRatio:
    """Return the test from two log-likelihoods; parameters as in `boundary_p_value`."""
    statistic = 2 * (large - small)
    if statistic < -_ROUNDING * max(1.0, abs(large)):
        raise AnalysisError("the larger model fits worse: one of the searches ended early", found=f"{statistic:.3g}")
    statistic = max(statistic, 0.0)
    p, words = boundary_p_value(statistic, df, more_variances)
    note = "p is an upper bound: several variances are tested at once; see bootstrap_comparison"
    return LikelihoodRatio(statistic, df, p, words, small, large, reml, note if more_variances > 1 else "")


def _nested_variances(small: FittedModel, large: FittedModel) -> int:
    """Return how many variances the smaller model sets to zero; refuse what is not nested."""
    if isinstance(small, RepeatedMeasures) and isinstance(large, RepeatedMeasures):
        a, b = small.covariance_structure, large.covariance_structure
        if a != b and b not in _CONTAINED.get(a, ()):
            raise AnalysisError("the covariances of the visits are not nested", found=f"{a}; {b}")
        return 0
    assert isinstance(small, LinearMixedModel) and isinstance(large, LinearMixedModel)
    names = list(large.effects)
    arrays, wider = small.fit.problem.arrays, large.fit.problem.arrays
    for name, z, codes in zip(small.effects, arrays.z, arrays.codes, strict=True):
        f = names.index(name) if name in names else -1
        inside = f >= 0 and np.array_equal(codes, wider.codes[f]) and _within(z, wider.z[f])
        # Correlations of the smaller model need theirs in the larger one.
        if not inside or (is_correlated(small, name) and not is_correlated(large, name)):
            raise AnalysisError(
                "the random effects are not nested",
                found="; ".join(f"{k}: {' + '.join(v)}" for m in (small, large) for k, v in m.effects.items()),
            )
    return sum(map(len, large.effects.values())) - sum(map(len, small.effects.values()))


def is_correlated(model: LinearMixedModel, name: str) -> bool:
    """Return whether the random effects of a grouping factor have correlations."""
    f, at = list(model.effects).index(name), model.fit.problem.arrays.structure.at
    return bool(((at[:, 0] == f) & (at[:, 1] != at[:, 2])).any())


def _within(small: Floats, large: Floats) -> bool:
    """Return whether the columns of one matrix lie in the span of another's."""
    off = small - large @ np.linalg.lstsq(large, small, rcond=None)[0]
    return bool((np.linalg.norm(off, axis=0) <= _OUTSIDE * np.linalg.norm(small, axis=0)).all())
