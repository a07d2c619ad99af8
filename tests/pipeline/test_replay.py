"""A replay of the tiny study: identical, under other settings of the machine, and after one change of each kind."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lumier_analysis.errors import AnalysisError, NotebookError, UsageError
from lumier_analysis.pipeline.compare_runs import Replay
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.replay import PREFIX, replay, sweep
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import open_study, project_root
from lumier_analysis.study.io import sha256_file

Stages = tuple[Stage, ...]


def quiet() -> Progress:
    return Progress(io.StringIO())


def again(stages: Stages, **options: object) -> Replay:
    return replay(open_study("tiny"), progress=quiet(), stages=stages, **options)  # type: ignore[arg-type]


@pytest.fixture
def ran(ledger_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the ledger project after a run, with a folder of its own for what is temporary."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return ledger_run


def everything(root: Path) -> dict[str, bytes]:
    folders = (root / "data", root / "reports", root / "notebooks")
    return {str(p): p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file() and p.name != "lock"}


@pytest.mark.pipeline
def test_it_is_identical_whatever_threads_seeds_zone_and_locale(
    ran: Path, ledger_stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(ran)
    for name, value in {
        "OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3", "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo",
        "LC_ALL": "C", "LANG": "C", "LANGUAGE": "fr", "MPLBACKEND": "svg",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    found = again(ledger_stages)
    assert found.outcome == "identical", "\n".join(found.lines())
    assert (found.n_numbers, found.differences, found.files, found.environment) == (7, (), (), ())
    assert found.n_files == 7
    assert found.lines()[0].startswith("Same processor, system and package versions: no tolerance")
    assert found.lines()[-1] == "Identical: 7 numbers of the ledger and 7 files are the same to the last byte."
    assert everything(ran) == before
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.pipeline
def test_a_raw_value_that_changed_explains_every_number_it_moves(ran: Path, ledger_stages: Stages) -> None:
    file = ran / "data/tiny/raw/ecrf_patients.csv"
    file.write_text(file.read_text() + "x")
    found = again(ledger_stages)
    assert found.outcome == "moved"
    assert [(d.id, d.quantity) for d in found.moved] == [("quality.size", "value"), ("validation.primary.auc", "value")]
    size, auc = found.moved
    assert (size.was, size.now, size.plan_item, size.cell) == (18.0, 19.0, "data_quality", "id-2")
    assert auc.relative == pytest.approx(1 / 19)
    for notebook in ("01_first", "02_second"):
        (why,) = found.causes[notebook]
        assert why.startswith("raw file ecrf_patients.csv changed (")
    text = "\n".join(found.lines())
    assert "primary: AUC of the locked score for a flare" in text and "(notebook 02_second, cell id-2)" in text
    assert "(inputs that differ: analysis/tables/test/patients.csv)" in text
    assert found.lines()[-1] == "Moved: 2 of 7 numbers of the ledger differ by more than declared."


@pytest.mark.pipeline
def test_a_comment_in_the_plan_moves_no_number_and_is_told(ran: Path, ledger_stages: Stages) -> None:
    plan = ran / "data/tiny/plan.yml"
    plan.write_text(plan.read_text() + "# a comment\n")
    found = again(ledger_stages)
    assert found.outcome == "identical" and found.differences == ()


@pytest.mark.pipeline
def test_a_ledger_altered_by_hand_is_caught_and_named(ran: Path, ledger_stages: Stages) -> None:
    ledger = ran / "data/tiny/analysis/results/02_second.json"
    content = json.loads(ledger.read_text())
    content["entries"][0]["value"] += 1e-12
    ledger.write_text(json.dumps(content))
    found = again(ledger_stages)
    (difference,) = found.moved
    assert difference.id == "validation.primary.auc" and difference.relative < 1e-11
    assert found.altered == ("analysis/results/02_second.json",)
    assert found.causes["02_second"] == ("analysis/results/02_second.json was altered after its run",)


@pytest.mark.pipeline
def test_a_figure_altered_by_hand_is_caught_though_no_number_moved(ran: Path, ledger_stages: Stages) -> None:
    (ran / "reports/tiny/figures/one.svg").write_text("<svg></svg>")
    found = again(ledger_stages)
    assert found.outcome == "moved" and found.moved == ()
    assert "  reports/figures/one.svg" in found.lines()
    assert found.lines()[-1] == "Moved: files, but no number."


@pytest.mark.pipeline
def test_a_figure_laid_beside_the_others_is_caught_though_the_report_was_made_with_it(
    ran: Path, ledger_stages: Stages
) -> None:
    (ran / "reports/tiny/figures/two.svg").write_text("<svg/>")
    assert run_study("tiny", progress=quiet(), stages=ledger_stages).ran == ("report",)
    found = again(ledger_stages)
    assert found.outcome == "moved" and found.moved == ()
    assert found.altered == ("reports/figures/two.svg, which no stage wrote",)


@pytest.mark.pipeline
def test_a_stage_that_does_not_repeat_itself_is_told_as_such(ran: Path, ledger_stages: Stages) -> None:
    notebook = ran / "notebooks/02_second.ipynb"
    notebook.write_text(notebook.read_text().replace("se=0.05", "se=time.time() % 1000"))
    run_study("tiny", progress=quiet(), stages=ledger_stages)
    found = again(ledger_stages)
    assert [d.quantity for d in found.moved] == ["se"]
    assert found.causes["02_second"] == ("nothing that is hashed differs: the stage does not repeat itself",)


@pytest.mark.pipeline
def test_another_machine_brings_the_tolerances(ran: Path, ledger_stages: Stages) -> None:
    ledger, record = ran / "data/tiny/analysis/results/02_second.json", ran / "data/tiny/analysis/run/derive.json"
    content, made = json.loads(ledger.read_text()), json.loads(record.read_text())
    content["entries"][0]["value"] *= 1 + 1e-11
    ledger.write_text(json.dumps(content))
    made |= {"processor": "Another one"}
    made["outputs"]["analysis/results/02_second.json"] = sha256_file(ledger)
    record.write_text(json.dumps(made))
    found = again(ledger_stages)
    assert found.outcome == "within tolerance", "\n".join(found.lines())
    assert found.environment[0].startswith("the processor: Another one, now ")
    assert any("closed form" in line and "1e-09" in line for line in found.lines())
    assert "Within the declared tolerances: 1 of 7 numbers of the ledger differ" in found.lines()[-1]


@pytest.mark.pipeline
def test_a_failing_replay_leaves_nothing_and_the_study_as_it_was(
    ran: Path, ledger_stages: Stages, tmp_path: Path
) -> None:
    notebook = ran / "notebooks/02_second.ipynb"
    notebook.write_text(notebook.read_text().replace("se=0.05", "se=1/0"))
    before = everything(ran)
    with pytest.raises(NotebookError, match="ZeroDivisionError") as caught:
        again(ledger_stages)
    assert "add --keep DIR" in caught.value.__notes__[-1]
    assert everything(ran) == before
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.pipeline
def test_an_interrupted_replay_leaves_nothing(
    ran: Path, ledger_stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Progress):
        def ended(self, *arguments: object, **more: object) -> None:
            raise KeyboardInterrupt

    before = everything(ran)
    with pytest.raises(KeyboardInterrupt):
        replay(open_study("tiny"), progress=Stop(io.StringIO()), stages=ledger_stages)
    assert everything(ran) == before
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.pipeline
def test_a_folder_that_cannot_be_made(ran: Path, ledger_stages: Stages, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/kept cannot be made. Found: Not a directory.*another place"):
        again(ledger_stages, keep=tmp_path / "file" / "kept")


def test_a_folder_to_keep_stays_whole(ran: Path, ledger_stages: Stages, tmp_path: Path) -> None:
    found = again(ledger_stages, keep=tmp_path / "kept")
    assert found.outcome == "identical"
    assert (tmp_path / "kept/data/tiny/analysis/results/02_second.json").is_file()
    with pytest.raises(UsageError, match="is not empty"):
        again(ledger_stages, keep=tmp_path / "kept")
    with pytest.raises(UsageError, match="outside reports/"):
        again(ledger_stages, keep="reports/kept")


@pytest.mark.pipeline
def test_sealed_outcomes_end_the_replay_before_the_validation(
    ran: Path, ledger_stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lumier_analysis.study.seal import RECIPIENT, new_identity

    (ran / "data/tiny" / RECIPIENT).write_text(new_identity()[1])
    later = Stage(
        "validate", notebook="03_third", reads=("analysis/tables",), writes=("analysis/results/03_third.json",)
    )
    found = again((*ledger_stages[:2], later, ledger_stages[2]))
    assert found.sealed and found.outcome == "identical" and found.n_numbers == 7
    assert "outcomes are sealed: cleaning and derivation were replayed" in found.lines()[0]


def test_without_a_complete_run_there_is_nothing_to_compare(ledger_project: Path, ledger_stages: Stages) -> None:
    with pytest.raises(AnalysisError, match=r"no complete run to compare with\. Found: no ledger 01_first\.json"):
        again(ledger_stages)


def test_folders_of_killed_replays_are_swept_and_those_of_living_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    dead, alive = tmp_path / f"{PREFIX}{gone.stdout.strip()}-x", tmp_path / f"{PREFIX}{os.getpid()}-x"
    dead.mkdir()
    alive.mkdir()
    assert sweep() == 1
    assert alive.is_dir() and not dead.exists()


@pytest.mark.proof
@pytest.mark.pipeline
def test_the_embedded_study_replays_to_the_last_byte_under_other_settings(tmp_path: Path) -> None:
    root, origin = tmp_path / "project", project_root()
    for folder in ("lumier_analysis", "notebooks"):
        shutil.copytree(origin / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for file in ("pyproject.toml", "requirements.lock", "data/synthetic/plan.yml"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(origin / file, root / file)

    def lumier(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lumier_analysis", *arguments]
        return subprocess.run(
            command, cwd=root, env=os.environ | environment, capture_output=True, text=True, timeout=1200
        )

    for command in (
        ("simulate", "data/synthetic"),
        ("run", "data/synthetic"),
        ("lock", "data/synthetic"),
        ("unseal", "data/synthetic", "--identity", "data/synthetic/truth/identity.txt"),
        ("run", "data/synthetic"),
    ):
        done = lumier(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    other = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "11", "TZ": "Asia/Kathmandu",
             "LC_ALL": "C", "LUMIER_JOBS": "1"}  # fmt: skip
    done = lumier("replay", "data/synthetic", **other)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith(("Identical: ", "Every one of the ")), done.stdout
