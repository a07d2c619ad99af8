from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc
from lumier_analysis.pipeline.double import (
    TOLERANCE,
    coded_rows,
    compare,
    double_program,
    read_quantities,
    run_r,
    write_script,
)
from lumier_analysis.signature import LockContext, lock_module_score
from lumier_analysis.study import Study, load_plan, project_root

#: What R 4.2.2 made of primary_landmarks.csv; see primary_r.py.
REFERENCE = Path(__file__).parents[1] / "reference"
STORED = read_quantities((REFERENCE / "primary_r.csv").read_text())
needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not installed")


@pytest.fixture
def rows():
    return pd.read_csv(REFERENCE / "primary_landmarks.csv")


@pytest.fixture
def study(tmp_path):
    """A study of 60 patients with two landmarks each and one gene that matters."""
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    made = Study(tmp_path / "data/synthetic", tmp_path / "raw", plan, tmp_path)
    rng = np.random.default_rng(7)
    who, day = np.repeat([f"P{i:02d}" for i in range(60)], 2), np.tile([0, 90], 60)
    event = (rng.random(120) < 0.2).astype(int)
    marks = {"patient_id": who, "visit": np.tile(["M0", "M3"], 60), "day": day, "included": True, "event": event}
    made.write("landmarks", "validation", pd.DataFrame(marks).assign(sample_id=[f"S{i:03d}" for i in range(120)]))
    visits = pd.DataFrame(marks)[["patient_id", "visit", "day"]].assign(scheduled=True)
    made.write("visits", "validation", visits)
    made.write("patients", "validation", pd.DataFrame({"patient_id": pd.unique(who)}))
    genes = plan.panel.genes
    values = rng.standard_normal((120, len(genes))) + 0.1 * event[:, None]
    made.write("expression", "validation", pd.DataFrame(values, [f"S{i:03d}" for i in range(120)], genes))
    context = LockContext(
        plan.panel.modules, plan.panel.scores, plan.panel.reference_genes,
        pd.Series(0.0, genes), pd.Series(1.0, genes), "made up", None, 0.5, "0" * 64, "0" * 64,
    )  # fmt: skip
    lock_module_score(context, "interferon").save(made.signature_path)
    return made


def test_the_stored_result_of_r(rows):
    found = compare(auc(rows["outcome"], rows["score"], cluster=rows["patient"]), STORED)
    assert (found["difference"].abs() <= TOLERANCE).all()
    assert found["python"].between(0, 200).all() and len(found) == 8


@needs_r
def test_r_still_gives_what_is_stored(rows, tmp_path):
    write_script(tmp_path, rows)
    found = run_r(tmp_path, 0.95)
    assert found is not None and found == pytest.approx(STORED, abs=TOLERANCE)


@needs_r
def test_other_levels(rows, tmp_path):
    write_script(tmp_path, rows)
    want = auc(rows["outcome"], rows["score"], cluster=rows["patient"], level=0.9)
    assert (compare(want, run_r(tmp_path, 0.9))["difference"].abs() <= TOLERANCE).all()


@needs_r
def test_a_study_in_both_programs(study):
    done = double_program(study)
    assert done.agrees and done.comparison["python"].iloc[5:].tolist()[:2] == [60, 120]
    # Far below what a wrong factor or a lost tie would make.
    assert done.comparison["difference"].abs().max() <= TOLERANCE
    text = (done.folder / "landmarks.csv").read_text()
    assert text.startswith("patient,outcome,score\n") and "P0" not in text and "S0" not in text
    assert done.folder.is_relative_to(study.analysis)


def test_without_r_the_files_are_there(study, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    done = double_program(study)
    assert done.comparison is None and done.agrees is None
    assert {p.name for p in done.folder.iterdir()} == {"landmarks.csv", "primary.R"}


def test_a_difference_is_seen(rows):
    other = {**STORED, "se": STORED["se"] * (1 + 1e-6)}
    found = compare(auc(rows["outcome"], rows["score"], cluster=rows["patient"]), other)
    assert found.set_index("quantity")["difference"].abs().gt(TOLERANCE).sum() == 1


def test_codes_have_no_order_and_lose_nothing():
    table = pd.DataFrame({"patient_id": np.repeat([f"P{i}" for i in range(50)], 2), "event": 0, "score": range(100)})
    coded = coded_rows(table, seed=3)
    assert coded["patient"].is_monotonic_increasing and coded["patient"].nunique() == 50
    assert sorted(coded["score"]) == list(range(100))
    first = coded.drop_duplicates("patient")["score"].to_numpy()
    assert abs(np.corrcoef(first, np.arange(50))[0, 1]) < 0.5  # three standard errors of no correlation are 0.43
    assert (coded.groupby("patient")["score"].diff().dropna() == 1).all()
    pd.testing.assert_frame_equal(coded, coded_rows(table, seed=3))


@needs_r
def test_r_that_stops_says_why(tmp_path, rows):
    write_script(tmp_path, rows.assign(outcome=2))
    with pytest.raises(AnalysisError, match="R program of the primary result stopped"):
        run_r(tmp_path, 0.95)


def test_nothing_to_check(study):
    marks = study.read("landmarks", "validation")
    study.write("landmarks", "validation", marks.assign(event=0))
    with pytest.raises(AnalysisError, match="no interval by the formula"):
        double_program(study)
    study.write("landmarks", "validation", marks.assign(included=False))
    with pytest.raises(AnalysisError, match="no scored landmark"):
        double_program(study)
