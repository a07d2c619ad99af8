"""Linear mixed models of scores over time: fits, tests with small-sample degrees of freedom, means, diagnostics."""

from lumier_analysis.mixed.agreement import icc, repeated_measures_correlation
from lumier_analysis.mixed.compare_models import LikelihoodRatio, compare_models
from lumier_analysis.mixed.explained import Explained, model_icc, r_squared
from lumier_analysis.mixed.fit_lmm import LmmFit, arrange, fit_lmm
from lumier_analysis.mixed.heteroscedastic import HeteroscedasticModel, heteroscedastic_lmm
from lumier_analysis.mixed.influence import influence
from lumier_analysis.mixed.lmm import LinearMixedModel, lmm
from lumier_analysis.mixed.margin_set import Margins
from lumier_analysis.mixed.margins import estimated_means, estimated_slopes
from lumier_analysis.mixed.mmrm import RepeatedMeasures, mmrm
from lumier_analysis.mixed.panel import lmm_panel
from lumier_analysis.mixed.parametric_bootstrap import BootstrapComparison, bootstrap_comparison, bootstrap_intervals
from lumier_analysis.mixed.predictions import predict
from lumier_analysis.mixed.profile_intervals import profile_intervals
from lumier_analysis.mixed.random_terms import test_random
from lumier_analysis.mixed.robust import robust_coefficients
from lumier_analysis.mixed.summaries import f_estimates, row_estimates
from lumier_analysis.mixed.type_three import type_three
from lumier_analysis.mixed.variogram import Variogram, variogram

__all__ = [
    "BootstrapComparison",
    "Explained",
    "HeteroscedasticModel",
    "LikelihoodRatio",
    "LinearMixedModel",
    "LmmFit",
    "Margins",
    "RepeatedMeasures",
    "Variogram",
    "arrange",
    "bootstrap_comparison",
    "bootstrap_intervals",
    "compare_models",
    "estimated_means",
    "estimated_slopes",
    "f_estimates",
    "fit_lmm",
    "heteroscedastic_lmm",
    "icc",
    "influence",
    "lmm",
    "lmm_panel",
    "mmrm",
    "model_icc",
    "predict",
    "profile_intervals",
    "r_squared",
    "repeated_measures_correlation",
    "robust_coefficients",
    "row_estimates",
    "test_random",
    "type_three",
    "variogram",
]
