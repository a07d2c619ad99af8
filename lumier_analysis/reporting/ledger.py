"""The number ledger: every reported number with its interval, denominators, estimator, plan item and notebook cell.

A notebook writes one ledger file; the report reads them all. A number that belongs to no analysis of the plan is
refused, and so is a second number under the same id: what a report prints can then be traced to one cell.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lumier_analysis.errors import AnalysisError, PlanError, UsageError
from lumier_analysis.estimate import Estimate
from lumier_analysis.reporting.results import SCHEMA, Entry, Results, entries_html, read_ledger
from lumier_analysis.study import Study
from lumier_analysis.study.io import sha256_file, write_json

__all__ = ["Entry", "Ledger", "Results", "read_ledger"]

KINDS = ("estimate", "count", "number")
_ID = re.compile(r"[^\s/\\\"'<>&]{1,160}")


def _input_name(study: Study, path: Path) -> str:
    """Return a path without user or host: below raw/, the study or the project, else the bare file name."""
    path = path.resolve()
    for base, prefix in ((study.raw, "raw/"), (study.folder, ""), (study.root, "")):
        if path.is_relative_to(base.resolve()):
            return prefix + path.relative_to(base.resolve()).as_posix()
    return path.name


def _running_cell() -> tuple[str | None, int | None]:
    """Return source and execution count of the running notebook cell; (None, None) outside a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:  # pragma: no cover - IPython comes with the notebooks
        return None, None
    shell = get_ipython()  # type: ignore[no-untyped-call]
    history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    if not history:
        return None, None
    return str(history[-1]), len(history) - 1


def cell_id(notebook: Path, source: str | None) -> str | None:
    """Return the id of the code cell of `notebook` whose source is `source`; None if there is none."""
    if source is None or not notebook.is_file():
        return None
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError):
        return None
    for cell in cells:
        text = cell.get("source", "")
        text = text if isinstance(text, str) else "".join(text)
        if cell.get("cell_type") == "code" and text.strip() == source.strip():
            return cell.get("id")
    return None


