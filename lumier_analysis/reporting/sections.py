"""The sections of the report: which numbers and figures belong to each, and how their rows are made."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lumier_analysis.reporting.disclosure import WITHHELD, shown_entry
from lumier_analysis.reporting.flow import disclosed_flow, flow_from_ledger
from lumier_analysis.reporting.results import Entry, Results
from lumier_analysis.reporting.wording import count_text, level_text, p_text

COHORTS = {"test": "Test cohort", "validation": "Validation cohort", "controls": "Controls"}


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of the report: ids below `prefix`, what its rows count, decimals; `pivot`: ``prefix.row.column``."""

    prefix: str
    caption: str
    rows: str = "landmarks"
    digits: int = 3
    pivot: bool = False


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """A section of the report."""

    id: str
    title: str
    lead: str
    absent: str
    tables: tuple[TableSpec, ...] = ()
    figures: tuple[str, ...] = ()


SECTIONS = (
    SectionSpec(
        "flow",
        "Participants and landmarks",
        "A landmark is a scheduled visit at which the patient is under observation, quiescent, and has a sample that "
        "passes quality control. Patients and visits are counted apart.",
        "The participant flow has not been computed yet.",
        (),
        ("flow*", "participant*"),
    ),
    SectionSpec(
        "quality",
        "Data quality",
        "Queries found by the rules of data cleaning; each is listed for its centre in the study's own folder, not "
        "here.",
        "No query counts are in the ledger.",
        (TableSpec("quality", "Queries and reaction quality", rows="rows"),),
        ("quality*", "missing*", "quer*", "chip*"),
    ),
    SectionSpec(
        "derivation",
        "Internal validation, test cohort",
        "Discrimination on the cohort the signature was derived from. Models that learn from data are judged by nested "
        "cross-validation with whole patients left out.",
        "There is no derivation result in the ledger.",
        (TableSpec("derivation", "Scores and markers on the test cohort"),),
        ("derivation*", "nested*", "selection*"),
    ),
    SectionSpec(
        "validation",
        "Locked validation, validation cohort",
        "The signature was locked before these data were used. Intervals account for several landmarks of one patient.",
        "There is no validation result in the ledger: no validation cohort, or notebook 03 has not run.",
        (
            TableSpec("validation.primary", "Primary analysis"),
            TableSpec("validation.secondary", "Subsets of landmarks and other estimators"),
            TableSpec("validation.comparators", "Single markers"),
            TableSpec("validation.difference", "Locked score minus single marker, difference in AUC"),
            TableSpec("validation.classification", "Classification at the locked threshold"),
            TableSpec("validation.calibration", "Calibration of the locked risk"),
            TableSpec("validation", "Further numbers of the validation"),
        ),
        ("roc*", "calibration*", "comparator*", "validation*"),
    ),
    SectionSpec(
        "sensitivity",
        "Sensitivity to the landmark rules",
        "One rule of the plan is changed at a time; patients, landmarks and events show what the rule moves.",
        "No sensitivity analysis is in the ledger.",
        (
            TableSpec("sensitivity.validation", "Locked score, validation cohort"),
            TableSpec("sensitivity.test", "Pre-specified score, test cohort"),
            TableSpec("sensitivity.counts", "Landmarks, patients and flares under each rule", pivot=True),
            TableSpec("sensitivity", "Landmark rules, one at a time"),
        ),
        ("sensitivity*",),
    ),
    SectionSpec(
        "longitudinal",
        "The score over time",
        "Linear mixed models with patients as random effects. Groups formed by what happens later are descriptive, "
        "not predictive.",
        "No longitudinal result is in the ledger.",
        (
            TableSpec("longitudinal.coef", "Fixed effects", rows="visits"),
            TableSpec("longitudinal.means", "Marginal means", rows="visits"),
            TableSpec("longitudinal.icc", "Intraclass correlation", rows="visits"),
            TableSpec("longitudinal", "Further longitudinal estimates", rows="visits"),
        ),
        ("longitudinal*", "trajector*", "means*"),
    ),
)

# Ids shown elsewhere: Table 1 shows itself, the signature card shows its own numbers.
ELSEWHERE = ("flow", "baseline", "signature")


@dataclass(frozen=True, slots=True)
class Table:
    """A table ready for the template: `columns` that hold something, rows of texts."""

    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A section ready for the template."""

    id: str
    title: str
    lead: str
    absent: str
    tables: list[Table] = field(default_factory=list)
    figures: list[Any] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Nothing to show but the sentence that says so."""
        return not self.tables and not self.figures


