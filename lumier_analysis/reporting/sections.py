"""The sections of the report, filled: tables from the ledger, figures from their folder."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field

from lumier_analysis.reporting.layout import SECTIONS, TableSpec
from lumier_analysis.reporting.pictures import Picture
from lumier_analysis.reporting.report_tables import Table, entry_table, flow_tables, pivot_table
from lumier_analysis.reporting.results import Results

# Shown elsewhere: Table 1 shows itself, the signature card its own numbers, the flow its own table.
ELSEWHERE = ("flow", "baseline", "signature")


@dataclass(frozen=True, slots=True)
class Section:
    """A section ready for the template."""

    id: str
    title: str
    lead: str
    absent: str
    tables: list[Table] = field(default_factory=list)
    figures: list[Picture] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Nothing to show but the sentence that says so."""
        return not self.tables and not self.figures


def build_sections(results: Results, threshold: int) -> list[Section]:
    """Return the sections with their tables; figures are added by `place_figures`."""
    sections = []
    used = {id for id in results if id.split(".")[0] in ELSEWHERE}
    for spec in SECTIONS:
        section = Section(spec.id, spec.title, spec.lead, spec.absent)
        if spec.id == "flow":
            section.tables.extend(flow_tables(results, threshold))
        for table in spec.tables:
            entries = [entry for entry in results.entries(table.prefix) if entry.id not in used]
            if entries:
                used |= {entry.id for entry in entries}
                section.tables.append((pivot_table if table.pivot else entry_table)(entries, table, threshold))
        sections.append(section)
    rest = [entry for entry in results.entries() if entry.id not in used]
    if rest:
        section = Section("further", "Further numbers", "Numbers of the ledger that belong to no section above.", "")
        section.tables.append(entry_table(rest, TableSpec("", "Further numbers", rows="rows"), threshold))
        sections.append(section)
    return sections


def place_figures(sections: list[Section], figures: list[Picture]) -> list[Picture]:
    """Put each figure into the first section with a pattern that matches, in pattern order; return the rest."""
    left = list(figures)
    by_id = {section.id: section for section in sections}
    for spec in SECTIONS:
        for pattern in spec.figures:
            own = [figure for figure in left if fnmatch.fnmatch(figure.name, pattern)]
            by_id[spec.id].figures.extend(own)
            left = [figure for figure in left if figure not in own]
    return left
