"""Scores over time: linear mixed models (statsmodels, Wald z), marginal means, intraclass correlation."""

from lumier_analysis.mixed.means import contrasts, marginal_means
from lumier_analysis.mixed.over_time import MixedResult, score_over_time
from lumier_analysis.mixed.random_intercept import icc
from lumier_analysis.mixed.summaries import mean_estimates, repeated_measures_correlation, term_estimate

__all__ = [
    "MixedResult",
    "contrasts",
    "icc",
    "marginal_means",
    "mean_estimates",
    "repeated_measures_correlation",
    "score_over_time",
    "term_estimate",
]
