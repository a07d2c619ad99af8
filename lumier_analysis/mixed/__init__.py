"""Scores over time: linear mixed models (statsmodels, Wald z), marginal means, intraclass correlation."""

from lumier_analysis.mixed.agreement import icc, repeated_measures_correlation
from lumier_analysis.mixed.means import contrasts, marginal_means
from lumier_analysis.mixed.over_time import MixedResult, score_over_time
from lumier_analysis.mixed.summaries import mean_estimates, term_estimate
from lumier_analysis.mixed.variogram import Variogram, variogram

__all__ = [
    "MixedResult",
    "Variogram",
    "contrasts",
    "icc",
    "marginal_means",
    "mean_estimates",
    "repeated_measures_correlation",
    "score_over_time",
    "term_estimate",
    "variogram",
]
