"""Ledger, disclosure control, tables and the report. Knows no file formats and computes no estimate."""

from lumier_analysis.reporting.accounts import disclosed_accounts
from lumier_analysis.reporting.disclosure import SUPPRESSION_THRESHOLD, suppress_bars, suppress_counts, suppress_number
from lumier_analysis.reporting.flow import disclosed_flow, flow_from_ledger, ledger_flow
from lumier_analysis.reporting.ledger import Ledger
from lumier_analysis.reporting.lint import lint_reports, study_identifiers
from lumier_analysis.reporting.report import build_report
from lumier_analysis.reporting.results import Entry, Results, read_ledger
from lumier_analysis.reporting.table_one import TableOne, Variable, table_one

__all__ = [
    "SUPPRESSION_THRESHOLD",
    "Entry",
    "Ledger",
    "Results",
    "TableOne",
    "Variable",
    "build_report",
    "disclosed_accounts",
    "disclosed_flow",
    "flow_from_ledger",
    "ledger_flow",
    "lint_reports",
    "read_ledger",
    "study_identifiers",
    "suppress_bars",
    "suppress_counts",
    "suppress_number",
    "table_one",
]
