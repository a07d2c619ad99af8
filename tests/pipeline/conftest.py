"""Tiny notebooks, and a tiny project with two notebook stages and a report."""

from __future__ import annotations

import importlib.metadata
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.signature import ClinicalModel, LockContext
from lumier_analysis.signature.lock import lock_module_score
from lumier_analysis.study import Study, load_plan, open_study
from tests.pipeline.small_study import lumier, make_small_project, open_small_study
from tests.pipeline.undisturbed import Undisturbed, run_undisturbed

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
    # These notebooks import next to nothing: what a warm start imports ahead would take longer than they do.
    monkeypatch.setenv("LUMIER_COLD", "1")
    return root


@pytest.fixture
def tiny_stages() -> tuple[Stage, ...]:
    """Return the stages of the tiny project."""
    return TINY_STAGES


def write_study_to_lock(root: Path, *, synthetic: bool) -> None:
    """Give the study data/tiny of `project` what a derived study has: notebooks, tables, signature, clinical model."""
    version = importlib.metadata.version("numpy")
    (root / "requirements.lock").write_text(f"numpy=={version} \\\n    --hash=sha256:{'0' * 64}\n    # via pandas\n")
    plan = root / "data" / "tiny" / "plan.yml"
    if not synthetic:
        plan.write_text(plan.read_text("utf-8").replace("synthetic: true", "synthetic: false", 1), "utf-8")
    for stage in STAGES:
        if stage.notebook:
            target = root / "notebooks" / f"{stage.notebook}.ipynb"
            write_notebook(target, "a = 1\nb = 2", "c = a + b", parameters='study = "data/synthetic"\nraw = None')
    study = open_study("data/tiny")
    ids = [f"P{i}" for i in range(6)]
    for cohort in ("test", "validation"):
        tubes = [f"{cohort}-{i}" for i in ids]
        visit = ["M0", "M3", "M6", "M0", "M3", "flare"]
        samples = pd.DataFrame({"sample_id": tubes, "patient_id": ids, "visit": visit, "rin": 8.5})
        study.write("samples", cohort, samples)
        expression = pd.DataFrame({"a1": [5.0, 6, 7, 8, 9, 10]}, index=pd.Index(tubes, name="sample_id"))
        study.write("expression", cohort, expression)
    cohorts = ["test", "validation"] * 3
    study.write("patients", "test", pd.DataFrame({"patient_id": ids, "cohort": cohorts, "centre": "A"}))
    genes = ["a1", "a2"]
    reference = dict.fromkeys(genes, 5.0)
    context = LockContext(
        modules={"A": genes},
        scores={"a": ["A"]},
        reference_genes=["r1"],
        mean=pd.Series(reference),
        sd=pd.Series(reference),
        scaling_reference="quiescent_first_visit",
        calibration=None,
        threshold=0.25,
        plan_hash="p" * 64,
        data_hash="d" * 64,
    )
    lock_module_score(context, "a").save(study.signature_path)
    names = ("intercept", "sledai")
    ClinicalModel(
        columns=("sledai",),
        transformation={"sledai": "none"},
        coefficients=dict(zip(names, (-3.0, 0.2), strict=True)),
        standard_errors=dict.fromkeys(names, 0.1),
        df=dict.fromkeys(names, 40.0),
        fmi=dict.fromkeys(names, 0.1),
        n_rows=100,
        n_patients=50,
        n_events=12,
        n_missing={"sledai": 0},
        imputations=20,
        seed=1,
        data_hash="a" * 64,
        software="lumier-analysis",
    ).save(study.clinical_model_path)
    study.reports.mkdir(parents=True, exist_ok=True)
    shutil.copy(study.signature_path, study.reports / "locked_signature.json")


