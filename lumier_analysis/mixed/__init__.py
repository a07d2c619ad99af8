"""Scores over time: linear mixed models (statsmodels, Wald z), marginal means, intraclass correlation."""

from lumier_analysis.mixed.agreement import icc, repeated_measures_correlation
from lumier_analysis.mixed.compare_models import LikelihoodRatio, compare_models
from lumier_analysis.mixed.explained import Explained, model_icc, r_squared
from lumier_analysis.mixed.fit_lmm import LmmFit, arrange, fit_lmm
from lumier_analysis.mixed.lmm import LinearMixedModel, lmm
from lumier_analysis.mixed.margins import Margins, estimated_means, estimated_slopes
from lumier_analysis.mixed.means import contrasts, marginal_means
from lumier_analysis.mixed.mmrm import RepeatedMeasures, mmrm
from lumier_analysis.mixed.over_time import MixedResult, score_over_time
from lumier_analysis.mixed.predictions import predict
from lumier_analysis.mixed.profile_intervals import profile_intervals
from lumier_analysis.mixed.random_terms import test_random
from lumier_analysis.mixed.summaries import mean_estimates, term_estimate
from lumier_analysis.mixed.type_three import type_three
from lumier_analysis.mixed.variogram import Variogram, variogram

__all__ = [
    "Explained",
    "LikelihoodRatio",
    "LinearMixedModel",
    "LmmFit",
    "Margins",
    "MixedResult",
    "RepeatedMeasures",
    "Variogram",
    "arrange",
    "compare_models",
    "contrasts",
    "estimated_means",
    "estimated_slopes",
    "fit_lmm",
    "icc",
    "lmm",
    "marginal_means",
    "mean_estimates",
    "mmrm",
    "model_icc",
    "predict",
    "profile_intervals",
    "r_squared",
    "repeated_measures_correlation",
    "score_over_time",
    "term_estimate",
    "test_random",
    "type_three",
    "variogram",
]
