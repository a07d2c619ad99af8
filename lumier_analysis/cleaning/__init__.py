"""Cleaning: privacy, rules and queries, eligibility, SLEDAI-2K, flares, landmarks, participant flow."""

from lumier_analysis.cleaning.at_risk import at_risk_rows, flare_kinds, subgroups_of, window_outcomes
from lumier_analysis.cleaning.clean import Cleaned, clean_study
from lumier_analysis.cleaning.flare_time import FlareTime, flare_time
from lumier_analysis.cleaning.flow import participant_flow, window_counts
from lumier_analysis.cleaning.follow_up import FirstFlare, first_flare_follow_up
from lumier_analysis.cleaning.frozen import frozen_measurement
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.cleaning.missing import missing_by_visit
from lumier_analysis.cleaning.prepare import prednisone_in_mg
from lumier_analysis.cleaning.queries import RULES, count_queries
from lumier_analysis.cleaning.reference_check import reference_associations
from lumier_analysis.cleaning.rows import (
    expression_of,
    first_expression,
    landmark_rows,
    longitudinal_rows,
    reference_expression,
)
from lumier_analysis.cleaning.sensitivity import aucs_under_rules, landmarks_by_rule, landmarks_under
from lumier_analysis.cleaning.sledai import sledai_from_items

__all__ = [
    "RULES",
    "Cleaned",
    "FirstFlare",
    "FlareTime",
    "at_risk_rows",
    "aucs_under_rules",
    "clean_study",
    "count_queries",
    "expression_of",
    "first_expression",
    "first_flare_follow_up",
    "flare_kinds",
    "flare_time",
    "frozen_measurement",
    "landmark_rows",
    "landmark_table",
    "landmarks_by_rule",
    "landmarks_under",
    "longitudinal_rows",
    "missing_by_visit",
    "participant_flow",
    "prednisone_in_mg",
    "reference_associations",
    "reference_expression",
    "sledai_from_items",
    "subgroups_of",
    "window_counts",
    "window_outcomes",
]