@pytest.fixture
def lockable(project: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return the tiny study, not synthetic, as it stands when its signature is derived and it is to be locked."""
    monkeypatch.setenv("LUMIER_WHO", "AB")
    write_study_to_lock(project, synthetic=False)
    return open_study("data/tiny")


@pytest.fixture
def lockable_synthetic(project: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return the same as `lockable`, of a synthetic study."""
    monkeypatch.setenv("LUMIER_WHO", "AB")
    write_study_to_lock(project, synthetic=True)
    return open_study("data/tiny")


# --- a study whose notebooks write ledgers, for replay and export; the standard library alone, so that it is quick ---

LEDGER_STAGES = (
    Stage(
        "clean",
        notebook="01_first",
        reads_raw=True,
        writes=("analysis/tables", "analysis/results/01_first.json"),
    ),
    Stage(
        "derive",
        notebook="02_second",
        reads=("analysis/tables/test",),
        writes=("analysis/results/02_second.json", "reports/figures"),
    ),
    Stage(
        "report",
        builder="lumier_analysis.tiny_report:build",
        reads=("analysis/results", "reports/figures"),
        writes=("reports/report.html",),
    ),
)
WRITE_ENTRIES = """
import hashlib, json, os, time
from pathlib import Path
folder = Path(study) / "analysis"
raw_folder = Path(raw) if raw else Path(study) / "raw"
empty = dict(label="A number", kind="estimate", se=None, ci_low=None, ci_high=None, level=None, p_value=None,
             n_patients=None, n_rows=None, n_events=None, estimator="", unit="", note="", plan_item="primary",
             notebook="", cell="id-2")
"""
FIRST_LEDGER = """
text = (raw_folder / "ecrf_patients.csv").read_text()
(folder / "tables" / "test").mkdir(parents=True, exist_ok=True)
(folder / "results").mkdir(exist_ok=True)
(folder / "tables" / "test" / "patients.csv").write_text(text.upper())
size = dict(empty, id="quality.size", kind="count", value=float(len(text)), plan_item="data_quality",
            notebook="01_first")
few = dict(size, id="quality.few", value=3.0)
threads = dict(size, id="env.threads", kind="estimate", value=float(os.environ["OMP_NUM_THREADS"]) + 0.5)
seed = dict(threads, id="env.hash", value=hash("lumier") / 2**61)
zone = dict(threads, id="env.zone", value=time.timezone + 0.5)
locale = dict(threads, id="env.locale", value=0.5, note=os.environ["LC_ALL"] + os.environ.get("LANGUAGE", ""))
entries = [size, few, threads, seed, zone, locale]
content = dict(schema=1, notebook="01_first", inputs={}, entries=entries)
(folder / "results" / "01_first.json").write_text(json.dumps(content))
"""
SECOND_LEDGER = """
table = folder / "tables" / "test" / "patients.csv"
auc = dict(empty, id="validation.primary.auc", value=len(table.read_text()) / 31, se=0.05, notebook="02_second",
           n_patients=40, n_rows=90, n_events=12, estimator="AUC, Obuchowski clustered; logit interval")
inputs = {"analysis/tables/test/patients.csv": hashlib.sha256(table.read_bytes()).hexdigest()}
content = dict(schema=1, notebook="02_second", inputs=inputs, entries=[auc])
(folder / "results" / "02_second.json").write_text(json.dumps(content))
target = Path("reports") / Path(study).name / "figures"
target.mkdir(parents=True, exist_ok=True)
(target / "one.svg").write_text("<svg/>")
"""


@pytest.fixture
def ledger_project(project: Path) -> Path:
    """Return the tiny project with notebooks that write ledgers."""
    (project / "tiny_report.py").replace(project / "lumier_analysis" / "tiny_report.py")  # a replay copies the package
    parameters = 'study = "data/synthetic"\nraw = None'
    for name, source in (("01_first", FIRST_LEDGER), ("02_second", SECOND_LEDGER)):
        write_notebook(project / "notebooks" / f"{name}.ipynb", WRITE_ENTRIES, source, parameters=parameters)
    return project


@pytest.fixture
def ledger_stages() -> tuple[Stage, ...]:
    """Return the stages of the ledger project."""
    return LEDGER_STAGES


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for what the first run of the ledger project wrote: every other test takes a copy."""
    return tmp_path_factory.mktemp("first") / "run"


@pytest.fixture
def ledger_run(ledger_project: Path, first_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the ledger project after a run by Jo Statistician."""
    # The package goes with the run: it may have been edited since.
    made = ("lumier_analysis", "data/tiny/analysis", "reports/tiny")
    ignore = shutil.ignore_patterns("__pycache__")
    if first_run.is_dir():
        shutil.rmtree(ledger_project / "lumier_analysis")
        for name in made:
            shutil.copytree(first_run / name, ledger_project / name)
    else:
        monkeypatch.setenv("LUMIER_WHO", "Jo Statistician")
        run_study("tiny", progress=Progress(io.StringIO()), stages=LEDGER_STAGES)
        for name in made:
            shutil.copytree(ledger_project / name, first_run / name, ignore=ignore)
    return ledger_project


# --- a study of 40 patients through the real notebooks; its tests share one worker, as it takes a minute ---


@pytest.fixture(scope="session")
def small_opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project of the small study, derived, locked and opened; tests take a copy."""
    root = make_small_project(tmp_path_factory.mktemp("small") / "opened")
    open_small_study(root)
    return root


@pytest.fixture(scope="session")
def undisturbed(small_opened: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Return the small study as it stands before each stage of an undisturbed run, and its results."""
    return run_undisturbed(small_opened, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="session")
def small_run(undisturbed: Undisturbed) -> Path:
    """Return the project of the small study after its frozen run; tests take a copy."""
    root = undisturbed.folder / "run"
    shutil.copytree(undisturbed.folder / "end", root)
    assert "all stages are fresh" in lumier(root, "run", "--frozen", "data/small")
    return root