def entry_table(entries: Iterable[Entry], spec: TableSpec, threshold: int) -> Table:
    """Return ledger entries as a table, through disclosure control; columns without content are left out."""
    entries = list(entries)
    levels = {entry.level for entry in entries if entry.level is not None}
    heading = level_text(levels.pop()) if len(levels) == 1 else "CI"
    estimators = list(dict.fromkeys(e.estimator for e in entries if e.estimator))
    units = list(dict.fromkeys(e.unit for e in entries if e.unit and e.kind != "count"))
    rows = []
    for entry in entries:
        shown = shown_entry(entry, threshold, spec.digits)
        remarks = [entry.estimator] if len(estimators) > 1 and entry.estimator else []
        remarks += [f"unit: {entry.unit}"] if len(units) > 1 and entry.unit and entry.kind != "count" else []
        rows.append(
            {
                "label": entry.label,
                "id": entry.id,
                "origin": entry.origin,
                "kind": entry.kind,
                "value": shown.value,
                "interval": shown.interval,
                "p": p_text(shown.p_value),
                "patients": shown.n_patients,
                "rows": shown.n_rows,
                "events": shown.n_events,
                "remark": "; ".join([*remarks, *([shown.note] if shown.note else [])]),
            }
        )
    names = {
        "value": "Number" if all(e.kind == "count" for e in entries) else "Estimate",
        "interval": heading,
        "p": "p",
        "patients": "Patients",
        "rows": spec.rows.capitalize(),
        "events": "Events",
    }
    columns = tuple((key, name) for key, name in names.items() if any(row[key] for row in rows))
    notes = [f"Estimator: {estimators[0]}."] if len(estimators) == 1 else []
    notes += [f"Unit: {units[0]}."] if len(units) == 1 else []
    return Table(spec.caption, columns, tuple(rows), tuple(notes))


def pivot_table(entries: Iterable[Entry], spec: TableSpec, threshold: int) -> Table:
    """Return entries named ``prefix.row.column`` as a table; a row is labelled by what its labels have before ": "."""
    rows: dict[str, dict[str, Any]] = {}
    columns: dict[str, str] = {}
    for entry in entries:
        name, _, column = entry.id.removeprefix(spec.prefix + ".").rpartition(".")
        columns.setdefault(column, column.replace("_", " ").capitalize())
        label = entry.label.rpartition(": ")[0] or name
        start = {"label": label, "id": f"{spec.prefix}.{name}.*", "origin": entry.origin, "kind": "count"}
        row = rows.setdefault(name, start)
        row[column] = shown_entry(entry, threshold, spec.digits).text
    blank = dict.fromkeys(columns, "")
    return Table(spec.caption, tuple(columns.items()), tuple({**blank, **row} for row in rows.values()))


def flow_tables(results: Results, threshold: int) -> list[Table]:
    """Return the participant flow, one table a level, cohorts side by side."""
    steps = disclosed_flow(flow_from_ledger(results), threshold)
    tables = []
    for level in dict.fromkeys(step["level"] for step in steps):
        own = [step for step in steps if step["level"] == level]
        cohorts = list(dict.fromkeys(step["cohort"] for step in own))
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        order = {"start": 0, "excluded": 1, "end": 2, "of which": 3}
        for step in sorted(own, key=lambda step: order[step["step"]]):
            row = rows.setdefault((step["step"], step["reason"]), {"label": step["reason"], "step": step["step"]})
            row[step["cohort"]] = count_text(step["n"])
            row.setdefault("id", step["id"].replace(f".{step['cohort']}.", ".*.", 1))
            row.setdefault("origin", step["origin"])
        for row in rows.values():
            for cohort in cohorts:
                row.setdefault(cohort, "0" if row["step"] == "excluded" else "")
        columns = tuple((cohort, COHORTS.get(cohort, cohort)) for cohort in cohorts)
        tables.append(Table(level.capitalize(), columns, tuple(rows.values())))
    return tables


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


def place_figures(sections: list[Section], figures: list[Any]) -> list[Any]:
    """Put each figure (with a `.name`) into the first section whose patterns match; return those left over."""
    left = []
    by_id = {section.id: section for section in sections}
    for figure in figures:
        spec = next((s for s in SECTIONS if any(fnmatch.fnmatch(figure.name, p) for p in s.figures)), None)
        if spec is None:
            left.append(figure)
        else:
            by_id[spec.id].figures.append(figure)
    return left


def withholds(sections: list[Section], threshold: int) -> bool:
    """Tell whether any table shows a suppressed cell, so that the markers need explaining."""
    marks = (f"<{threshold}", WITHHELD)
    texts = (str(v) for s in sections for t in s.tables for row in t.rows for v in row.values())
    return any(text in marks for text in texts)
