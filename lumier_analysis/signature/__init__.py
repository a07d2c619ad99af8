"""Derivation of the signature on the test cohort, and the signature once it is locked.

Nothing here reads the validation cohort; only `LockedSignature.score` is ever applied to it.
"""

from lumier_analysis.signature.adequacy import adequacy_sentence, adequacy_table
from lumier_analysis.signature.calibrate import CalibrationMap, fit_calibration
from lumier_analysis.signature.candidates import candidate_features
from lumier_analysis.signature.centres import CentreResult, leave_one_centre_out
from lumier_analysis.signature.change import change_from_first, first_values
from lumier_analysis.signature.choice import Choice, choose_signature
from lumier_analysis.signature.clinical_columns import impute_clinical
from lumier_analysis.signature.clinical_fit import ClinicalFit, fit_clinical_model
from lumier_analysis.signature.clinical_model import ClinicalModel
from lumier_analysis.signature.comparators import marker_aucs, marker_table
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.instability import Instability, instability_bands, prediction_instability
from lumier_analysis.signature.learners import ElasticNetLearner, LogisticLearner
from lumier_analysis.signature.lock import LockContext, lock_elastic_net, lock_module_score, lock_obstacle
from lumier_analysis.signature.locked import LockedSignature
from lumier_analysis.signature.nested import NestedResult, nested_cv
from lumier_analysis.signature.optimism import Optimism, bootstrap_optimism, optimism_table
from lumier_analysis.signature.patient_bootstrap import BootstrapFits, patient_bootstrap
from lumier_analysis.signature.plate import PlateScores
from lumier_analysis.signature.recipe import Recipe
from lumier_analysis.signature.refit import Refit, refit_elastic_net
from lumier_analysis.signature.stability import StabilitySelection, stability_selection
from lumier_analysis.signature.threshold import (
    Threshold,
    ThresholdDistribution,
    choose_threshold,
    threshold_distribution,
)
from lumier_analysis.signature.tuning import Settings

__all__ = [
    "BootstrapFits",
    "CalibrationMap",
    "CentreResult",
    "Choice",
    "ClinicalFit",
    "ClinicalModel",
    "ElasticNetLearner",
    "Instability",
    "LockContext",
    "LockedSignature",
    "LogisticLearner",
    "NestedResult",
    "Optimism",
    "PlateScores",
    "Recipe",
    "Refit",
    "Settings",
    "StabilitySelection",
    "Threshold",
    "ThresholdDistribution",
    "adequacy_sentence",
    "adequacy_table",
    "bootstrap_optimism",
    "candidate_features",
    "change_from_first",
    "choose_signature",
    "choose_threshold",
    "first_values",
    "fit_calibration",
    "fit_clinical_model",
    "grouped_folds",
    "impute_clinical",
    "instability_bands",
    "leave_one_centre_out",
    "lock_elastic_net",
    "lock_module_score",
    "lock_obstacle",
    "marker_aucs",
    "marker_table",
    "nested_cv",
    "optimism_table",
    "patient_bootstrap",
    "prediction_instability",
    "refit_elastic_net",
    "stability_selection",
    "threshold_distribution",
]
