"""How well a score predicts: AUC and its inference, calibration, classification.

Higher score = higher risk, everywhere; nothing here turns a score round or chooses a threshold.
"""

from lumier_analysis.performance.added_value import AddedValue, added_value
from lumier_analysis.performance.auc import auc
from lumier_analysis.performance.band import calibration_band
from lumier_analysis.performance.calibration import Calibration, calibration
from lumier_analysis.performance.case_mix import case_mix_concordance, expected_concordance, membership, risk_spread
from lumier_analysis.performance.centres import centre_aucs, merge_centres, pool_random_effects
from lumier_analysis.performance.classification import classification
from lumier_analysis.performance.compare import AucComparison, compare_auc, compare_independent, compare_several, holm
from lumier_analysis.performance.cox import cox
from lumier_analysis.performance.disclosed import DisclosedCurves, disclosed_curves
from lumier_analysis.performance.groups import calibration_groups
from lumier_analysis.performance.imputable import imputable
from lumier_analysis.performance.imputation import impute_visits, pooled_auc
from lumier_analysis.performance.incomplete import auc_bounds, effective_size, observation_weights
from lumier_analysis.performance.net_benefit import net_benefit
from lumier_analysis.performance.opinion import SecondOpinion, second_opinion
from lumier_analysis.performance.paired_differences import net_benefit_difference, pooled_difference
from lumier_analysis.performance.partial import partial_auc
from lumier_analysis.performance.pooling import pool_rubin
from lumier_analysis.performance.precision import sample_precision
from lumier_analysis.performance.roc import roc_points
from lumier_analysis.performance.roc_band import roc_band
from lumier_analysis.performance.stratified import stratified_auc
from lumier_analysis.performance.subgroups import subgroup_aucs, subgroup_estimate
from lumier_analysis.performance.survival import (
    aalen_johansen,
    censor_after,
    kaplan_meier,
    numbers_at_risk,
    risk_groups,
)
from lumier_analysis.performance.time_dependent import time_dependent_auc
from lumier_analysis.performance.weighted import weighted_calibration, weighted_net_benefit, weighted_predictive_values
from lumier_analysis.performance.within import between_patient_auc, last_versus_earlier_auc, within_patient_auc

__all__ = [
    "AddedValue",
    "AucComparison",
    "Calibration",
    "DisclosedCurves",
    "SecondOpinion",
    "aalen_johansen",
    "added_value",
    "auc",
    "auc_bounds",
    "between_patient_auc",
    "calibration",
    "calibration_band",
    "calibration_groups",
    "case_mix_concordance",
    "censor_after",
    "centre_aucs",
    "classification",
    "compare_auc",
    "compare_independent",
    "compare_several",
    "cox",
    "disclosed_curves",
    "effective_size",
    "expected_concordance",
    "holm",
    "imputable",
    "impute_visits",
    "kaplan_meier",
    "last_versus_earlier_auc",
    "membership",
    "merge_centres",
    "net_benefit",
    "net_benefit_difference",
    "numbers_at_risk",
    "observation_weights",
    "partial_auc",
    "pool_random_effects",
    "pool_rubin",
    "pooled_auc",
    "pooled_difference",
    "risk_groups",
    "risk_spread",
    "roc_band",
    "roc_points",
    "sample_precision",
    "second_opinion",
    "stratified_auc",
    "subgroup_aucs",
    "subgroup_estimate",
    "time_dependent_auc",
    "weighted_calibration",
    "weighted_net_benefit",
    "weighted_predictive_values",
    "within_patient_auc",
]
