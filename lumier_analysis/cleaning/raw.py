"""The raw files of a study: each read once, through the privacy gate, corrected, and mapped to the canonical tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lumier_analysis.cleaning.birth import date_years, is_date_column
from lumier_analysis.cleaning.corrections import read_corrections
from lumier_analysis.cleaning.dialects import settled
from lumier_analysis.cleaning.privacy import Finding, refuse, scan_columns, scan_sample_names
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.tables import RowAccount, canonical_table
from lumier_analysis.readers import SeriesMatrix, read_file
from lumier_analysis.study import Study
from lumier_analysis.study.plan import Plan
from lumier_analysis.study.tables import check_table

#: Canonical tables, in the order in which they are made.
TABLES = ("patients", "visits", "samples", "flares", "plate_map", "controls")


def inclusion_years(plan: Plan, content: dict[str, pd.DataFrame]) -> tuple[str, pd.Series | None, float | None]:
    """Return when patients were included: the file that says so, its rows' decimal years, and their median.

    Where the plan maps no inclusion date, the column of dates with the latest median stands for it.
    """
    patients = plan.tables.patients
    column = patients.columns.get("inclusion_date")
    rows = content.get(patients.file)
    if column is not None and rows is not None and column.source in rows:
        years = date_years(rows[column.source])
        return patients.file, years, float(years.median()) if years.notna().any() else None
    medians = [
        float(date_years(rows[name]).median())
        for rows in content.values()
        for name in map(str, rows.columns)
        if not name.startswith("__") and is_date_column(rows[name].astype("str"))
    ]
    return "", None, max(medians) if len(medians) > 1 else None


class RawFiles:
    """Raw files of a study, identifiers removed on the way in.

    Attributes
    ----------
    content : dict
        Rows of each file by its key in the plan; the matrix of a GEO series under ``"<key> (matrix)"``.
    removed : dict
        Identifying columns removed, by file.
    corrections : Corrections
        What ``corrections.csv`` changed.

    Raises
    ------
    PrivacyError
        Any file holds direct identifiers that the plan does not remove; all files are looked at first.
    """

    def __init__(self, study: Study, queries: Queries) -> None:
        self.plan = study.plan
        self.removed: dict[str, list[str]] = {}
        self.content: dict[str, pd.DataFrame] = {}
        matrices: dict[str, pd.DataFrame] = {}
        instruments: list[str] = []
        for key, spec in self.plan.files.items():
            content: Any = read_file(spec, study.raw)
            if isinstance(content, SeriesMatrix):
                matrices[f"{key} (matrix)"] = content.expression
                content = content.samples
            if {"sample", "well"} <= set(content.columns):
                instruments.append(key)
                check_table("reactions", content, key)
            self.content[key] = content
        self._gate(instruments, queries)
        self.content |= matrices
        self.corrections = read_corrections(study).apply(self.content, self.plan)

    def _gate(self, instruments: list[str], queries: Queries) -> None:
        """Remove what the plan lists, refuse every other identifier, and note both."""
        privacy = self.plan.privacy
        eligible = {key: rows for key, rows in self.content.items() if key not in instruments}
        home, years, median = inclusion_years(self.plan, eligible)
        found: list[Finding] = []
        for key in self.content:
            rows = self.content[key]
            if key in instruments:
                found += scan_sample_names(rows["sample"], key)
                continue
            self.removed[key] = [c for c in privacy.drop.get(key, []) if c in rows.columns]
            self.content[key] = rows = rows.drop(columns=self.removed[key])
            cleared = privacy.not_identifying.get(key, {})
            found += scan_columns(rows, key, cleared=cleared, inclusion=years if key == home else median)
            file = rows["__file__"].iloc[0] if len(rows) else key
            self._note("identifying_column", self.removed[key], file, "column removed", queries)
            self._note("cleared_column", [c for c in cleared if c in rows], file, "column kept", queries)
        refuse(found)

    @staticmethod
    def _note(rule: str, columns: list[str], file: str, action: str, queries: Queries) -> None:
        for column in columns:
            queries.add(
                rule,
                pd.DataFrame({"source_file": [file]}),
                field=column,
                value="(not shown)" if rule == "cleared_column" else "(removed)",
                expected="no directly identifying column",
                action=action,
                severity="note",
            )

    def table(self, name: str, queries: Queries) -> tuple[pd.DataFrame, RowAccount] | None:
        """Return a canonical table and its row account, or None where the plan has no such table.

        The column ``corrected`` names the fields that a correction set, and the line of ``corrections.csv``.
        """
        spec = getattr(self.plan.tables, name)
        if spec is None:
            return None
        raw = self.content[spec.file]
        made_of_it = [t for _, t in self.plan.tables if t is not None and t.file == spec.file]
        file = settled(raw, self.plan.files[spec.file], made_of_it, self.plan.missing_codes)
        table, account = canonical_table(raw, name, spec, file, self.plan.missing_codes, queries)
        return self.corrections.mark(table, spec), account
