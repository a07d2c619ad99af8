"""From reactions to module scores. Nothing here knows patients."""

from __future__ import annotations

from lumier_analysis.qpcr.ct import read_ct
from lumier_analysis.qpcr.expression import Expression, expression_from_reactions
from lumier_analysis.qpcr.modules import Scaling, composite, fit_scaling, module_scores, z_scores
from lumier_analysis.qpcr.probes import expression_from_probes
from lumier_analysis.qpcr.reactions import Calibration, calibrate, chip_quality, control_summary, replicate_spread
from lumier_analysis.qpcr.stability import GeNorm, genorm, normfinder

__all__ = [
    "Calibration",
    "Expression",
    "GeNorm",
    "Scaling",
    "calibrate",
    "chip_quality",
    "composite",
    "control_summary",
    "expression_from_probes",
    "expression_from_reactions",
    "fit_scaling",
    "genorm",
    "module_scores",
    "normfinder",
    "read_ct",
    "replicate_spread",
    "z_scores",
]
