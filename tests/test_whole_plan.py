"""The whole plan on the embedded study, as a user runs it, in a copy of the project."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from lumier_analysis.pipeline.compile_kernels import ensure_compiled
from lumier_analysis.reporting import lint_reports, read_ledger, study_identifiers
from lumier_analysis.reporting.anchors import cell_anchor
from lumier_analysis.study import open_study, project_root
from tests.reporting.linked import Reader, leads_nowhere, number_cells

pytestmark = pytest.mark.pipeline
RESULTS = (
    "analysis/tables",
    "analysis/results",
    "analysis/queries.csv",
    "analysis/flow.json",
    "analysis/locked_signature.json",
)


def lumier(root, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "lumier_analysis", *arguments],
        cwd=root, env=os.environ | environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


def hashes(root):
    study = root / "data/synthetic"
    files = [f for name in RESULTS for f in ([study / name] if (study / name).is_file() else (study / name).rglob("*"))]
    files += list((root / "reports/synthetic").rglob("*"))
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the simulated study in it, run once."""
    root = tmp_path_factory.mktemp("project")
    ensure_compiled()  # here and once: the copy takes the compiled kernels along
    origin = project_root()
    for folder in ("lumier_analysis", "notebooks"):
        shutil.copytree(origin / folder, root / folder, ignore=shutil.ignore_patterns(".*"))
    for file in (
        "pyproject.toml", "requirements.lock", "environment.yml", "data/synthetic/plan.yml",
    ):  # fmt: skip
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(origin / file, root / file)
    made = lumier(root, "simulate", "data/synthetic")
    assert made.returncode == 0, made.stderr
    done = lumier(root, "run", "data/synthetic")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "validation cohort are sealed" in done.stdout and "Report:" not in done.stdout
    assert not list((root / "data/synthetic/analysis/results").glob("03*"))
    key = "data/synthetic/truth/identity.txt"
    for command in (["lock"], ["unseal", "--identity", key], ["run", "--frozen"]):
        done = lumier(root, command[0], "data/synthetic", *command[1:])
        assert done.returncode == 0, done.stdout + done.stderr
    assert "reports/synthetic/report.html" in done.stdout
    return root


@pytest.fixture(scope="module")
def ledger(project):
    return read_ledger(open_study(project / "data/synthetic"))


def test_the_interval_of_the_primary_result_covers_the_simulated_truth(project, ledger):
    truth = json.loads((project / "data/synthetic/truth/model.json").read_text(encoding="utf-8"))["true_auc"]["value"]
    signature = json.loads((project / "data/synthetic/analysis/locked_signature.json").read_text(encoding="utf-8"))
    primary = ledger["validation.primary.auc"]
    assert signature["name"] == "interferon", "the truth is that of the pre-specified score"
    assert primary.ci_low < truth < primary.ci_high
    assert 0 < primary.ci_high - primary.ci_low < 0.4


def test_the_second_opinion_agrees_with_the_primary_result(ledger):
    primary = ledger["validation.primary.auc"]
    for other in ("jackknife", "bootstrap"):
        entry = ledger[f"validation.secondary.{other}"]
        assert entry.value == pytest.approx(primary.value, abs=1e-12)
        # Three standard errors of one quantity; with some 25 events they differ by a few per cent.
        assert entry.se == pytest.approx(primary.se, rel=0.15)


def test_every_number_belongs_to_the_plan_and_to_a_cell(project, ledger):
    items = {a.id for a in open_study(project / "data/synthetic").plan.analyses}
    assert len(ledger) > 100
    for entry in ledger.values():
        assert entry.plan_item in items
        assert entry.cell, entry.id
        assert entry.value == entry.value or entry.note, entry.id


def test_the_report_opens_with_the_primary_result_and_asks_nothing_of_the_network(project, ledger):
    html = (project / "reports/synthetic/report.html").read_text(encoding="utf-8")
    body = html[html.index("<body") :]
    line = f"AUC {ledger['validation.primary.auc'].value:.2f}"
    assert line in body
    assert body.index(line) < body.index("<table")
    assert 'src="http' not in html
    assert 'href="http' not in html
    assert "<script" not in html
    assert body.count("<img") == body.count('alt="') > 5


def test_every_number_of_a_table_and_every_figure_leads_to_its_provenance_and_its_cell(project, ledger):
    html = (project / "reports/synthetic/report.html").read_text(encoding="utf-8")
    reader = Reader(html)
    assert leads_nowhere(html) == []
    assert len(number_cells(reader)) > 1000 and len(reader.figures) > 20
    assert "no notebook cell found" not in html
    assert {cell_anchor(entry.notebook, entry.cell) for entry in ledger.values()} <= reader.ids
    card = (project / "reports/synthetic/model_card.html").read_text(encoding="utf-8")
    assert {link.removeprefix("report.html#") for link in re.findall(r'href="([^"]*)"', card)} <= reader.ids


