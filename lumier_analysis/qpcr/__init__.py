"""From reactions to module scores. Nothing here knows patients."""

from __future__ import annotations

from lumier_analysis.qpcr.associations import associate, independent_score, reference_residuals
from lumier_analysis.qpcr.censored import CensoredFit, expected_below, fit_censored, impute_below
from lumier_analysis.qpcr.chips import Drift, chip_drift, chip_quality
from lumier_analysis.qpcr.controls import control_summary, genomic_dna_rule, no_template_rule
from lumier_analysis.qpcr.ct import read_ct
from lumier_analysis.qpcr.detection import assay_quality, detection_table, lost_blocks, sample_quality
from lumier_analysis.qpcr.efficiency import efficiencies, is_standard, standard_curves, standards_of
from lumier_analysis.qpcr.expression import (
    Expression,
    expression_from_ct,
    expression_from_reactions,
    log2_units,
    mean_ct,
)
from lumier_analysis.qpcr.frozen import FrozenMeasurement
from lumier_analysis.qpcr.miqe import miqe_table
from lumier_analysis.qpcr.modules import Scaling, composite, fit_scaling, module_scores, z_scores
from lumier_analysis.qpcr.normalisation import normalisation_effect, relative_levels
from lumier_analysis.qpcr.not_detected import not_detected_effect
from lumier_analysis.qpcr.outliers import PrincipalComponents, principal_components
from lumier_analysis.qpcr.probes import expression_from_probes
from lumier_analysis.qpcr.reactions import Calibration, calibrate
from lumier_analysis.qpcr.reference_choice import ReferenceChoice, choose_references
from lumier_analysis.qpcr.replicates import pooled_sd, replicate_spread
from lumier_analysis.qpcr.score_error import ct_variance, score_errors, score_reliability
from lumier_analysis.qpcr.stability import GeNorm, genorm, normfinder

__all__ = [
    "Calibration",
    "CensoredFit",
    "Drift",
    "Expression",
    "FrozenMeasurement",
    "GeNorm",
    "PrincipalComponents",
    "ReferenceChoice",
    "Scaling",
    "assay_quality",
    "associate",
    "calibrate",
    "chip_drift",
    "chip_quality",
    "choose_references",
    "composite",
    "control_summary",
    "ct_variance",
    "detection_table",
    "efficiencies",
    "expected_below",
    "expression_from_ct",
    "expression_from_probes",
    "expression_from_reactions",
    "fit_censored",
    "fit_scaling",
    "genomic_dna_rule",
    "genorm",
    "impute_below",
    "independent_score",
    "is_standard",
    "log2_units",
    "lost_blocks",
    "mean_ct",
    "miqe_table",
    "module_scores",
    "no_template_rule",
    "normalisation_effect",
    "normfinder",
    "not_detected_effect",
    "pooled_sd",
    "principal_components",
    "read_ct",
    "reference_residuals",
    "relative_levels",
    "replicate_spread",
    "sample_quality",
    "score_errors",
    "score_reliability",
    "standard_curves",
    "standards_of",
    "z_scores",
]
