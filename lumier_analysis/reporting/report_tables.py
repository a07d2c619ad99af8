"""Tables of the report: ledger entries as texts, through disclosure control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from lumier_analysis.reporting.disclosure import WITHHELD, legend, marker, shown_entry
from lumier_analysis.reporting.flow import disclosed_flow, flow_from_ledger
from lumier_analysis.reporting.layout import TableSpec
from lumier_analysis.reporting.results import Entry, Results
from lumier_analysis.reporting.wording import count_text, level_text, p_text
from lumier_analysis.study.names import capital, display_name, display_text

COHORTS = {"test": "Test cohort", "validation": "Validation cohort", "controls": "Controls"}
COUNTS = ("patients", "rows", "events")


@dataclass(frozen=True, slots=True)
class Row:
    """A row ready for the template: what it is, where it comes from, its cells by column, which of them are counts.

    `links` names the ledger id behind a cell, by column, where a row holds numbers of several ids.
    """

    label: str
    id: str
    origin: str
    cells: dict[str, str]
    counts: tuple[str, ...] = ()
    remark: str = ""
    style: str = ""
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A table ready for the template: columns (key, heading) and rows."""

    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def withholds(rows: Iterable[Row], threshold: int) -> bool:
    """Tell whether any row shows a suppressed cell, so that the markers need explaining."""
    marks = (marker(threshold), WITHHELD)
    return any(text in marks for row in rows for text in row.cells.values())


def entry_table(entries: Iterable[Entry], spec: TableSpec, threshold: int) -> Table:
    """Return ledger entries as a table; columns without content are left out."""
    entries = list(entries)
    levels = {entry.level for entry in entries if entry.level is not None}
    # What most rows share is said once, below the table.
    estimator, all_same = _usual([e.estimator for e in entries if e.kind == "estimate"])
    unit, one_unit = _usual([e.unit for e in entries if e.kind != "count"])
    rows = []
    for entry in entries:
        shown = shown_entry(entry, threshold, spec.digits)
        remarks = [
            entry.estimator if entry.estimator != estimator else "",
            f"unit: {entry.unit}" if entry.kind != "count" and entry.unit and not one_unit else "",
            shown.note,
        ]
        cells = {
            "value": shown.value,
            "interval": shown.interval,
            "p": p_text(shown.p_value),
            "patients": shown.n_patients,
            "rows": shown.n_rows,
            "events": shown.n_events,
        }
        counts = (*COUNTS, "value") if entry.kind == "count" else COUNTS
        remark = display_text("; ".join(part for part in remarks if part))
        rows.append(Row(capital(display_text(entry.label)), entry.id, entry.origin, cells, counts, remark))
    names = {
        "value": "Estimate" if any(e.kind == "estimate" for e in entries) else "Number",
        "interval": level_text(levels.pop()) if len(levels) == 1 else "CI",
        "p": "p",
        "patients": "Patients",
        "rows": spec.rows.capitalize(),
        "events": "Events",
    }
    columns = tuple((key, name) for key, name in names.items() if any(row.cells[key] for row in rows))
    notes = [f"Estimator{'' if all_same else ', unless a row says otherwise'}: {estimator}."] if estimator else []
    notes += [f"Unit: {unit}."] if one_unit else []
    return Table(spec.caption, columns, tuple(rows), tuple(notes))


def _usual(texts: list[str]) -> tuple[str, bool]:
    """Return the text that at least half of them share (else ""), and whether all share it."""
    counts = Counter(texts).most_common(1)
    if not counts or not counts[0][0] or counts[0][1] * 2 < len(texts):
        return "", False
    return counts[0][0], counts[0][1] == len(texts)


def pivot_table(entries: Iterable[Entry], spec: TableSpec, threshold: int) -> Table:
    """Return entries named ``prefix.row.column`` as a table; a row is labelled by what its labels have before ": "."""
    rows: dict[str, Row] = {}
    columns: dict[str, str] = {}
    for entry in entries:
        name, _, column = entry.id.removeprefix(spec.prefix + ".").rpartition(".")
        columns.setdefault(column, capital(display_name(column)))
        label = entry.label.rpartition(": ")[0] or name
        label = capital(display_text(label))
        row = rows.setdefault(name, Row(label, f"{spec.prefix}.{name}.*", entry.origin, {}, ()))
        row.cells[column] = shown_entry(entry, threshold, spec.digits).text
        row.links[column] = entry.id
    for row in rows.values():
        row.cells.update({column: "" for column in columns if column not in row.cells})
    return Table(spec.caption, tuple(columns.items()), tuple(rows.values()))


def flow_tables(results: Results, threshold: int) -> list[Table]:
    """Return the participant flow, one table a level, cohorts side by side."""
    steps = disclosed_flow(flow_from_ledger(results), threshold)
    order = {"start": 0, "excluded": 1, "end": 2, "of which": 3}
    tables = []
    starts = {(step["level"], step["cohort"]): step["id"] for step in steps if step["step"] == "start"}
    for level in dict.fromkeys(step["level"] for step in steps):
        own = sorted((step for step in steps if step["level"] == level), key=lambda step: order[step["step"]])
        cohorts = list(dict.fromkeys(step["cohort"] for step in steps))
        rows: dict[tuple[str, str], Row] = {}
        for step in own:
            style = step["step"].replace(" ", "_")
            # A reason that the ledger does not name in a cohort excluded none of those who started there.
            none = {c: starts[level, c] for c in cohorts if style == "excluded" and (level, c) in starts}
            blank = {c: "0" if c in none else "" for c in cohorts}
            id = step["id"].replace(f".{step['cohort']}.", ".*.", 1)
            label = capital(display_text(step["reason"]))
            row = Row(label, id, step["origin"], blank, tuple(cohorts), style=style, links=none)
            row = rows.setdefault((step["step"], step["reason"]), row)
            row.cells[step["cohort"]], row.links[step["cohort"]] = count_text(step["n"]), step["id"]
        columns = tuple((cohort, COHORTS.get(cohort, cohort)) for cohort in cohorts)
        hidden = withholds(rows.values(), threshold)
        tables.append(Table(capital(level), columns, tuple(rows.values()), (legend(threshold),) if hidden else ()))
    return tables
