"""The raw files of a study: each read once, through the privacy gate, corrected, and mapped to the canonical tables."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning.privacy import remove_identifiers
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.tables import RowAccount, canonical_table
from lumier_analysis.readers import SeriesMatrix, read_file
from lumier_analysis.study import Study

#: Canonical tables, in the order in which they are made.
TABLES = ("patients", "visits", "samples", "flares", "plate_map", "controls")


class RawFiles:
    """Raw files of a study, identifiers removed on the way in.

    Attributes
    ----------
    content : dict
        Rows of each file by its key in the plan; the matrix of a GEO series under ``"<key> (matrix)"``.
    removed : dict
        Identifying columns removed, by file.
    """

    def __init__(self, study: Study, queries: Queries) -> None:
        self.plan = study.plan
        self.removed: dict[str, list[str]] = {}
        self.content: dict[str, pd.DataFrame] = {}
        for key, spec in study.plan.files.items():
            content = read_file(spec, study.raw)
            drop = study.plan.privacy.drop.get(key, [])
            rows = content.samples if isinstance(content, SeriesMatrix) else content
            if spec.format != "biomark":
                rows, removed = remove_identifiers(rows, key, drop)
                self.removed[key] = removed
                queries_rows = pd.DataFrame({"source_file": [rows["__file__"].iloc[0]] * len(removed)}, index=removed)
                for column in removed:
                    queries.add(
                        "identifying_column",
                        queries_rows.loc[[column]],
                        field=column,
                        value="(removed)",
                        expected="no directly identifying column",
                        action="column removed",
                        severity="note",
                    )
            self.content[key] = rows
            if isinstance(content, SeriesMatrix):
                self.content[f"{key} (matrix)"] = content.expression

    def table(self, name: str, queries: Queries) -> tuple[pd.DataFrame, RowAccount] | None:
        """Return a canonical table and its row account, or None where the plan has no such table."""
        spec = getattr(self.plan.tables, name)
        if spec is None:
            return None
        raw = self.content[spec.file]
        return canonical_table(raw, name, spec, self.plan.files[spec.file], self.plan.missing_codes, queries)
