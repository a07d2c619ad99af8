"""Cleaning: privacy, rules and queries, eligibility, SLEDAI-2K, flares, landmarks, participant flow."""

from lumier_analysis.cleaning.clean import Cleaned, clean_study
from lumier_analysis.cleaning.flow import participant_flow
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.cleaning.queries import RULES, count_queries
from lumier_analysis.cleaning.rows import expression_of, landmark_rows, reference_expression
from lumier_analysis.cleaning.sensitivity import landmarks_under
from lumier_analysis.cleaning.sledai import sledai_from_items

__all__ = [
    "Cleaned",
    "RULES",
    "clean_study",
    "count_queries",
    "expression_of",
    "landmark_rows",
    "landmark_table",
    "landmarks_under",
    "participant_flow",
    "reference_expression",
    "sledai_from_items",
]
