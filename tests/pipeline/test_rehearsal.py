from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from lumier_analysis.cleaning.borrow import Borrowed
from lumier_analysis.errors import AnalysisError, SealError, SignatureError, UsageError
from lumier_analysis.pipeline.rehearsal import (
    Rehearsal,
    borrowed_tables,
    no_true_outcome,
    not_of_validation,
    permuted_tables,
    rehearse,
)
from lumier_analysis.pipeline.staged import fill_project
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import Study, open_study, project_root, seal

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
    assert (done.given.n_patients, done.n_numbers) == (8, 3)
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
    permuted, tables = permuted_tables(study, seed=1)
    assert permuted is not None and set(tables) == {"landmarks", "visits", "flares", "patients"}
    true, shown = (t["follow_up_days"].tolist() for t in (study.read("landmarks", "validation"), tables["landmarks"]))
    assert sorted(true) == sorted(shown) and true != shown
    assert staged.read("samples", "validation").equals(study.read("samples", "validation"))
    assert (root / "lumier_analysis" / "cli.py").is_file() and (staged.folder / "plan.yml").is_file()


def test_without_a_validation_cohort_the_notebook_still_runs(study, make_notebook):
    write(study, make_notebook, "x = 2")
    shutil.move(study.analysis / "tables" / "validation", study.analysis / "tables" / "test")
    done = rehearse(study, stage=STAGE)
    assert done.given is None and "without a validation cohort" in done.lines()[0]


def test_what_must_be_there_first(study):
    study.signature_path.unlink()
    with pytest.raises(SignatureError, match="no locked signature to rehearse with"):
        rehearse(study)
    shutil.rmtree(study.analysis)
    with pytest.raises(AnalysisError, match="no tables yet"):
        rehearse(study)


# --- under seal -------------------------------------------------------------------------------------------------------

SEALED_CELL = """
import json
from pathlib import Path
from lumier_analysis.study import open_study
s = open_study(study)
everything = [p for p in Path.cwd().parent.rglob("*") if "lumier_analysis" not in p.parts]
names = {part for p in everything for part in p.parts}
assert not names & {"sealed", "seal_recipient.txt", "openings.jsonl"} and not [n for n in names if n.endswith(".age")]
for table in ("landmarks", "visits", "flares", "patients"):
    lent = s.read(table, "validation")
    assert set(lent["patient_id"]) <= {"V0", "V1", "V2", "V3", "V4", "V5"} and "true" not in lent
assert s.read("landmarks", "validation")["event"].sum() == 4
tubes = s.read("samples", "validation")
assert set(tubes["visit"]) == {"M0", "M3"} and set(s.read("expression", "validation").index) == set(tubes["sample_id"])
s.results.mkdir(parents=True)
(s.results / "03_try.json").write_text(json.dumps({"entries": [1, 2]}))
"""


