"""Scores over time: linear mixed models (statsmodels, Wald z), marginal means, intraclass correlation."""

from lumier_analysis.mixed.agreement import icc, repeated_measures_correlation
from lumier_analysis.mixed.fit_lmm import LmmFit, arrange, fit_lmm
from lumier_analysis.mixed.lmm import LinearMixedModel, lmm
from lumier_analysis.mixed.means import contrasts, marginal_means
from lumier_analysis.mixed.mmrm import RepeatedMeasures, mmrm
from lumier_analysis.mixed.over_time import MixedResult, score_over_time
from lumier_analysis.mixed.summaries import mean_estimates, term_estimate
from lumier_analysis.mixed.variogram import Variogram, variogram

__all__ = [
    "LinearMixedModel",
    "LmmFit",
    "MixedResult",
    "RepeatedMeasures",
    "Variogram",
    "arrange",
    "contrasts",
    "fit_lmm",
    "icc",
    "lmm",
    "marginal_means",
    "mean_estimates",
    "mmrm",
    "repeated_measures_correlation",
    "score_over_time",
    "term_estimate",
    "variogram",
]