class Ledger:
    """The numbers of one notebook.

    Parameters
    ----------
    study : Study
    notebook : str
        Stem of the notebook file, ``"03_locked_validation"``.
    inputs : iterable of path
        Files the notebook reads; their SHA-256 is written beside the numbers.

    Raises
    ------
    AnalysisError
        An input does not exist.
    """

    def __init__(self, study: Study, notebook: str, inputs: Iterable[str | Path] = ()) -> None:
        self.study, self.notebook = study, notebook
        paths = sorted({Path(path) for path in inputs})
        absent = [path.name for path in paths if not path.is_file()]
        if absent:
            raise AnalysisError(
                f"The ledger of {notebook} names inputs that do not exist",
                found=f"no {', '.join(absent)}",
                fix=f"run `lumier run data/{study.name}`",
            )
        self.inputs = dict(sorted((_input_name(study, path), sha256_file(path)) for path in paths))
        self._entries: dict[str, tuple[Entry, tuple[str | None, int | None]]] = {}

    def add(
        self,
        id: str,
        value: Estimate | float,
        *,
        plan_item: str,
        label: str,
        unit: str = "",
        kind: str | None = None,
    ) -> Entry:
        """Add one number.

        Parameters
        ----------
        id : str
            Dotted name without spaces.
        value : Estimate or number
            NaN only in an `Estimate` whose note says why.
        plan_item : str
            Id of an analysis of the plan.
        label : str
            What a reader sees.
        unit : str, optional
            Unit of the value.
        kind : {"estimate", "count", "number"}, optional
            Default: ``"estimate"`` for an `Estimate` or a float, ``"count"`` for an integer, so that a number of
            people is never shown small by oversight. A number of genes is ``kind="number"``.

        Raises
        ------
        UsageError
            The id is malformed or taken, the kind is unknown, or the value is no number.
        PlanError
            `plan_item` is no analysis of the plan.
        AnalysisError
            The value is missing and no note says why.
        """
        if not _ID.fullmatch(id):
            raise UsageError(
                f"{id!r} is no ledger id", fix="use dotted words without spaces, e.g. validation.primary.auc"
            )
        known = [analysis.id for analysis in self.study.plan.analyses]
        if plan_item not in known:
            near = difflib.get_close_matches(plan_item, known, n=1)
            raise PlanError(
                f"The number {id} belongs to {plan_item!r}, which is no analysis of the plan",
                found=f"analyses {', '.join(known)}",
                fix=f"write plan_item={near[0]!r}" if near else "add it to analyses in plan.yml, or name one of them",
            )
        running = source, count = _running_cell()
        _, before = self._entries.get(id, (None, None))
        # In JupyterLab a cell may be run again: its own numbers are then replaced. Any other repetition is a clash.
        if id in self._entries and (source is None or before is None or before[0] != source or before[1] == count):
            raise UsageError(f"The ledger of {self.notebook} already holds {id}", fix="give each number its own id")
        cell = cell_id(self.study.root / "notebooks" / f"{self.notebook}.ipynb", source)
        entry = self._entry(id, value, plan_item, label, unit, kind, cell)
        self._entries[id] = (entry, running)
        return entry

    def _entry(
        self, id: str, value: Any, plan_item: str, label: str, unit: str, kind: str | None, cell: str | None
    ) -> Entry:
        """Check the value and make the entry."""
        if isinstance(value, bool) or not (isinstance(value, Estimate) or hasattr(value, "__float__")):
            raise UsageError(f"The value of {id} is no number", found=type(value).__name__)
        if kind is None:
            kind = "count" if not isinstance(value, Estimate) and hasattr(value, "__index__") else "estimate"
        if kind not in KINDS:
            raise UsageError(f"Unknown kind {kind!r} of {id}", fix=f"use one of {', '.join(KINDS)}")
        estimate = value if isinstance(value, Estimate) else Estimate(float(value))
        note, number = estimate.note, float(estimate.value)
        if not math.isfinite(number) and not note:
            raise AnalysisError(
                f"The number {id} is {'missing' if math.isnan(number) else 'infinite'} and nothing says why",
                fix="give an Estimate whose note says why it cannot be estimated",
            )
        if kind == "count" and math.isfinite(number) and (number < 0 or number != int(number)):
            raise AnalysisError(f"The count {id} is no whole number of at least 0", found=f"{number:g}")
        if math.isfinite(number) and math.isinf(estimate.ci_high):
            note = "; ".join(part for part in (note, "upper limit unbounded") if part)
        interval = not (math.isnan(estimate.ci_low) and math.isnan(estimate.ci_high))
        return Entry(
            id=id,
            label=label,
            kind=kind,
            value=number,
            se=float(estimate.se),
            ci_low=float(estimate.ci_low),
            ci_high=float(estimate.ci_high),
            level=float(estimate.level) if interval else None,
            p_value=None if estimate.p_value is None or math.isnan(estimate.p_value) else float(estimate.p_value),
            n_patients=_whole(estimate.n_patients),
            n_rows=_whole(estimate.n_rows),
            n_events=_whole(estimate.n_events),
            estimator=estimate.method,
            unit=unit,
            note=note,
            plan_item=plan_item,
            notebook=self.notebook,
            cell=cell,
        )

    def add_many(
        self,
        prefix: str,
        values: Mapping[str, Estimate | float],
        *,
        plan_item: str,
        labels: Mapping[str, str] | None = None,
        unit: str = "",
        kind: str | None = None,
    ) -> None:
        """Add ``prefix.key`` for every key of `values`; a label that `labels` lacks is the key itself."""
        for key, value in values.items():
            name = str(key)
            label = (labels or {}).get(name, name)
            self.add(f"{prefix}.{name}", value, plan_item=plan_item, label=label, unit=unit, kind=kind)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The numbers in the order they were added."""
        return tuple(entry for entry, _ in self._entries.values())

    @property
    def path(self) -> Path:
        """Where `save` writes."""
        return self.study.results / f"{self.notebook}.json"

    def save(self) -> Path:
        """Write the ledger file, whole or not at all; the same numbers give the same bytes."""
        content = {
            "schema": SCHEMA,
            "notebook": self.notebook,
            "inputs": self.inputs,
            "entries": [asdict(entry) for entry in self.entries],
        }
        return write_json(self.path, content)

    def _repr_html_(self) -> str:
        return entries_html(self.entries, self.study.plan.disclosure.threshold)


def _whole(value: Any) -> int | None:
    """Return an integer, or None."""
    return None if value is None else int(value)
