from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.pipeline.rehearsal import Rehearsal, no_true_outcome, permute_staged, rehearse
from lumier_analysis.pipeline.staged import fill_project
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import Study, open_study, project_root

STAGE = Stage("validate", notebook="03_try", reads=("analysis/tables", "analysis/locked_signature.json"))
CELL = """
import json
from pathlib import Path
from lumier_analysis.study import open_study, project_root
s = open_study(study)
assert s.root == Path.cwd() == project_root() and "lumier-dry-run" in str(s.root)
marks = s.read("landmarks", "validation")
assert marks["event"].sum() == 4
s.results.mkdir(parents=True)
(s.results / "03_try.json").write_text(json.dumps({"entries": [1, 2, 3]}))
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Return a study in a project of its own: eight patients, four of them with a flare."""
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    shutil.copy(project_root() / "data/synthetic/plan.yml", folder)
    opened = open_study(folder)
    made = Study(folder, folder / "raw", opened.plan, tmp_path)
    who = [f"P{i}" for i in range(8)]
    event = [1, 1, 1, 1, 0, 0, 0, 0]
    marks = pd.DataFrame({"patient_id": who, "visit": "M0", "day": 0, "included": True, "at_risk": True, "reason": ""})
    marks = marks.assign(event=event, competing=False, window_end_day=90, flare_day=30, flare_after_day=29)
    made.write("landmarks", "validation", marks.assign(follow_up_status=event, follow_up_days=range(8)))
    made.write("visits", "validation", marks[["patient_id", "visit", "day"]].assign(sledai=range(8)))
    made.write("flares", "validation", pd.DataFrame({"patient_id": who[:4], "day": 30}))
    made.write("patients", "validation", pd.DataFrame({"patient_id": who, "end_day": 90, "end_reason": "lost"}))
    made.write("samples", "validation", pd.DataFrame({"patient_id": who, "sample_id": who}))
    made.signature_path.write_text("{}")
    return made


def contents(study: Study) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in study.root.rglob("*") if p.is_file()}


def write(study: Study, make_notebook, cell: str) -> None:
    made = make_notebook("03_try", cell, parameters='study = "data/tiny"')
    (study.root / "notebooks").mkdir(exist_ok=True)
    shutil.move(made, study.root / "notebooks" / "03_try.ipynb")


def test_the_notebook_sees_permuted_outcomes_and_leaves_nothing(study, make_notebook):
    write(study, make_notebook, CELL)
    before = contents(study)
    done = rehearse(study, stage=STAGE)
    assert (done.n_patients, done.n_numbers) == (8, 3)
    assert contents(study) == before
    assert done.lines()[0].startswith("This was a rehearsal")


def test_a_failure_names_the_cell_and_leaves_nothing(study, make_notebook):
    write(study, make_notebook, "from lumier_analysis.errors import AnalysisError\nraise AnalysisError('no luck')")
    before = contents(study)
    with pytest.raises(AnalysisError, match="no luck") as stopped:
        rehearse(study, stage=STAGE)
    assert "In [3]: from lumier_analysis.errors" in stopped.value.__notes__[0]
    assert contents(study) == before


def test_no_true_outcome_is_copied(study, tmp_path):
    root = tmp_path / "stage"
    root.mkdir()
    staged = fill_project(study, root, STAGE, keep=no_true_outcome)
    assert not any(staged.has(t, "validation") for t in ("landmarks", "visits", "flares", "patients"))
    permuted = permute_staged(study, staged, seed=1)
    assert permuted is not None
    true, shown = (s.read("landmarks", "validation")["follow_up_days"].tolist() for s in (study, staged))
    assert sorted(true) == sorted(shown) and true != shown
    assert staged.read("samples", "validation").equals(study.read("samples", "validation"))
    assert (root / "lumier_analysis" / "cli.py").is_file() and (staged.folder / "plan.yml").is_file()


def test_without_a_validation_cohort_the_notebook_still_runs(study, make_notebook):
    write(study, make_notebook, "x = 2")
    shutil.move(study.analysis / "tables" / "validation", study.analysis / "tables" / "test")
    done = rehearse(study, stage=STAGE)
    assert done.n_patients == 0 and isinstance(done, Rehearsal)


def test_what_must_be_there_first(study):
    study.signature_path.unlink()
    with pytest.raises(SignatureError, match="no locked signature to rehearse with"):
        rehearse(study)
    shutil.rmtree(study.analysis)
    with pytest.raises(AnalysisError, match="no tables yet"):
        rehearse(study)
