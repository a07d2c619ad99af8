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

    `statistic` is n, missing, median, q1, q3, mean or sd; `n` is the number of patients it rests on.
    """

    cohort: str
    name: str
    label: str
    level: str
    statistic: str
    value: float
    n: int


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
        """Add every number as ``baseline.<cohort>.<variable>[.<level>].<statistic>``."""
        for cell in self.cells:
            words = ("baseline", cell.cohort, slug(cell.name), slug(cell.level), cell.statistic)
            id = ".".join(word for word in words if word)
            label = ", ".join(part for part in (cell.label, cell.level, cell.statistic) if part)
            if cell.statistic in {"n", "missing"}:
                ledger.add(id, int(cell.value), plan_item=plan_item, label=label, kind="count")
            else:
                note = "" if math.isfinite(cell.value) else "too few values recorded"
                estimate = Estimate(cell.value, method=cell.statistic, n_patients=cell.n, note=note)
                ledger.add(id, estimate, plan_item=plan_item, label=label)

    def _headers(self) -> list[str]:
        return [f"{self.titles[c]} (n = {self.sizes[c]})" if c in self.sizes else c for c in self.frame.columns]

    def csv(self) -> str:
        """Return the table as CSV text."""
        frame = self.frame.set_axis(self._headers(), axis="columns")
        return str(frame.reset_index().to_csv(index=False, lineterminator="\n"))

    def html(self) -> str:
        """Return the table as an HTML fragment."""
        head = "".join(f'<th class="number" scope="col">{escape(name)}</th>' for name in self._headers())
        rows: list[str] = []
        previous = None
        for (variable, level), values in zip(self.frame.index, self.frame.to_numpy(), strict=True):
            if variable != previous and level:
                empty = "<td></td>" * (len(values) - 1)
                # The difference belongs to the variable, not to its first level.
                last = escape(str(values[-1])) if SMD in self.frame.columns else ""
                rows.append(f'<tr><th scope="row">{escape(variable)}</th>{empty}<td class="number">{last}</td></tr>')
            blank = variable != previous and level and SMD in self.frame.columns
            texts = [*values[:-1], ""] if blank else values
            cells = "".join(f'<td class="number">{escape(str(text))}</td>' for text in texts)
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
