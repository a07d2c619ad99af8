"""A synthetic study in the form of raw exports, with the truth kept apart."""

from lumier_analysis.simulation.study import simulate_study
from lumier_analysis.simulation.truth import TrueAuc, true_auc

__all__ = ["TrueAuc", "simulate_study", "true_auc"]
