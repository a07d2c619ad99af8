"""The study: plan, files, tables. Knows no statistics."""

from lumier_analysis.study.plan import Plan, load_plan
from lumier_analysis.study.study import COHORTS, Study, open_study, project_root

__all__ = ["COHORTS", "Plan", "Study", "load_plan", "open_study", "project_root"]
