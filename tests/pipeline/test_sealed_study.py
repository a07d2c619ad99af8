"""The simulated study under seal, through notebook 01: no validation outcome stands anywhere, and all of it returns."""

from __future__ import annotations

import io
import json
import re
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study
from lumier_analysis.cleaning.prepare import UNSCHEDULED
from lumier_analysis.cleaning.query_files import read_queries
from lumier_analysis.errors import RawDataError, SealError, UsageError
from lumier_analysis.pipeline import unseal
from lumier_analysis.pipeline.explain import explain_patient
from lumier_analysis.pipeline.notebook import Outcome, run_notebook
from lumier_analysis.pipeline.rehearsal import borrowed_tables, rehearse
from lumier_analysis.reporting.lint import study_identifiers
from lumier_analysis.simulation import simulate_study
from lumier_analysis.study import Study, load_plan, opening_log, project_root, seal

REPOSITORY = project_root()
#: Planted dates, of a flare and of a visit, that stand nowhere else; impossible, so that queries ask about them.
FLARE_DATE, VISIT_DATE = "17/03/2061", "18/04/2062"


def plant(study):
    """Give a validation patient a flare and a visit of dates that are found wherever they are written."""
    patients = (study.raw / "ecrf_patients.csv").read_bytes().decode("cp1252").split("\r\n")
    code, cohort = (patients[0].split(";").index(name) for name in ("NUM_PATIENT", "COHORTE"))
    cells = [line.split(";") for line in patients[1:] if line]
    validation = {c[code] for c in cells if c[cohort] != "TEST"} - {c[code] for c in cells if c[cohort] == "TEST"}
    for file, column, date in (("poussees", "DATE_CONSTAT", FLARE_DATE), ("visites", "DATE_VISITE", VISIT_DATE)):
        path = study.raw / f"ecrf_{file}.csv"
        lines = path.read_bytes().decode("cp1252").split("\r\n")
        names = lines[0].split(";")
        row = next(i for i, line in enumerate(lines) if line.split(";")[names.index("NUM_PATIENT")] in validation)
        cells = lines[row].split(";")
        cells[names.index(column)] = date
        lines[row] = ";".join(cells)
        path.write_bytes("\r\n".join(lines).encode("cp1252"))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A sealed project whose cleaning notebook ran, and what the cleaning of the same files finds without a seal."""
    root = tmp_path_factory.mktemp("sealed")
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    (root / "lumier_analysis").symlink_to(REPOSITORY / "lumier_analysis", target_is_directory=True)
    folder = root / "data" / "synthetic"
    simulate_study(folder, n_patients=60, truth_patients=200)
    shutil.copy(REPOSITORY / "data/synthetic/plan.yml", folder)
    study = Study(folder, folder / "raw", load_plan(folder / "plan.yml"), root)
    plant(study)
    recipient = seal.recipient_path(study)
    key = recipient.read_bytes()
    recipient.unlink()
    full = clean_study(study)
    full.write(study)  # as before the data manager made a key: the next cleaning must take it away
    recipient.write_bytes(key)
    source = REPOSITORY / "notebooks" / "01_data_cleaning.ipynb"
    done = run_notebook(source, study.reports / "notebooks" / source.name, {"study": "data/synthetic"}, root=root,
                        failed=root / "failed.ipynb")  # fmt: skip
    assert done.outcome is Outcome.DONE, done.sentence
    return study, full


def texts(study):
    """Return everything below analysis/ and reports/ as text, tables decoded; the archive as its bytes."""
    found = {}
    for folder in (study.analysis, study.reports):
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(study.root).as_posix()
            raw = path.read_bytes()
            found[name] = (
                pd.read_parquet(io.BytesIO(raw)).to_csv()
                if path.suffix == ".parquet"
                else raw.decode("utf-8", "replace")
            )
    return found


def test_no_outcome_stands_anywhere(sealed):
    study, full = sealed
    own, test = full.tables["validation"], full.tables["test"]
    found = texts(study)
    assert len(found) > 20 and any(name.endswith("01_data_cleaning.ipynb") for name in found)
    everything = "\n".join(text for name, text in found.items() if not name.endswith(".svg"))

    # The planted dates, and every other day of a flare that no row of the test cohort has.
    known = test["visits"].to_csv() + test["samples"].to_csv() + test["patients"].to_csv() + test["flares"].to_csv()
    known += own["samples"][~own["samples"]["visit"].isin(UNSCHEDULED)].to_csv() + own["patients"].to_csv()
    moments = pd.concat([own["flares"]["onset_date"], own["flares"]["detection_date"]]).dropna()
    dates = {f"{d:%Y-%m-%d}" for d in moments} - set(re.findall(r"\d{4}-\d\d-\d\d", known))
    assert len(dates) > 3
    for date in dates | {FLARE_DATE, VISIT_DATE, "2061-03-17", "2062-04-18"}:
        assert date not in everything
    assert FLARE_DATE in full.queries.to_csv() or "2061-03-17" in full.queries.to_csv()

    # Tubes drawn at a flare, whose visit would tell it.
    flare_tubes = own["samples"].loc[own["samples"]["visit"].isin(UNSCHEDULED), "sample_id"]
    assert len(flare_tubes) > 5 and not [tube for tube in flare_tubes if tube in everything]

    # A validation patient's code stands beside her tubes of scheduled visits, and nowhere else.
    patients = set(own["patients"]["patient_id"]) - set(test["patients"]["patient_id"])
    rules = ("plate_map_mismatch", "sample_failed")
    for name, text in found.items():
        if name.endswith(("tables/validation/samples.parquet", ".svg", ".age")):
            continue
        for line in text.splitlines():
            if any(patient in line for patient in patients):
                assert name.endswith(("queries.html", ".csv")) and any(rule in line for rule in rules), name
    listed = found["data/synthetic/analysis/queries.csv"]
    assert not [p for p in patients if p in found["data/synthetic/analysis/queries.html"] and p not in listed]
    assert {p.stem for p in (study.analysis / "tables" / "validation").iterdir()} == {"samples", "expression"}


def test_what_concerns_the_test_cohort_is_shown_in_full(sealed):
    study, full = sealed
    patients = {name: set(full.tables[name]["patients"]["patient_id"]) for name in ("test", "validation")}
    own = full.queries[full.queries["patient_id"].isin(patients["test"] - patients["validation"])]
    listed = read_queries(study.analysis / "queries.csv")
    assert len(own) > 5
    pd.testing.assert_frame_equal(listed[listed["patient_id"].isin(own["patient_id"])].reset_index(drop=True),
                                  own.reset_index(drop=True), check_dtype=False)  # fmt: skip
    assert set(listed["rule"]) >= {"identifying_column"} and len(listed) < len(full.queries)
    for name, frame in full.tables["test"].items():
        pd.testing.assert_frame_equal(study.read(name, "test"), frame)
    tubes = full.tables["validation"]["samples"]
    scheduled = tubes[~tubes["visit"].isin(UNSCHEDULED)]["sample_id"]
    assert study.read("samples", "validation")["sample_id"].tolist() == scheduled.tolist()


def test_no_total_tells_an_outcome(sealed):
    study, full = sealed
    numbers = json.loads((study.results / "01_data_cleaning.json").read_text(encoding="utf-8"))["entries"]
    ids = [entry["id"] for entry in numbers]
    assert "flow.validation.patients.end.patients_analysed" in ids
    assert "flow.test.visits.of_which.followed_by_a_flare" in ids
    assert not [id for id in ids if id.startswith("flow.validation.visits") or ".validation.patients.of_which" in id]
    flow = json.loads((study.analysis / "flow.json").read_text(encoding="utf-8"))
    assert {(s["cohort"], s["level"]) for s in flow} == {
        ("test", "patients"), ("test", "visits"), ("validation", "patients"),
    }  # fmt: skip
    assert set(pd.read_csv(study.analysis / "rows.csv", sep=";", encoding="utf-8-sig")["table"]) == {"patients"}
    # Numbers of all rows or tubes, from which those of the validation cohort follow by subtraction.
    totals = full.rows[full.rows["table"].isin(["visits", "flares", "samples"]) & (full.rows["rows"] > 60)]["rows"]
    totals = {*map(str, totals), str(len(full.measured.log2))}
    notebook = json.loads((study.reports / "notebooks" / "01_data_cleaning.ipynb").read_text(encoding="utf-8"))
    outputs = [o.get("data", {}) for cell in notebook["cells"] for o in cell.get("outputs", [])]
    shown = " ".join("".join(o.get("text/plain", "")) for o in outputs)
    assert len(totals) >= 3 and not [n for n in totals if re.search(rf"(?<![\d.]){n}(?![\d.])", shown)]
    assert "sealed" in shown
    assert "sealed" in " ".join("".join(o.get("text/markdown", "")) for o in outputs)


def test_what_reads_the_outcomes_says_that_they_are_sealed(sealed):
    study, full = sealed
    own = full.tables["validation"]["patients"]["patient_id"].iloc[5]
    with pytest.raises(SealError, match="lumier unseal"):
        explain_patient(study, own)
    with pytest.raises(SealError, match="lumier unseal"):
        explain_patient(study, "nobody")
    test = full.tables["test"]["patients"].query("reason == ''")["patient_id"].iloc[0]
    assert test in explain_patient(study, test)[0]
    assert set(full.tables["test"]["samples"]["sample_id"]) <= study_identifiers(study)


def test_a_rehearsal_knows_the_tubes_in_clear_and_the_test_cohort_alone(sealed):
    study, full = sealed
    borrowed, tables = borrowed_tables(study, seed=1)
    tubes = study.read("samples", "validation")
    assert borrowed.n_patients == tubes["patient_id"].nunique() > 20 and borrowed.n_donors > 20
    assert set(tables) == {*seal.SEALED_TABLES, "samples", "expression"} == set(full.tables["validation"])
    own = full.tables["validation"]
    for name in seal.SEALED_TABLES:
        pd.testing.assert_series_equal(tables[name].dtypes, own[name].dtypes, obj=name)
    # Every landmark that has a tube has one of the patient's own; every flare is one of the test cohort.
    marks = tables["landmarks"].dropna(subset=["sample_id"])
    whose = tubes.set_index("sample_id")[["patient_id", "visit"]].loc[marks["sample_id"]]
    assert whose.to_numpy().tolist() == marks[["patient_id", "visit"]].to_numpy().tolist() and len(marks) > 60
    sources = {"lent": tables["flares"], "test": full.tables["test"]["flares"], "own": own["flares"]}
    lines = {name: set(table["source_row"]) for name, table in sources.items()}
    assert lines["lent"] and lines["lent"] <= lines["test"] and not lines["lent"] & lines["own"]


def held(study):
    """Return every file of the study, raw files and records included, with its bytes."""
    folders = (study.folder, study.reports)
    return {p: p.read_bytes() for folder in folders for p in folder.rglob("*") if p.is_file()}


@pytest.mark.proof
def test_the_validation_is_rehearsed_from_end_to_end_under_seal(sealed):
    study, _ = sealed
    for name in ("02_signature_derivation", "03_locked_validation"):
        (study.root / "notebooks").mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / "notebooks" / f"{name}.ipynb", study.root / "notebooks")
    source = study.root / "notebooks" / "02_signature_derivation.ipynb"
    try:
        done = run_notebook(source, study.root / source.name, {"study": "data/synthetic"}, root=study.root)
        assert done.outcome is Outcome.DONE, done.sentence
        before = held(study)
        rehearsed = rehearse(study)
        assert held(study) == before and seal.is_sealed(study) and opening_log.read(study) == []
        assert rehearsed.given.n_events > 0 and rehearsed.n_numbers > 120 and rehearsed.n_warnings == 0
    finally:
        study.signature_path.unlink(missing_ok=True)
        study.clinical_model_path.unlink(missing_ok=True)


def test_errors_of_sealed_rows_are_neither_listed_nor_counted(sealed):
    study, full = sealed
    plan = study.plan.model_copy(deep=True)
    rules = [rule.model_copy(update={"severity": "error"}) for rule in plan.rules]
    strict = replace(study, plan=plan.model_copy(update={"rules": rules}))
    with pytest.raises(RawDataError) as stopped:
        clean_study(strict)
    asked = full.queries[full.queries["rule"].isin([rule.id for rule in rules])]
    known = set(full.tables["test"]["patients"]["patient_id"]) - set(
        full.tables["validation"]["patients"]["patient_id"]
    )
    shown = asked[asked["patient_id"].isin(known)]
    assert 0 < len(shown) < len(asked)
    assert f"found {len(shown)} row" in str(stopped.value) and "sealed rows" in str(stopped.value)
    folder = study.analysis / "run" / "stopped"
    assert VISIT_DATE not in (folder / "queries.csv").read_text(encoding="utf-8-sig")
    shutil.rmtree(folder.parent)


def test_opening_and_cleaning_again_gives_the_whole_and_changed_data_are_sealed_again(sealed, monkeypatch):
    study, full = sealed
    monkeypatch.setattr(unseal, "_locked", lambda study: ("lock", "signature"))
    archive = seal.archive_path(study).read_bytes()
    with pytest.raises(SealError, match="sealed"):
        study.read("landmarks", "validation")
    unseal.unseal_study(study, study.folder / "truth" / "identity.txt")
    for name in (*seal.SEALED_TABLES, "samples", "expression"):
        pd.testing.assert_frame_equal(study.read(name, "validation"), full.tables["validation"][name])

    again = clean_study(study)
    again.write(study)
    assert not again.sealed and seal.archive_path(study).read_bytes() == archive
    pd.testing.assert_frame_equal(again.queries, full.queries)
    pd.testing.assert_frame_equal(again.rows, full.rows)
    assert again.flow == full.flow and len(opening_log.read(study)) == 1
    assert study.read("flares", "validation").equals(full.tables["validation"]["flares"])

    path = study.raw / "ecrf_poussees.csv"
    path.write_bytes(path.read_bytes().replace(FLARE_DATE.encode(), b"19/03/2061"))
    changed = clean_study(study)
    assert changed.sealed
    changed.write(study)
    assert {p.stem for p in (study.analysis / "tables" / "validation").iterdir()} == {"samples", "expression"}
    with pytest.raises(SealError):
        study.has("flares", "validation")
    identity = study.folder / "truth" / "identity.txt"
    with pytest.raises(UsageError, match="reason"):
        unseal.unseal_study(study, identity)
    unseal.unseal_study(study, identity, reason="a date corrected")
    assert [line["reason"] for line in opening_log.read(study)] == [unseal.FIRST, "a date corrected"]
    assert opening_log.check(study) == []
