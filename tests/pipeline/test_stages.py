from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.pipeline.stages import STAGES, files_at, find_stage, parameters_of
from lumier_analysis.study import open_study

ROOT = Path(__file__).resolve().parents[2]


def test_each_stage_reads_only_what_an_earlier_one_writes() -> None:
    written: list[str] = []
    for stage in STAGES:
        for read in stage.reads:
            # The notebooks themselves, and the figures beside them, are written by every notebook stage.
            if not read.startswith(("reports/notebooks", "reports/figures")):
                assert any(read.startswith(w) or w.startswith(read) for w in written), f"{stage.name} reads {read}"
        written += [*stage.writes, *stage.may_write]


def test_the_derivation_sees_nothing_of_the_validation_cohort() -> None:
    derive = find_stage("derive")
    assert all(read.startswith(("analysis/tables/test", "analysis/tables/controls")) for read in derive.reads)
    assert not derive.reads_raw


@pytest.mark.parametrize("stage", [s for s in STAGES if s.notebook], ids=lambda s: s.name)
def test_the_notebook_of_each_stage_takes_its_parameters(stage: object) -> None:
    from lumier_analysis.pipeline.checks import check_notebook, load_notebook

    assert hasattr(stage, "notebook")
    path = ROOT / "notebooks" / f"{stage.notebook}.ipynb"
    check_notebook(load_notebook(path), {"study": "data/synthetic", "raw": None}, path.name)


def test_an_unknown_stage_lists_the_names() -> None:
    assert find_stage("03_locked_validation") is find_stage("validate")
    with pytest.raises(UsageError, match="use one of clean, derive, validate, longitudinal, manuscript, report"):
        find_stage("validation")


def test_parameters_are_the_same_in_every_clone(project: Path, tmp_path: Path) -> None:
    clean, derive = STAGES[0], STAGES[1]
    assert parameters_of(clean, open_study("data/tiny")) == {"study": "data/tiny"}
    elsewhere = tmp_path / "exports"
    elsewhere.mkdir()
    study = open_study("tiny", raw=elsewhere)
    assert parameters_of(clean, study) == {"study": "data/tiny", "raw": "../exports"}
    assert parameters_of(derive, study) == {"study": "data/tiny"}


def test_files_of_a_folder_leave_out_hidden_ones(project: Path) -> None:
    study = open_study("data/tiny")
    for name in ("a.csv", ".half.csv", ".ipynb_checkpoints/a.csv", "sub/b.csv"):
        path = study.analysis / "tables" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list(files_at(study, "analysis/tables")) == ["analysis/tables/a.csv", "analysis/tables/sub/b.csv"]
    assert list(files_at(study, "analysis/tables/a.csv")) == ["analysis/tables/a.csv"]
    assert files_at(study, "reports/figures") == {}
