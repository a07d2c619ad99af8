"""Drawing: from arrays and frames to matplotlib figures in one journal style. Computes no estimate."""

from lumier_analysis.figures.calibration import calibration_figure
from lumier_analysis.figures.decision_curve import decision_curve_figure
from lumier_analysis.figures.diagnostics import diagnostics_figure
from lumier_analysis.figures.flare_curve import flare_curve_figure
from lumier_analysis.figures.flow import flow_diagram
from lumier_analysis.figures.forest import forest_figure
from lumier_analysis.figures.heat_map import heat_map_figure
from lumier_analysis.figures.instability import instability_figure
from lumier_analysis.figures.qpcr_quality import drift_figure, normalisation_figure, stability_figure
from lumier_analysis.figures.quality import chip_figure, missingness_figure, queries_figure
from lumier_analysis.figures.roc import roc_figure
from lumier_analysis.figures.rows import forest_rows, subgroup_rows
from lumier_analysis.figures.save import save_figure, write_figure
from lumier_analysis.figures.spaghetti import spaghetti_figure, visit_bands
from lumier_analysis.figures.survival import survival_figure
from lumier_analysis.figures.trajectories import trajectory_figure
from lumier_analysis.figures.volcano import volcano_figure

__all__ = [
    "calibration_figure",
    "chip_figure",
    "decision_curve_figure",
    "diagnostics_figure",
    "drift_figure",
    "flare_curve_figure",
    "flow_diagram",
    "forest_figure",
    "forest_rows",
    "heat_map_figure",
    "instability_figure",
    "missingness_figure",
    "normalisation_figure",
    "queries_figure",
    "roc_figure",
    "save_figure",
    "spaghetti_figure",
    "stability_figure",
    "subgroup_rows",
    "survival_figure",
    "trajectory_figure",
    "visit_bands",
    "volcano_figure",
    "write_figure",
]
