from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.pipeline.fresh import (
    of_an_earlier_run,
    output_hashes,
    raw_files,
    read_record,
    record_path,
    stage_key,
    status,
)
from lumier_analysis.pipeline.stages import Stage, files_at
from lumier_analysis.study import Study, open_study
from lumier_analysis.study.io import write_json

Stages = tuple[Stage, ...]


@pytest.fixture
def study(project: Path, tiny_stages: Stages) -> Study:
    """Return the tiny study as a complete run would leave it, without running it."""
    study = open_study("data/tiny")
    for name in ("tables/test/patients.csv", "results/01_first.json"):
        (study.analysis / name).parent.mkdir(parents=True, exist_ok=True)
        (study.analysis / name).write_text(name)
    (study.reports / "figures").mkdir(parents=True)
    (study.reports / "figures" / "one.svg").write_text("one")
    (study.reports / "report.html").write_text("report")
    for stage in tiny_stages:
        outputs = [name for write in stage.writes for name in files_at(study, write)]
        record = {"key": stage_key(stage, study), "outputs": output_hashes(study, outputs)}
        write_json(record_path(study, stage), record)
    return study


def reasons(study: Study, stages: Stages) -> dict[str, tuple[str, ...]]:
    return {s.stage.name: s.reasons for s in status(open_study(study.folder), stages)}


def test_after_a_run_all_is_fresh_and_times_play_no_part(study: Study, tiny_stages: Stages) -> None:
    assert reasons(study, tiny_stages) == {"first": (), "second": (), "report": ()}
    for path in (*study.raw.rglob("*.csv"), study.folder / "plan.yml", study.analysis / "tables/test/patients.csv"):
        os.utime(path, (1, 1))
    assert reasons(study, tiny_stages) == {"first": (), "second": (), "report": ()}


def edit(path: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with (root / path).open("a", encoding="utf-8") as stream:
            stream.write("\n# changed\n")

    return change


def change_notebook(root: Path) -> None:
    path = root / "notebooks" / "01_first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source += "\nprint('more')"
    nbformat.write(notebook, path)


def remove(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


@pytest.mark.parametrize(
    ("change", "stage", "reason"),
    [
        (edit("data/tiny/plan.yml"), "second", "the plan changed"),
        (edit("data/tiny/raw/ecrf_visites.csv"), "first", "raw file ecrf_visites.csv changed"),
        (edit("data/tiny/corrections.csv"), "first", "raw file corrections.csv is new"),
        (change_notebook, "first", "notebook 01_first changed"),
        (edit("lumier_analysis/performance/auc.py"), "report", "package module performance/auc.py changed"),
        (edit("requirements.lock"), "report", "requirements.lock changed"),
        (
            edit("data/tiny/analysis/tables/test/patients.csv"),
            "first",
            "output analysis/tables/test/patients.csv was altered",
        ),
        (edit("data/tiny/analysis/tables/test/patients.csv"), "second", "it follows first"),
        (remove("reports/tiny/figures/one.svg"), "second", "output reports/figures/one.svg is missing"),
        (remove("reports/tiny/figures/one.svg"), "report", "it follows second"),
        (remove("data/tiny/analysis/run/first.json"), "first", "it has no complete run"),
        (remove("data/tiny/analysis/run/first.json"), "second", "it follows first"),
        (remove("notebooks/02_second.ipynb"), "second", "There is no notebook notebooks/02_second.ipynb"),
    ],
)
def test_a_stale_stage_says_why(
    study: Study, tiny_stages: Stages, change: Callable[[Path], None], stage: str, reason: str
) -> None:
    change(study.root)
    assert reason in reasons(study, tiny_stages)[stage]


def test_a_new_chip_is_seen(study: Study, tiny_stages: Stages) -> None:
    (study.raw / "biomark" / "chip_2.csv").write_text("new")
    assert reasons(study, tiny_stages)["first"] == ("raw file biomark/chip_2.csv is new",)


def test_outputs_and_execution_of_a_source_notebook_do_not_count(study: Study, tiny_stages: Stages) -> None:
    path = study.root / "notebooks" / "01_first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].execution_count = 4
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="hello")]
    nbformat.write(notebook, path)
    assert reasons(study, tiny_stages)["first"] == ()


def test_a_parameter_and_another_python_are_named(study: Study, tiny_stages: Stages) -> None:
    path = record_path(study, tiny_stages[0])
    record = json.loads(path.read_text())
    record["key"] |= {"python": "3.11.0", "parameter:study": '"data/other"'}
    path.write_text(json.dumps(record))
    said = reasons(study, tiny_stages)["first"]
    assert any(r.startswith("the Python version changed from 3.11.0 to 3.1") for r in said)
    assert 'parameter study changed from "data/other" to "data/tiny"' in said


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"key": {}}'])
def test_a_damaged_record_is_no_record(study: Study, tiny_stages: Stages, content: str) -> None:
    record_path(study, tiny_stages[0]).write_text(content)
    assert read_record(study, tiny_stages[0]) is None


def test_a_missing_raw_file_names_file_folder_and_what_is_there(study: Study) -> None:
    assert "biomark/chip_1.csv" in raw_files(study)
    (study.raw / "ecrf_poussees.csv").unlink()
    with pytest.raises(RawDataError) as caught:
        raw_files(study)
    assert "The raw file ecrf_poussees.csv (files.flares of the plan) is missing in data/tiny/raw" in str(caught.value)
    assert "biobanque_tubes.csv" in str(caught.value)


def test_a_changed_input_is_named_where_the_stages_before_are_fresh(study: Study, tiny_stages: Stages) -> None:
    # As after a run of the first stage alone that gave another table.
    path = study.analysis / "tables/test/patients.csv"
    path.write_text("another table")
    record = json.loads(record_path(study, tiny_stages[0]).read_text())
    record["outputs"] = output_hashes(study, list(record["outputs"]))
    write_json(record_path(study, tiny_stages[0]), record)
    assert reasons(study, tiny_stages)["second"] == ("input analysis/tables/test/patients.csv changed",)


def test_tables_and_signature_of_an_earlier_run_are_told_and_the_seal_plays_no_part(
    study: Study, tiny_stages: Stages
) -> None:
    first, second, report = tiny_stages
    stages = (first, replace(second, staged=True), report)
    assert of_an_earlier_run(study, stages) == []
    # An opening writes its log and exchanges tables of the cleaning.
    (study.folder / "openings.jsonl").write_text("{}\n")
    table = study.analysis / "tables" / "test" / "patients.csv"
    before = table.read_text()
    table.write_text("exchanged")
    assert of_an_earlier_run(study, (first, report)) == []
    assert "stage second: input analysis/tables/test/patients.csv changed" in of_an_earlier_run(study, stages)
    table.write_text(before)
    (study.reports / "figures" / "one.svg").write_text("drawn by hand")
    (study.reports / "report.html").unlink()
    assert of_an_earlier_run(study, stages) == ["stage second: output reports/figures/one.svg was altered"]
    edit("data/tiny/plan.yml")(study.root)
    record_path(study, second).unlink()
    assert of_an_earlier_run(study, stages) == [
        "stage first: the plan changed", "stage second: it has no complete run"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["helper.py", "notebooks/helper.py", "matplotlibrc", "numpy/__init__.py", "helper.so"])
def test_a_file_beside_the_package_that_a_kernel_reads_is_part_of_the_code(
    study: Study, tiny_stages: Stages, name: str
) -> None:
    (study.root / name).parent.mkdir(exist_ok=True)
    (study.root / name).write_text("")
    assert all(f"package module ../{name} is new" in r for r in reasons(study, tiny_stages).values())
