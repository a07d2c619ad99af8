"""Numbers that moved since the last complete run: named, shown as they may be, and compared on all their digits."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from lumier_analysis.errors import NotebookError
from lumier_analysis.pipeline.moved_numbers import SHOWN, Moved, numbers_moved
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import Study, load_plan, project_root

STAGE = Stage("validate", notebook="03", writes=("analysis/tables", "analysis/results/03.json"))
NUMBER: dict[str, Any] = {
    "id": "validation.primary.auc", "label": "AUC", "kind": "estimate", "value": 0.67, "se": 0.05, "ci_low": 0.55,
    "ci_high": 0.77, "level": 0.95, "p_value": None, "n_patients": 40, "n_rows": 90, "n_events": 12,
    "estimator": "AUC", "unit": "", "note": "", "plan_item": "primary", "notebook": "03", "cell": "id-2",
}  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Study:
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    folder = tmp_path / "data" / "one"
    return Study(folder, folder / "raw", plan, tmp_path)


def write(study: Study, *entries: dict[str, Any]) -> Moved | None:
    """Write the ledger, as a stage does, and look at it."""
    study.results.mkdir(parents=True, exist_ok=True)
    content = {"schema": 1, "notebook": "03", "inputs": {}, "entries": [NUMBER | entry for entry in entries]}
    (study.results / "03.json").write_text(json.dumps(content))
    return numbers_moved(study, STAGE)


def said(study: Study, was: dict[str, Any], now: dict[str, Any]) -> str:
    write(study, was)
    moved = write(study, now)
    assert moved is not None and len(moved.moved) == moved.n == 1 and not moved.new
    return moved.moved[0]


@pytest.mark.parametrize(
    ("was", "now", "line"),
    [
        ({}, {"value": 0.66, "ci_low": 0.54}, "0.670 (0.550 to 0.770) -> 0.660 (0.540 to 0.770)"),
        ({}, {"p_value": 0.04, "n_events": 13}, "p none -> 0.040; events 12 -> 13"),
        ({}, {"value": 0.67 + 1e-12}, "0.770), in a digit that is not shown (relative difference 1e-12)"),
        ({}, {"note": "separated"}, "0.670 (0.550 to 0.770): its note"),
        ({}, {"se": 0.05001, "estimator": "DeLong"}, "not shown (relative difference 2e-04); its estimator"),
        ({}, {"value": 0.6, "estimator": "DeLong"}, "-> 0.600 (0.550 to 0.770); its estimator"),
        ({}, {"value": None, "ci_low": None, "ci_high": None, "note": "one class"}, "-> not estimable; its note"),
        # What rests on a few shows neither itself nor by how much it moved.
        ({"n_events": 3}, {"n_events": 3, "value": 0.6}, "withheld: its value"),
        ({"kind": "count", "value": 2.0}, {"kind": "count", "value": 4.0}, "<5: its value"),
        # Cells of the flow and of Table 1 are suppressed together, not one by one.
        ({"id": "flow.one", "kind": "count"}, {"id": "flow.one", "kind": "count", "value": 24.0}, "its neighbours"),
    ],
)  # fmt: skip
def test_what_is_said_of_one_number(study: Study, was: dict[str, Any], now: dict[str, Any], line: str) -> None:
    found = said(study, was, now)
    assert found.startswith(f"{(NUMBER | was)['id']}  ") and found.endswith(line), found
    assert (study.analysis / "run/numbers/03.moved.txt").read_text() == found + "\n"


def test_another_cell_or_none_has_moved_nothing(study: Study) -> None:
    assert write(study, {}) is None  # nothing to compare with
    moved = write(study, {"cell": "id-9"})
    assert moved is not None and moved.note == "none of 1 numbers moved" and moved.below(study.root) == []
    assert not (study.analysis / "run/numbers/03.moved.txt").exists()
    assert numbers_moved(study, Stage("report", builder="a:b", writes=("reports/report.html",))) is None


def test_new_ones_gone_ones_and_more_than_are_shown(study: Study) -> None:
    told, ids = study.analysis / "run/numbers/03.moved.txt", [f"validation.new_{i}" for i in range(30)]
    write(study, {}, {"id": "validation.old"})
    moved = write(study, {}, {"id": ids[0]})
    assert moved is not None and moved.note == "1 of 2 numbers moved, 1 new"
    assert moved.below(study.root) == [
        "  validation.old  gone",
        "  validation.new_0  new: 0.670 (0.550 to 0.770)",
    ]
    moved = write(study, {}, *({"id": id} for id in ids))  # as after an opening: said in numbers
    assert moved is not None and moved.note == "none of 31 numbers moved, 29 new"
    assert moved.below(study.root) == ["  all of them: data/one/analysis/run/numbers/03.moved.txt"]
    assert len(told.read_text().splitlines()) == 29
    moved = write(study, {}, *({"id": id, "value": 0.5} for id in ids))
    assert moved is not None and moved.note == "30 of 31 numbers moved"
    assert len(moved.below(study.root)) == SHOWN + 1 and len(told.read_text().splitlines()) == 30


def test_a_ledger_that_cannot_be_read_is_compared_with_nothing(study: Study) -> None:
    write(study, {})
    write(study, {"value": 0.6})
    (study.analysis / "run/numbers/03.json").write_text("{}")
    assert write(study, {"value": 0.5}) is None
    assert not (study.analysis / "run/numbers/03.moved.txt").exists()  # the list of an earlier run
    moved = write(study, {"value": 0.5})
    assert moved is not None and not moved.moved


@pytest.mark.pipeline
def test_a_changed_cell_says_what_it_moved_and_a_failure_in_between_is_forgotten(
    ledger_run: Path, ledger_stages: tuple[Stage, ...]
) -> None:
    def run() -> str:
        stream = io.StringIO()
        run_study("tiny", progress=Progress(stream), stages=ledger_stages)
        return stream.getvalue()

    path = ledger_run / "notebooks/02_second.ipynb"
    sound = path.read_text()
    path.write_text(sound.replace("se=0.05", "se=broken"))
    with pytest.raises(NotebookError):
        run()
    path.write_text(sound.replace("n_events=12", "n_events=13"))
    lines = run().splitlines()
    derive = next(i for i, line in enumerate(lines) if line.startswith("derive "))
    assert lines[derive].endswith("; 1 of 1 numbers moved")
    assert lines[derive + 1] == "  validation.primary.auc  events 12 -> 13"
    path.write_text(sound)
    assert "events 13 -> 12" in run()
    assert "numbers" not in run()  # all fresh
