"""What a report was made from: plan, lock, raw files, packages, and of each number its cell, plan item and inputs.

No time, no user, no host. The values are left out: counts whose small cells are suppressed together must not stand
side by side with their neighbours a second time.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lumier_analysis.reporting.cells import Cell, figure_cells, read_cells
from lumier_analysis.reporting.frozen import frozen_facts
from lumier_analysis.reporting.layout import PLAN_ITEMS, caption
from lumier_analysis.reporting.results import Results
from lumier_analysis.study import Study
from lumier_analysis.study.io import sha256_file
from lumier_analysis.study.names import capital, display_text

PACKAGES = ("numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "scikit-survival", "pingouin", "matplotlib")


@dataclass(frozen=True, slots=True)
class NumberOrigin:
    """One number of the ledger: its id, what it is, its notebook cell, and the analysis of the plan it belongs to."""

    id: str
    label: str
    cell: str
    plan_item: str


@dataclass(frozen=True, slots=True)
class LedgerOrigin:
    """The numbers of one notebook, and (file, SHA-256) of the inputs it names."""

    notebook: str
    inputs: tuple[tuple[str, str], ...]
    numbers: tuple[NumberOrigin, ...]


@dataclass(frozen=True, slots=True)
class FigureOrigin:
    """A figure: name, caption, the cell that drew it ("" where none is found), and its analyses of the plan."""

    name: str
    caption: str
    notebook: str
    cell: str
    plan_items: tuple[str, ...]

    @property
    def origin(self) -> str:
        """Notebook, cell and plan items, in words."""
        where = f"notebook {self.notebook}, cell {self.cell}" if self.cell else "no notebook cell found"
        return "; plan item ".join((where, *self.plan_items))


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the section on provenance shows.

    Attributes
    ----------
    facts : tuple of (str, str)
        Name and value, in the order shown.
    raw_files : tuple of (str, str)
        File and SHA-256.
    analyses : tuple of (str, str, str)
        Id, title and role of each analysis of the plan.
    ledgers : tuple of LedgerOrigin
        Every number of the report, by notebook.
    figures : tuple of FigureOrigin
        Every figure of the report.
    cells : tuple of Cell
        Source of the notebook cells that a number or a figure comes from.
    """

    facts: tuple[tuple[str, str], ...]
    raw_files: tuple[tuple[str, str], ...]
    analyses: tuple[tuple[str, str, str], ...]
    ledgers: tuple[LedgerOrigin, ...]
    figures: tuple[FigureOrigin, ...]
    cells: tuple[Cell, ...]

    def shows(self, notebook: str, cell: str) -> bool:
        """Tell whether the source of a cell is shown, so that it can be linked to."""
        return any((own.notebook, own.id) == (notebook, cell) for own in self.cells)


def ledger_origins(results: Results) -> tuple[LedgerOrigin, ...]:
    """Return where each number comes from, notebook by notebook, in the order of the ledger."""
    found = []
    for notebook in dict.fromkeys(entry.notebook for entry in results.entries()):
        numbers = tuple(
            NumberOrigin(entry.id, capital(display_text(entry.label)), entry.cell or "", entry.plan_item)
            for entry in results.entries()
            if entry.notebook == notebook
        )
        found.append(LedgerOrigin(notebook, tuple(sorted(results.inputs.get(notebook, {}).items())), numbers))
    return tuple(found)


def figure_origins(study: Study, results: Results, names: Iterable[str], cells: Iterable[Cell]) -> list[FigureOrigin]:
    """Return where each figure comes from; its analysis is the one written for it, else those of its cell's numbers."""
    known, drawn, found = [a.id for a in study.plan.analyses], figure_cells(cells), []
    for name in names:
        cell = drawn.get(name)
        where = (cell.notebook, cell.id) if cell else ("", "")
        items = [PLAN_ITEMS[name]] if PLAN_ITEMS.get(name) in known else []
        if not items and cell:
            items = list(dict.fromkeys(e.plan_item for e in results.entries() if (e.notebook, e.cell) == where))
        found.append(FigureOrigin(name, caption(name), *where, tuple(items)))
    return found


def package_version(name: str) -> str:
    """Return the installed version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def raw_file_hashes(study: Study, results: Results) -> tuple[tuple[str, str], ...]:
    """Return raw files and hashes, from the first that has any: the ledger, the raw folder, the record of the run.

    The raw folder is empty where the files were read in place, with ``--raw``.
    """
    read = {name: sha for files in results.inputs.values() for name, sha in files.items() if name.startswith("raw/")}
    if not read and study.raw.is_dir():
        for spec in study.plan.files.values():
            for path in study.raw.glob(spec.path):
                read["raw/" + path.relative_to(study.raw).as_posix()] = sha256_file(path)
    return tuple(sorted((read or _recorded(study)).items()))


def _recorded(study: Study) -> dict[str, str]:
    """Return the raw files that the record of the last run names."""
    found: dict[str, str] = {}
    for path in sorted((study.analysis / "run").glob("*.json")):
        try:
            key = json.loads(path.read_text(encoding="utf-8"))["key"]
        except (ValueError, KeyError, TypeError):
            continue
        found |= {name.replace("raw:", "raw/", 1): sha for name, sha in key.items() if name.startswith("raw:")}
    return found


def provenance(study: Study, results: Results, figures: Iterable[str] = ()) -> Provenance:
    """Collect what identifies a run; `figures` are the names of those that the report shows.

    The date is that of SOURCE_DATE_EPOCH, where it is set: the same inputs must give the same bytes.
    """
    lock = study.root / "requirements.lock"
    facts = [
        ("Study", study.name),
        ("Registration", study.plan.study.registration or "none"),
        ("Plan (SHA-256)", sha256_file(study.folder / "plan.yml")),
        *frozen_facts(study),
        ("lumier-analysis", package_version("lumier-analysis")),
        ("Dependency lock (SHA-256)", sha256_file(lock) if lock.is_file() else "no lock"),
        ("Python", platform.python_version()),
        *((name, package_version(name)) for name in PACKAGES),
    ]
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        facts.append(("Date", datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%d")))
    analyses = tuple((analysis.id, analysis.title, analysis.role) for analysis in study.plan.analyses)
    cells = read_cells(study, dict.fromkeys(entry.notebook for entry in results.entries()))
    drawn = figure_origins(study, results, figures, cells)
    wanted = {(entry.notebook, entry.cell) for entry in results.entries()} | {(f.notebook, f.cell) for f in drawn}
    return Provenance(
        tuple(facts),
        raw_file_hashes(study, results),
        analyses,
        ledger_origins(results),
        tuple(drawn),
        tuple(cell for cell in cells if (cell.notebook, cell.id) in wanted),
    )
