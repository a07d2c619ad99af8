"""The firewall on a tiny project: what a staged derivation sees and may write, and that no byte depends on it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from lumier_analysis.errors import AnalysisError, NotebookError, UsageError
from lumier_analysis.pipeline import masks
from lumier_analysis.pipeline.masks import make_masks
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stage_folder import sweep
from lumier_analysis.pipeline.staged import fill_project, masked_folders, publish, staged, written_files
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.study import Study, open_study

DERIVE = Stage(
    "derive",
    notebook="02_try",
    reads=("analysis/tables/test", "analysis/tables/controls"),
    writes=("analysis/locked_signature.json", "analysis/results/02_try.json"),
    staged=True,
    may_write=("analysis/clinical_model.json", "reports/figures"),
)
CELL = """
import json, os, sys, warnings
from pathlib import Path
from lumier_analysis.study import open_study
from lumier_analysis.study.io import sha256_file, write_json
s = open_study(study)
table = s.read("landmarks", "test")
seen = sorted(p.relative_to(s.folder).as_posix() for p in s.folder.rglob("*") if p.is_file())
print(study, Path.cwd(), open_study.__code__.co_filename, sys.prefix)
warnings.warn("from a cell")
warnings.warn_explicit("from the package", UserWarning, open_study.__code__.co_filename, 1)
write_json(s.signature_path, {"rows": len(table), "table": sha256_file(s.table_path("landmarks", "test"))})
write_json(s.results / "02_try.json", {"plan": sha256_file(s.folder / "plan.yml"), "sum": int(table["event"].sum())})
(s.reports / "figures").mkdir(parents=True, exist_ok=True)
(s.reports / "figures" / "one.svg").write_text("<svg/>")
table
"""


@pytest.fixture
def study(project: Path) -> Study:
    """Return a study with tables of two cohorts, a sealed file, truth and an earlier model."""
    made = open_study("data/tiny")
    marks = pd.DataFrame({"patient_id": ["P1", "P2", "P3"], "event": [0, 1, 1]})
    made.write("landmarks", "test", marks)
    made.write("landmarks", "validation", marks)
    (made.analysis / "sealed").mkdir()
    (made.analysis / "sealed" / "validation.age").write_bytes(b"age-encryption.org/v1")
    (made.folder / "truth").mkdir()
    (made.folder / "truth" / "truth.csv").write_text("patient_id,event\n")
    return made


def write(study: Study, make_notebook, *cells: str) -> None:
    path = make_notebook("02_try", *cells, parameters='study = "data/synthetic"\nraw = None')
    shutil.move(path, study.root / "notebooks" / "02_try.ipynb")


def results(study: Study) -> dict[str, bytes]:
    """Return every result of the study, without the records of runs."""
    found = {}
    for top in (study.analysis, study.reports):
        for path in top.rglob("*") if top.is_dir() else ():
            if path.is_file() and not path.is_relative_to(study.analysis / "run"):
                found[path.relative_to(study.root).as_posix()] = path.read_bytes()
    return found


def record(study: Study) -> dict:
    return json.loads((study.analysis / "run" / "derive.json").read_text())


def test_no_byte_depends_on_staging(study, make_notebook):
    write(study, make_notebook, CELL)
    (study.analysis / "clinical_model.json").write_text("of an earlier run")
    run_study(study, stages=(DERIVE,))
    first, of_first = results(study), record(study)
    assert of_first["isolation"].startswith("staged")
    assert "data/tiny/analysis/clinical_model.json" not in first  # it would outlive what it was made of
    run_study(study, stages=(dataclasses.replace(DERIVE, staged=False),), fresh=True)
    second, of_second = results(study), record(study)
    assert of_second["isolation"] == "not staged"
    assert first == second and len(first) == 7
    assert of_first["key"] == of_second["key"] and of_first["outputs"] == of_second["outputs"]
    assert of_first["warnings"] == of_second["warnings"] and len(of_first["warnings"]) >= 2
    text = first["reports/tiny/notebooks/02_try.ipynb"].decode()
    assert "lumier-stage" not in text and str(study.root) not in text and '"data/tiny\\"' in text
    # What was staged is fresh afterwards, too.
    assert run_study(study, stages=(DERIVE,)).ran == ()


def test_the_project_holds_what_the_stage_declares_and_nothing_else(study):
    with staged(study, DERIVE) as made:
        root = made.study.root
        top = sorted(p.name for p in root.iterdir())
        assert top == ["data", "lumier_analysis", "pyproject.toml", "requirements.lock"]
        held = sorted(p.relative_to(root / "data").as_posix() for p in (root / "data").rglob("*") if p.is_file())
        assert held == ["tiny/analysis/tables/test/landmarks.parquet", "tiny/plan.yml"]
        table = made.study.table_path("landmarks", "test")
        assert table.stat().st_mode & 0o222 == 0 and table.stat().st_nlink == 1
        assert not any(p.is_symlink() for p in root.rglob("*"))
    assert not made.base.exists()


def test_the_environment_tells_nothing_and_masked_paths_lead_nowhere(study, make_notebook, monkeypatch):
    monkeypatch.setenv("LUMIER_STUDY", str(study.folder))
    monkeypatch.setenv("PWD", str(study.root))
    places = ["analysis/sealed/validation.age", "raw/ecrf_patients.csv", "truth/truth.csv"]
    places.append("analysis/tables/validation/landmarks.parquet")
    absolute = [str(study.folder / place) for place in places]
    relative = [f"data/tiny/{place}" for place in places] + [f"lumier_analysis/../data/tiny/{p}" for p in places]
    assert all(Path(place).is_file() for place in [*absolute, *relative])
    cell = f"""