def whole(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the types that cleaning gives."""
    texts = [c for c in table if c in ("patient_id", "visit", "sample_id", "cohort", "centre", "reason", "end_reason")]
    days = [c for c in table if c.endswith("day")]
    return table.astype(dict.fromkeys(texts, "string") | dict.fromkeys(days, "Int64"))


@pytest.fixture
def sealed(study: Study) -> Study:
    """Return the study under seal: four test patients, two of them with a flare; six validation patients with tubes.

    True outcomes of before the seal lie about in clear, and the archive is no archive: neither may be looked at.
    """
    who, visits = [f"T{i}" for i in range(4)], ["M0", "M3", "M6"]
    rows = [(p, v, 90 * k, 1.0, True) for p in who for k, v in enumerate(visits)]
    study.write(
        "visits", "test", whole(pd.DataFrame(rows, columns=["patient_id", "visit", "day", "sledai", "scheduled"]))
    )
    patients = pd.DataFrame({"patient_id": who, "cohort": "test", "centre": "A", "reason": "", "end_day": 270})
    study.write("patients", "test", whole(patients.assign(end_reason="completed")))
    flares = pd.DataFrame({"patient_id": who[:2], "onset_day": 120, "detection_day": 125, "day": 120, "is_flare": True})
    study.write("flares", "test", whole(flares))
    tubes = pd.DataFrame(
        [(f"V{i}.{v}", f"V{i}", v, 500 + i) for i in range(6) for v in ("M0", "M3", "flare")],
        columns=["sample_id", "patient_id", "visit", "day"],
    )
    study.write("samples", "validation", whole(tubes.assign(qc_pass=True, qc_reason="")))
    study.write("expression", "validation", pd.DataFrame({"a1": range(18)}, index=pd.Index(tubes["sample_id"])))
    for table in ("landmarks", "visits", "flares", "patients"):
        study.write(table, "validation", pd.DataFrame({"patient_id": ["V0"], "true": ["a true outcome"]}))
    seal.recipient_path(study).write_text(seal.new_identity()[1])
    seal.seal(study, {"tables/flares.parquet": b"who flared"})
    seal.archive_path(study).write_bytes(b"not to be opened")
    return study


def test_under_seal_the_notebook_sees_borrowed_outcomes_and_nothing_that_is_sealed(sealed, make_notebook):
    write(sealed, make_notebook, SEALED_CELL)
    before = contents(sealed)
    # Six patients on four courses, each lent once or twice: with this seed, two of the flares twice.
    seed = next(s for s in range(50) if borrowed_tables(sealed, seed=s)[0].n_events == 4)
    done = rehearse(sealed, stage=STAGE, seed=seed)
    assert contents(sealed) == before
    assert done.lines() == [
        "This was a rehearsal: outcomes were borrowed from the test cohort, and its numbers are thrown away.",
        "The outcomes are sealed: each validation patient was given the course of a patient of the test cohort.",
        "Borrowed: 6 patients, known by their tubes of scheduled visits, got the courses of 4 patients, drawn at"
        " random: 12 landmarks at risk, 4 followed by a flare.",
        f"The validation notebook ran to its end in {done.seconds:.0f} s, with 2 numbers and 0 warnings. Nothing of"
        " the study was changed.",
    ]


def test_under_seal_no_table_of_the_validation_cohort_is_copied(sealed, tmp_path):
    root = tmp_path / "stage"
    root.mkdir()
    staged = fill_project(sealed, root, STAGE, keep=not_of_validation)
    found = [p.relative_to(staged.folder).as_posix() for p in staged.folder.rglob("*") if p.is_file()]
    tables = [f"analysis/tables/test/{name}.parquet" for name in ("flares", "patients", "visits")]
    assert sorted(found) == ["analysis/locked_signature.json", *tables, "plan.yml"]
    assert not seal.is_sealed(staged) and seal.is_sealed(sealed)


def test_the_seed_of_the_plan_draws_the_courses(sealed):
    draws = [borrowed_tables(sealed, seed=s)[1]["flares"]["patient_id"].tolist() for s in (1, 1, 2, 3, 4)]
    assert draws[0] == draws[1] and len({tuple(d) for d in draws}) > 1


def test_a_draw_without_a_flare_says_what_that_means(sealed):
    tubes = sealed.read("samples", "validation")
    sealed.write("samples", "validation", tubes[tubes["patient_id"] == "V0"])
    given = next(g for s in range(50) if not (g := borrowed_tables(sealed, seed=s)[0]).n_events)
    lines = Rehearsal(given, 9, 1, 2.0).lines()
    assert isinstance(given, Borrowed) and "another --seed" in lines[3] and "9 numbers and 1 warnings" in lines[4]


def test_under_seal_what_is_missing_is_said_before_anything_is_started(sealed, monkeypatch):
    monkeypatch.setattr("lumier_analysis.pipeline.rehearsal.staged", None)
    patients, tubes = sealed.read("patients", "test"), sealed.read("samples", "validation")
    sealed.write("samples", "validation", tubes[tubes["visit"] == "flare"])
    with pytest.raises(AnalysisError, match="no tube of a scheduled visit"):
        rehearse(sealed)
    sealed.write("samples", "validation", tubes)
    sealed.write("patients", "test", patients.iloc[:0])
    with pytest.raises(AnalysisError, match="test cohort has no analysed patient"):
        rehearse(sealed)
    sealed.table_path("patients", "test").unlink()
    with pytest.raises(AnalysisError, match="table patients of the test cohort does not exist"):
        rehearse(sealed)
    sealed.table_path("samples", "validation").unlink()
    with pytest.raises(AnalysisError, match="table samples of the validation cohort does not exist"):
        rehearse(sealed)
    seal.manifest_path(sealed).write_text("{}")
    with pytest.raises(SealError, match="manifest"):
        rehearse(sealed)
    sealed.signature_path.unlink()
    with pytest.raises(SignatureError, match="no locked signature to rehearse with"):
        rehearse(sealed)


def test_a_seed_that_is_none_is_refused(study: Study) -> None:
    with pytest.raises(UsageError, match=r"A seed is 0 or more. Found: -1.*lumier dry-run data/tiny --seed 1"):
        rehearse(study, seed=-1)