def test_nothing_identifying_is_under_reports(project):
    study = open_study(project / "data/synthetic")
    identifiers = study_identifiers(study)
    assert len(identifiers) > 1000
    assert lint_reports(project / "reports/synthetic", identifiers, threshold=study.plan.disclosure.threshold) == []


def smaller(project, name, keep):
    """Return a copy of the study whose validation cohort has only the patients of `keep`; None: no such cohort."""
    origin, folder = project / "data/synthetic", project / "data" / name
    shutil.copytree(origin, folder, ignore=shutil.ignore_patterns("raw", "truth", "run", "results"))
    text = (origin / "plan.yml").read_text(encoding="utf-8")
    (folder / "plan.yml").write_text(text.replace("id: synthetic", f"id: {name}"), encoding="utf-8")
    for path in (folder / "analysis/tables/validation").glob("*.parquet"):
        table = pd.read_parquet(path)
        if keep is None:
            path.unlink()
        elif "patient_id" in table:
            table[table["patient_id"].isin(keep)].to_parquet(path)
    return folder


def run_cells(project, notebook, study):
    """Run a notebook's code cells in one process, as JupyterLab would; return the ledger it wrote."""
    cells = json.loads((project / "notebooks" / notebook).read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    code[0] = f"study = 'data/{study}'; raw = None\ndisplay = lambda *shown: None"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(code)],
        cwd=project, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return read_ledger(open_study(project / "data" / study))


def test_without_a_validation_cohort_the_validation_says_so(project):
    smaller(project, "none", None)
    found = run_cells(project, "03_locked_validation.ipynb", "none")
    assert "no validation cohort" in found["validation.primary.auc"].note
    assert [i for i in found if i.startswith("validation")] == ["validation.primary.auc"]
    assert not list((project / "reports/none").rglob("*.png"))


def test_twenty_patients_with_three_flares_are_validated_and_nothing_small_is_drawn(project):
    marks = pd.read_parquet(project / "data/synthetic/analysis/tables/validation/landmarks.parquet")
    used = marks[marks["included"]]
    events = used.groupby("patient_id")["event"].sum()
    keep = [*events.index[events > 0][:3], *events.index[events == 0][:17]]
    smaller(project, "few", keep)
    found = run_cells(project, "03_locked_validation.ipynb", "few")
    primary = found["validation.primary.auc"]
    assert (primary.n_patients, primary.n_events) == (20, 3)
    assert 0 <= primary.ci_low < primary.value < primary.ci_high <= 1
    for entry in found.values():
        assert entry.value == entry.value or entry.note, entry.id
    drawn = {path.stem for path in (project / "reports/few/figures").glob("*.png")}
    assert not drawn & {"roc", "calibration", "validation_decision_curve", "validation_risk_groups"}


def test_a_second_run_does_nothing_and_says_so(project):
    before = hashes(project)
    done = lumier(project, "run", "data/synthetic")
    assert done.returncode == 0
    assert "Nothing to do" in done.stdout
    assert hashes(project) == before


@pytest.mark.proof  # the study of 40 patients is replayed with the tests
def test_two_fresh_runs_are_identical_to_the_last_byte(project):
    before = hashes(project)
    assert len(before) > 40
    done = lumier(project, "run", "--fresh", "data/synthetic", TZ="Asia/Tokyo", PYTHONHASHSEED="7", OMP_NUM_THREADS="2")
    assert done.returncode == 0, done.stdout + done.stderr
    after = hashes(project)
    assert [name for name in before if before[name] != after.get(name)] == []


def test_the_frozen_plan_says_what_moved(project):
    for command in (["verify"], ["run", "--frozen"]):
        done = lumier(project, command[0], "data/synthetic", *command[1:])
        assert done.returncode == 0, done.stdout + done.stderr
    plan = project / "data/synthetic/plan.yml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("cap_days: 112", "cap_days: 113"), encoding="utf-8")
    try:
        done = lumier(project, "run", "--frozen", "data/synthetic")
    finally:
        plan.write_text(text, encoding="utf-8")
    assert done.returncode == 18
    assert "landmarks.cap_days" in done.stderr and "112" in done.stderr and "113" in done.stderr
    assert "lumier amend" in done.stderr


def test_a_broken_raw_file_ends_the_run_in_one_sentence_without_results(project):
    chip = project / "data/synthetic/raw/biomark/chip_03.csv"
    whole = chip.read_bytes()
    chip.write_bytes(whole[: len(whole) // 2])
    try:
        done = lumier(project, "run", "data/synthetic")
    finally:
        chip.write_bytes(whole)
    assert done.returncode == 11
    assert "chip_03.csv" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (project / "data/synthetic/analysis/results/01_data_cleaning.json").exists()
