from __future__ import annotations

import json
from pathlib import Path

import pytest

from lumier_analysis.pipeline.leftovers import (
    KILLED,
    begin,
    begun_path,
    clear_killed_stage,
    snapshot,
    sweep_temporaries,
    written_since,
)
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import Study, open_study

STAGE = Stage("draw", notebook="02_draw", writes=("reports/figures",), may_write=("analysis/model.json",))


@pytest.fixture
def study(project: Path) -> Study:
    made = open_study("data/tiny")
    for folder in (made.analysis / "run", made.reports / "figures", made.reports / "notebooks"):
        folder.mkdir(parents=True)
    return made


def test_what_a_killed_stage_left_goes_and_nothing_else(study: Study) -> None:
    figures = study.reports / "figures"
    (figures / "before.svg").write_text("before")
    assert clear_killed_stage(study, STAGE) == []  # it did not begin
    begin(study, STAGE, snapshot(study))
    kept = [figures / "before.svg", figures / "recorded.svg", study.reports / "report.html"]
    left = [figures / "left.svg", study.analysis / "model.json", study.reports / "notebooks" / "02_draw.ipynb"]
    for path in (*kept[1:], *left):
        path.write_text("since")
    record = {"outputs": {"reports/figures/recorded.svg": ""}}
    (study.analysis / "run" / "other.json").write_text(json.dumps(record))
    gone = clear_killed_stage(study, STAGE)
    assert sorted(gone) == ["analysis/model.json", "reports/figures/left.svg", "reports/notebooks/02_draw.ipynb"]
    assert all(path.exists() for path in kept) and not any(path.exists() for path in left)
    begun_path(study, STAGE).write_text("[")
    (figures / "left.svg").write_text("since")
    assert clear_killed_stage(study, STAGE) == []


def test_a_file_written_again_is_seen(study: Study) -> None:
    path = study.reports / "figures" / "one.svg"
    path.write_text("one")
    before = snapshot(study)
    assert written_since(study, before) == []
    path.unlink()
    path.write_text("two longer")
    assert written_since(study, before) == [path]


def test_temporary_files_go_after_a_kill_alone(study: Study) -> None:
    gone = [study.reports / "figures" / ".one.svg.ab_d3fgh", study.folder / ".plan.lock.json.abcdefgh"]
    kept = [study.folder / ".notes.markdown", study.reports / ".one.svg.swp", study.reports / "one.svg.abcdefgh"]
    for path in (*gone, *kept):
        path.write_text("")
    assert sweep_temporaries(study) == 0 and all(path.exists() for path in gone)
    (study.analysis / "run" / KILLED).touch()
    assert sweep_temporaries(study) == 2
    assert not any(path.exists() for path in gone) and all(path.exists() for path in kept)
    assert sweep_temporaries(study) == 0