found = {{p: Path(p).exists() for p in {[*absolute, *relative]!r}}}
(s.results / "02_try.json").write_text(json.dumps([dict(os.environ), found]))
"""
    write(study, make_notebook, CELL, cell)
    run_study(study, stages=(DERIVE,))
    environment, found = json.loads((study.results / "02_try.json").read_text())
    assert not any(str(study.root) in value or "data/tiny" in value for value in environment.values())
    assert "LUMIER_STUDY" not in environment and "PWD" not in environment
    assert Path(environment["HOME"]).name == "home" and environment["TZ"] == "UTC"
    assert not any(found[place] for place in relative)
    masked = record(study)["isolation"] == "staged, scrubbed and masked"
    assert [found[place] for place in absolute] == [not masked] * 4
    assert masked == make_masks(masked_folders(study), study.root / "notebooks").held


@pytest.mark.parametrize(
    ("cell", "family", "message"),
    [
        ('open(f"{study}/analysis/sealed/validation.age", "rb")', NotebookError, "FileNotFoundError"),
        ('s.read("landmarks", "validation")', AnalysisError, "landmarks of the validation cohort does not exist"),
    ],
)
def test_a_notebook_altered_to_read_an_outcome_fails(study, make_notebook, cell, family, message):
    write(study, make_notebook, CELL, cell)
    before = results(study)
    with pytest.raises(family, match=message) as stopped:
        run_study(study, stages=(DERIVE,))
    assert results(study) == before
    # The unfinished notebook is kept, and shows no temporary path either.
    kept = study.analysis / "run" / "02_try.failed.ipynb"
    assert any("data/tiny/analysis/run/02_try.failed.ipynb" in note for note in stopped.value.__notes__)
    assert "lumier-stage" not in kept.read_text() + str(stopped.value)
    assert not study.signature_path.exists() and not (study.reports / "notebooks").exists()


def test_without_masks_the_stage_runs_and_its_record_says_so(study, make_notebook, monkeypatch):
    real = subprocess.run

    def refuse(command, **settings):
        if masks.__file__ in command:
            return subprocess.CompletedProcess(command, 1, "", "unshare: Operation not permitted\n")
        return real(command, **settings)

    monkeypatch.setattr(masks.subprocess, "run", refuse)
    write(study, make_notebook, CELL)
    run_study(study, stages=(DERIVE,))
    assert record(study)["isolation"].startswith("staged and scrubbed only: this machine allows no masks")


def test_raw_files_and_other_studies_elsewhere_are_masked_too(study, tmp_path):
    elsewhere, other = tmp_path / "raw", tmp_path / "other"
    for folder in (elsewhere, other):
        folder.mkdir()
    (study.root / "data" / "other").symlink_to(other, target_is_directory=True)
    found = masked_folders(dataclasses.replace(study, raw=elsewhere))
    assert set(found) == {(study.root / "data").resolve(), elsewhere.resolve(), other.resolve()}


@pytest.mark.parametrize("cohort", ["controls", "test", "validation"])
def test_what_a_stage_does_not_declare_is_refused(study, cohort):
    with staged(study, DERIVE) as made:
        made.study.signature_path.write_text("{}")
        made.study.table_path("landmarks", "test").parent.chmod(0o700)
        made.study.write("landmarks", cohort, made.study.read("landmarks", "test").head(2))
        with pytest.raises(NotebookError, match=rf"wrote what it does not declare\. Found: analysis/tables/{cohort}"):
            publish(made, study, DERIVE)
    assert not study.signature_path.exists() and len(study.read("landmarks", "test")) == 3


def test_a_link_among_the_results_is_refused(study):
    with staged(study, DERIVE) as made:
        figures = made.study.reports / "figures"
        figures.mkdir(parents=True)
        (figures / "raw.svg").symlink_to(study.raw / "ecrf_patients.csv")
        with pytest.raises(NotebookError, match="left a link among its results"):
            publish(made, study, DERIVE)
        (figures / "raw.svg").unlink()
        figures.rmdir()
        figures.symlink_to(study.raw, target_is_directory=True)
        with pytest.raises(NotebookError, match="left a link among its results"):
            written_files(made, DERIVE)
        made.study.reports.rename(made.base / "moved")
        made.study.reports.symlink_to(study.raw, target_is_directory=True)
        with pytest.raises(NotebookError, match="left a link among its results"):
            written_files(made, DERIVE)
    assert not study.reports.exists()


def test_a_stage_that_reads_raw_files_cannot_be_staged(study, tmp_path):
    clean = next(s for s in STAGES if s.reads_raw)
    with pytest.raises(UsageError, match="clean reads the raw files"):
        fill_project(study, tmp_path / "stage", clean)


def test_the_derivation_is_staged_and_declares_no_validation_table():
    derive = next(s for s in STAGES if s.name == "derive")
    assert derive.staged and not any("validation" in read for read in derive.reads)


def _started(study: Study, temporary: Path) -> tuple[subprocess.Popen, int]:
    """Start a run whose notebook sleeps; return it and the process id of the kernel."""
    program = (
        "from lumier_analysis.pipeline.run import run_study; from lumier_analysis.pipeline.stages import Stage;"
        f"run_study('data/tiny', stages=({DERIVE!r},))"
    )
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join([str(study.root), *sys.path])}
    run = subprocess.Popen([sys.executable, "-c", program], cwd=study.root, env=environment, stderr=subprocess.DEVNULL)
    for _ in range(300):
        for spot in temporary.glob("lumier-stage-*/tmp/pid"):
            if text := spot.read_text():
                return run, int(text)
        time.sleep(0.1)
    run.kill()
    raise AssertionError("the notebook did not start")


SLEEP = """
import os, time
from pathlib import Path
Path(os.environ["TMPDIR"], "pid").write_text(str(os.getpid()))
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_nothing_is_left_behind_after_a_kill(study, make_notebook, tmp_path, monkeypatch, name):
    write(study, make_notebook, SLEEP)
    before = results(study)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    run, kernel = _started(study, temporary)
    process = psutil.Process(kernel)
    run.send_signal(getattr(signal, name))
    run.wait(30)
    psutil.wait_procs([process], timeout=15)
    assert not process.is_running()
    mounts = Path("/proc/self/mounts")
    assert not mounts.is_file() or "lumier-mask" not in mounts.read_text()
    assert results(study) == before
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    # What is killed outright cannot clean up; the next stage does.
    assert sweep() == (1 if name == "SIGKILL" else 0)
    assert not list(temporary.glob("lumier-stage-*"))
