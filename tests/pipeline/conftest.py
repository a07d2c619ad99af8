"""Tiny notebooks, and a tiny project with two notebook stages and a report."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import load_plan

ROOT = Path(__file__).resolve().parents[2]
MakeNotebook = Callable[..., Path]

TINY_STAGES = (
    Stage(
        "first",
        notebook="01_first",
        reads_raw=True,
        writes=("analysis/tables", "analysis/results/01_first.json"),
    ),
    Stage("second", notebook="02_second", reads=("analysis/tables",), writes=("reports/figures",)),
    Stage("report", builder="tiny_report:build", reads=("reports/figures",), writes=("reports/report.html",)),
)

FIRST = """
from pathlib import Path
folder = Path(study) / "analysis"
(folder / "tables" / "test").mkdir(parents=True, exist_ok=True)
(folder / "results").mkdir(exist_ok=True)
raw_folder = Path(raw) if raw else Path(study) / "raw"
text = (raw_folder / "ecrf_patients.csv").read_text()
(folder / "tables" / "test" / "patients.csv").write_text(text.upper())
(folder / "results" / "01_first.json").write_text(str(len(text)))
"""
SECOND = """
from pathlib import Path
text = (Path(study) / "analysis" / "tables" / "test" / "patients.csv").read_text()
target = Path("reports") / Path(study).name / "figures"
target.mkdir(parents=True, exist_ok=True)
(target / "one.svg").write_text(text)
"""
REPORT = """
def build(study):
    figure = (study.reports / "figures" / "one.svg").read_text()
    (study.reports / "report.html").write_text(f"<p>{figure}</p>")
"""


def write_notebook(path: Path, *cells: str, parameters: str | None = "x = 1") -> Path:
    """Write a notebook of code cells, the first tagged `parameters`, its ids fixed."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    if parameters is not None:
        notebook.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in cells]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"id-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def make_notebook(tmp_path: Path) -> MakeNotebook:
    """Return a function that writes a notebook NAME.ipynb of the given code cells into the test's folder."""

    def make(name: str, *cells: str, parameters: str | None = "x = 1") -> Path:
        return write_notebook(tmp_path / f"{name}.ipynb", *cells, parameters=parameters)

    return make


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project folder with the study data/tiny, its raw files and two notebooks; it is the working folder."""
    root = tmp_path / "project"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lumier_analysis", root / "lumier_analysis", ignore=ignore)
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "requirements.lock").write_text("numpy==2.4.0\n")
    (root / "tiny_report.py").write_text(REPORT)
    study = root / "data" / "tiny"
    study.mkdir(parents=True)
    shutil.copy(ROOT / "data" / "synthetic" / "plan.yml", study / "plan.yml")
    for spec in load_plan(study / "plan.yml").files.values():
        file = study / "raw" / spec.path.replace("*", "chip_1")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{spec.path}\n")
    write_notebook(root / "notebooks" / "01_first.ipynb", FIRST, parameters='study = "data/synthetic"\nraw = None')
    write_notebook(root / "notebooks" / "02_second.ipynb", SECOND, parameters='study = "data/synthetic"\nraw = None')
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def tiny_stages() -> tuple[Stage, ...]:
    """Return the stages of the tiny project."""
    return TINY_STAGES
