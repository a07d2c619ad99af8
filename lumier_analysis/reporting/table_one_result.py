"""What Table 1 consists of, and how it shows itself, is written to files and enters the ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

import pandas as pd

from lumier_analysis.estimate import Estimate
from lumier_analysis.reporting.flow import slug
from lumier_analysis.reporting.ledger import Ledger
from lumier_analysis.study.io import write_text_atomic

SMD = "SMD"
NAMES = {"smd": "absolute standardised mean difference"}
NOT_ESTIMABLE = {"smd": "a cohort has no values, or nothing varies"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A row, or a group of rows, of Table 1.

    Attributes
    ----------
    name : str
        Column of the patient table.
    label : str
        What a reader sees, with the unit.
    kind : {"median", "mean", "category", "flag"}
        Median (Q1, Q3); mean (SD); n (%) of each level; n (%) of true.
    digits : int
        Decimals of a number.
    levels : tuple of str
        Order of the levels of a category; default alphabetical.
    """

    name: str
    label: str
    kind: Literal["median", "mean", "category", "flag"] = "median"
    digits: int = 1
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableOneCell:
    """One number behind Table 1, before disclosure control.

    `statistic` is n, missing, median, q1, q3, mean, sd or smd; `n` is the number of patients it rests on. A difference
    between the cohorts has no cohort.
    """

    cohort: str
    name: str
    label: str
    level: str
    statistic: str
    value: float
    n: int

    @property
    def id(self) -> str:
        """Ledger id: ``baseline.<cohort>.<variable>[.<level>].<statistic>``, or ``baseline.smd.<variable>``."""
        if self.statistic == "smd":
            return f"baseline.smd.{slug(self.name)}"
        words = ("baseline", self.cohort, slug(self.name), slug(self.level), self.statistic)
        return ".".join(word for word in words if word)


@dataclass(frozen=True)
class TableOne:
    """Table 1, disclosure control applied.

    Attributes
    ----------
    frame : DataFrame of str
        Index (variable, level); one column a cohort, then SMD where there are two cohorts.
    sizes : dict
        Cohort -> number of patients, as text.
    titles : dict
        Cohort -> heading.
    cells : tuple of TableOneCell
        The numbers before disclosure control; for the ledger only.
    note : str
        What the figures are, and the markers.
    """

    frame: pd.DataFrame
    sizes: Mapping[str, str]
    titles: Mapping[str, str]
    cells: tuple[TableOneCell, ...]
    note: str

    def add_to(self, ledger: Ledger, plan_item: str = "baseline") -> None:
        """Add every number, the differences too, under its id (see `TableOneCell`)."""
        for cell in self.cells:
            method = NAMES.get(cell.statistic, cell.statistic)
            label = ", ".join(part for part in (cell.label, cell.level, method) if part)
            if cell.statistic in {"n", "missing"}:
                ledger.add(cell.id, int(cell.value), plan_item=plan_item, label=label, kind="count")
            else:
                note = "" if math.isfinite(cell.value) else NOT_ESTIMABLE.get(cell.statistic, "too few values recorded")
                estimate = Estimate(cell.value, method=method, n_patients=cell.n, note=note)
                ledger.add(cell.id, estimate, plan_item=plan_item, label=label)

    def _ids(self, variable: str, level: str, column: str) -> list[str]:
        """Return the ledger ids of the numbers of a cell of the table, in the order in which they are shown."""
        if column == SMD:
            return [cell.id for cell in self.cells if (cell.label, cell.statistic) == (variable, "smd")]
        own = [c for c in self.cells if (c.label, c.cohort) == (variable, column) and c.statistic != "smd"]
        if level == "missing":
            return [c.id for c in own if c.statistic == "missing"]
        if not level and any(c.statistic == "n" for c in own):
            level = "yes"  # a flag shows itself on the line of the variable
        return [c.id for c in own if c.level == level and c.statistic != "missing"]

    def _size(self, cohort: str) -> str:
        """Return the number of patients of a cohort, with its ledger id, as HTML."""
        return _with_ids(self.sizes[cohort], [c.id for c in self.cells if (c.cohort, c.name) == (cohort, "patients")])

    def _headers(self) -> list[str]:
        return [f"{self.titles[c]} (n = {self.sizes[c]})" if c in self.sizes else c for c in self.frame.columns]

    def csv(self) -> str:
        """Return the table as CSV text."""
        frame = self.frame.set_axis(self._headers(), axis="columns")
        return str(frame.reset_index().to_csv(index=False, lineterminator="\n"))

    def html(self) -> str:
        """Return the table as an HTML fragment; each number names its ledger id, which the report makes a link."""
        sizes = {c: f"{escape(self.titles[c])} (n = {self._size(c)})" for c in self.sizes}
        names = [sizes.get(c, c) for c in self.frame.columns]
        head = "".join(f'<th class="number" scope="col">{name}</th>' for name in names)
        rows: list[str] = []
        previous = None
        for (variable, level), values in zip(self.frame.index, self.frame.to_numpy(), strict=True):
            if variable != previous and level:
                empty = "<td></td>" * (len(values) - 1)
                # The difference belongs to the variable, not to its first level.
                last = _with_ids(str(values[-1]), self._ids(variable, "", SMD)) if SMD in self.frame.columns else ""
                rows.append(f'<tr><th scope="row">{escape(variable)}</th>{empty}<td class="number">{last}</td></tr>')
            blank = variable != previous and level and SMD in self.frame.columns
            texts = [*values[:-1], ""] if blank else values
            own = zip(self.frame, texts, strict=True)
            shown = {c: _with_ids(str(text), self._ids(variable, level, str(c))) for c, text in own}
            kind = "number count" if level == "missing" else "number"
            cells = "".join(f'<td class="{kind if c != SMD else "number"}">{text}</td>' for c, text in shown.items())
            style = ' class="level" style="padding-left:1.5em;font-weight:normal"' if level else ""
            rows.append(f'<tr><th scope="row"{style}>{escape(level or variable)}</th>{cells}</tr>')
            previous = variable
        body = "\n".join(rows)
        return (
            f'<table class="table-one">\n<thead><tr><th scope="col">Patients at inclusion</th>{head}</tr></thead>\n'
            f'<tbody>\n{body}\n</tbody>\n</table>\n<p class="note">{escape(self.note)}</p>\n'
        )

    def to_csv(self, path: Path) -> Path:
        """Write the table as CSV, whole or not at all; the same table gives the same bytes."""
        return write_text_atomic(Path(path), self.csv())

    def to_html(self, path: Path) -> Path:
        """Write the table as an HTML fragment, whole or not at all."""
        return write_text_atomic(Path(path), self.html())

    def _repr_html_(self) -> str:
        return self.html()


def _with_ids(text: str, ids: list[str]) -> str:
    """Return a cell as HTML, each of its numbers marked with its ledger id.

    ``45.0 (36.0, 54.0)`` has three numbers; ``131 (88 %)``, a dash or a suppressed cell is one.
    """
    if not text or not ids:
        return escape(text)
    first, _, rest = text.removesuffix(")").partition(" (")
    parts = [first, *rest.split(", ")]
    if len(ids) == 1 or len(parts) != len(ids):
        return _marked(text, ids[0])
    own = [_marked(part, id) for part, id in zip(parts, ids, strict=True)]
    return f"{own[0]} ({', '.join(own[1:])})"


def _marked(text: str, id: str) -> str:
    """Return a text that names its ledger id."""
    return f'<span data-ledger="{escape(id)}">{escape(text)}</span>'
