"""Numbers read back from the ledger: entries by id, in the order of the notebooks."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.reporting.disclosure import shown_entry
from lumier_analysis.reporting.wording import p_text
from lumier_analysis.study import Study
from lumier_analysis.study.names import display_text

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of the ledger.

    Attributes
    ----------
    id : str
        Dotted name, ``validation.primary.auc``.
    label : str
        What a reader sees.
    kind : {"estimate", "count", "number"}
        An estimate; a count of patients, visits or samples (suppressed where small); any other plain number, such as
        a number of genes or a threshold.
    value, se, ci_low, ci_high : float
        NaN where absent; a missing value always has a `note`.
    level : float or None
        Confidence level of the interval.
    p_value : float or None
        Two-sided.
    n_patients, n_rows, n_events : int or None
        Denominators.
    estimator, unit, note : str
        Estimator and interval in words; unit of the value; a stated degradation.
    plan_item : str
        Id of the analysis of the plan.
    notebook : str
        Stem of the notebook.
    cell : str or None
        Id of the notebook cell; None outside the notebook.
    """

    id: str
    label: str
    kind: str
    value: float
    se: float
    ci_low: float
    ci_high: float
    level: float | None
    p_value: float | None
    n_patients: int | None
    n_rows: int | None
    n_events: int | None
    estimator: str
    unit: str
    note: str
    plan_item: str
    notebook: str
    cell: str | None

    @property
    def estimate(self) -> Estimate:
        """The entry as an `Estimate`."""
        return Estimate(
            value=self.value,
            se=self.se,
            ci_low=self.ci_low,
            ci_high=self.ci_high,
            level=self.level or 0.95,
            method=self.estimator,
            n_patients=self.n_patients,
            n_rows=self.n_rows,
            n_events=self.n_events,
            p_value=self.p_value,
            note=self.note,
        )

    @property
    def origin(self) -> str:
        """Notebook, cell and plan item, in words."""
        cell = f", cell {self.cell}" if self.cell else ""
        return f"notebook {self.notebook}{cell}; plan item {self.plan_item}"


def entries_html(entries: Iterable[Entry], threshold: int) -> str:
    """Return a compact HTML table of ledger entries, small cells suppressed: executed notebooks leave the house."""
    head = ("number", "value", "p", "patients", "rows", "events", "plan item")
    rows = []
    for entry in entries:
        shown = shown_entry(entry, threshold)
        cells = (shown.text, p_text(shown.p_value), shown.n_patients, shown.n_rows, shown.n_events)
        right = "".join(f'<td style="text-align:right">{escape(str(cell))}</td>' for cell in cells)
        unit = f" ({escape(entry.unit)})" if entry.unit and entry.kind != "count" else ""
        name = f"{escape(display_text(entry.label))}{unit}<br><small><code>{escape(entry.id)}</code></small>"
        rows.append(
            f'<tr><td style="text-align:left">{name}</td>'
            f'{right}<td style="text-align:left">{escape(entry.plan_item)}</td></tr>'
        )
    header = "".join(f"<th>{name}</th>" for name in head)
    return f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


class Results(Mapping[str, Entry]):
    """All numbers of a study, by id, in the order of the notebooks.

    Attributes
    ----------
    inputs : dict
        Notebook -> {file: SHA-256} it was computed from.
    """

    def __init__(self, entries: Iterable[Entry], inputs: Mapping[str, Mapping[str, str]]) -> None:
        self._by_id = {entry.id: entry for entry in entries}
        self.inputs = {notebook: dict(files) for notebook, files in inputs.items()}

    def __getitem__(self, id: str) -> Entry:
        if id not in self._by_id:
            near = difflib.get_close_matches(id, list(self._by_id), n=3)
            raise AnalysisError(
                f"The ledger holds no number {id!r}",
                found=f"similar: {', '.join(near)}" if near else f"{len(self)} other numbers",
                fix="run the notebook that computes it",
            )
        return self._by_id[id]

    def get(self, id: str, default: Any = None) -> Any:
        """Return the entry, or `default`."""
        return self._by_id.get(id, default)

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def entries(self, prefix: str = "") -> tuple[Entry, ...]:
        """Return the entries named `prefix` or below it (``validation`` has ``validation.primary.auc``)."""
        return tuple(e for i, e in self._by_id.items() if not prefix or i == prefix or i.startswith(prefix + "."))

    def table(self, prefix: str = "") -> pd.DataFrame:
        """Return the entries below `prefix` as a DataFrame indexed by id; no row if there is none."""
        names = [field.name for field in fields(Entry)]
        frame = pd.DataFrame([asdict(entry) for entry in self.entries(prefix)], columns=names)
        return frame.set_index("id")


@dataclass(frozen=True)
class LedgerFile:
    """What one ledger file holds.

    Attributes
    ----------
    notebook : str
    entries : list of Entry
    inputs : dict
        File -> SHA-256 that the numbers were computed from.
    """

    notebook: str
    entries: list[Entry]
    inputs: dict[str, str]


def read_ledger_file(path: Path, fix: str = "") -> LedgerFile:
    """Read one ledger file.

    Parameters
    ----------
    path : Path
    fix : str
        What to do where it cannot be used.

    Raises
    ------
    AnalysisError
        It is damaged, or of another schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema, rows = content["schema"], content["entries"]
        if schema != SCHEMA:
            raise AnalysisError(f"The ledger {path.name} has another format", found=f"schema {schema}", fix=fix)
        return LedgerFile(content["notebook"], [_read_entry(row) for row in rows], content["inputs"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnalysisError(
            f"The ledger {path.name} is damaged", found=f"{type(error).__name__}: {error}", fix=fix
        ) from error


def read_ledger(study: Study) -> Results:
    """Read every ledger file of a study.

    Raises
    ------
    AnalysisError
        A file is damaged, of another schema, or two notebooks use one id.
    """
    entries: list[Entry] = []
    inputs: dict[str, dict[str, str]] = {}
    owner: dict[str, str] = {}
    remedy = f"run `lumier run --fresh data/{study.name}`"
    for path in sorted(study.results.glob("*.json")):
        own = read_ledger_file(path, remedy)
        inputs[own.notebook] = own.inputs
        for entry in own.entries:
            if entry.id in owner:
                raise AnalysisError(
                    f"Two ledgers hold {entry.id}", found=f"{owner[entry.id]} and {path.name}", fix=remedy
                )
            owner[entry.id] = path.name
        entries += own.entries
    return Results(entries, inputs)


def _read_entry(row: dict[str, Any]) -> Entry:
    """Return an entry from its JSON form, where NaN stands as null."""
    numbers = {
        name: math.nan if row[name] is None else float(row[name]) for name in ("value", "se", "ci_low", "ci_high")
    }
    return Entry(**{**row, **numbers})
