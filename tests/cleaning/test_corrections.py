"""Corrections on the simulated study: applied and logged, or refused with the line and the reason."""

import datetime
import hashlib
import shutil

import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study
from lumier_analysis.cleaning.corrections import COLUMNS, read_corrections
from lumier_analysis.cleaning.query_files import read_queries
from lumier_analysis.errors import RawDataError
from lumier_analysis.pipeline.fresh import stage_key
from lumier_analysis.pipeline.stages import find_stage
from lumier_analysis.readers import read_file
from lumier_analysis.study import open_study

TODAY = datetime.date(2024, 1, 1)
SIGNED = {"who": "data manager", "when": "2021-03-01", "why": "unit; source document seen"}


def sign(folder, *lines, header=COLUMNS):
    rows = [";".join(header)]
    for line in lines:
        cells = [str((SIGNED | line).get(column, "")) for column in header]
        rows.append(";".join(f'"{cell}"' if ";" in cell else cell for cell in cells))
    (folder / "corrections.csv").write_text("\n".join(rows) + "\n", encoding="utf-8-sig")


def raw_row(folder, patient, visit):
    """Return the header and the fields of a visit's line."""
    lines = (folder / "raw" / "ecrf_visites.csv").read_bytes().decode("cp1252").splitlines()
    return lines[0].split(";"), next(r.split(";") for r in lines if r.startswith(f"{patient};{visit};"))


@pytest.fixture
def folder(simulated, tmp_path):
    """The plan and the case report forms of the simulated study, without chips."""
    copy = tmp_path / "synthetic"
    (copy / "raw").mkdir(parents=True)
    shutil.copy(simulated / "plan.yml", copy)
    for path in (simulated / "raw").glob("*.csv"):
        shutil.copy(path, copy / "raw")
    return copy


@pytest.fixture
def line(simulated):
    """A planted C3 in mg/dL, corrected."""
    planted = pd.read_csv(simulated / "truth" / "dirt.csv", dtype=str)
    row = planted[planted["rule"] == "value_implausible"].iloc[0]
    _, fields = raw_row(simulated, row["patient_id"], row["visit"])
    header, _ = raw_row(simulated, row["patient_id"], row["visit"])
    return {"table": "visits", "patient": row["patient_id"], "visit": row["visit"], "field": "c3",
            "old value": fields[header.index("C3")] + ".0", "new value": "1.02"}  # fmt: skip


def correct(folder):
    """Read the forms and apply the corrections: the raw rows by file, and what was applied."""
    study = open_study(folder)
    files = {key: spec for key, spec in study.plan.files.items() if spec.format == "delimited"}
    content = {key: read_file(spec, study.raw) for key, spec in files.items()}
    return content, read_corrections(study).apply(content, study.plan)


def at(content, patient, visit):
    rows = content["visits"]
    return rows[(rows["NUM_PATIENT"] == patient) & (rows["VISITE"] == visit)].iloc[0]


def test_a_correction_changes_the_value_answers_the_query_and_is_logged(broken, line):
    before = {p: hashlib.sha256(p.read_bytes()).digest() for p in (broken / "raw").rglob("*.csv")}
    sign(broken, line)
    study = open_study(broken)
    cleaned = clean_study(study)
    cleaned.write(study)
    asked = cleaned.queries[cleaned.queries["rule"] == "value_implausible"]
    assert len(asked) == 4
    assert not ((asked["patient_id"] == line["patient"]) & (asked["visit"] == line["visit"])).any()
    visits = next(t["visits"] for t in cleaned.tables.values() if (t["visits"]["patient_id"] == line["patient"]).any())
    own = visits[(visits["patient_id"] == line["patient"]) & (visits["visit"] == line["visit"])].iloc[0]
    assert own["c3"] == 1.02
    assert own["corrected"] == "c3 (line 2)"
    assert (visits["corrected"] != "").sum() == 1
    log = read_queries(broken / "analysis" / "corrections_applied.csv")
    assert log[["line", "field", "new value", "who", "why", "source file", "source row"]].to_numpy().tolist() == [
        ["2", "C3", "1,02", SIGNED["who"], SIGNED["why"], "ecrf_visites.csv", str(own["source_row"])]
    ]
    assert {p: hashlib.sha256(p.read_bytes()).digest() for p in before} == before, "raw files are never changed"


def test_a_study_without_corrections_has_none(folder):
    content, applied = correct(folder)
    assert len(applied.log) == 0
    assert at(content, "01-001", "M0")["DATE_VISITE"] == "14/11/2016"


def test_a_date_in_iso_by_file_name_and_raw_column(folder):
    _, fields = raw_row(folder, "01-001", "M3")
    sign(folder, {"table": "ecrf_visites.csv", "patient": "01-001", "visit": "M3", "field": "DATE_VISITE",
                  "old value": fields[2], "new value": "2017-02-20", "when": "01/03/2021"})  # fmt: skip
    content, applied = correct(folder)
    assert at(content, "01-001", "M3")["DATE_VISITE"] == "20/02/2017"
    assert applied.log["old value"].tolist() == [fields[2]]


def test_a_second_correction_goes_on_from_the_first(folder):
    header, fields = raw_row(folder, "01-001", "M3")
    base = {"table": "visits", "patient": "01-001", "visit": "M3", "field": "prednisone"}
    dose = fields[header.index("PREDNISONE_MG")]
    sign(folder, base | {"old value": dose, "new value": "20"}, base | {"old value": "20", "new value": "10"})
    content, applied = correct(folder)
    assert at(content, "01-001", "M3")["PREDNISONE_MG"] == "10"
    assert len(applied.log) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"old value": "55"}, "line 2: the old value no longer stands in the raw file"),
        ({"patient": "99-999"}, "line 2: it names no row"),
        ({"visit": ""}, r"line 2: it names \d+ rows: say which in the column `row`"),
        ({"table": "visit"}, "line 2: no such table or file; tables are patients, visits"),
        ({"table": "patients", "field": "sex"}, "line 2: the table has no visit"),
        ({"field": "c33"}, "line 2: the table visits has no such field"),
        ({"new value": "high"}, "line 2: the new value is no number"),
        ({"who": ""}, "line 2: without who"),
        ({"when": ""}, "line 2: without when"),
        ({"why": "", "who": ""}, "line 2: without who and why"),
        ({"when": "2999-01-01"}, "line 2: dated in the future"),
        ({"when": "31/02/2021"}, "line 2: `when` is no date"),
        ({"patient": ""}, "line 2: without patient or row"),
        ({"new value": "someone@example.org"}, "line 2: a value that identifies a person"),
    ],
)
def test_what_is_refused_and_why(folder, line, change, why):
    sign(folder, line | change)
    with pytest.raises(RawDataError, match=why) as caught:
        correct(folder)
    message = str(caught.value)
    # The template is printed; patients and values are not.
    assert "table;patient;visit;row;field;old value;new value;who;when;why" in message
    assert line["patient"] not in message.replace("01-003", "")
    assert "example.org" not in message


def test_nothing_is_applied_where_one_line_is_refused(folder, line):
    sign(folder, line, line | {"old value": "77", "new value": "1.1"})
    study = open_study(folder)
    content = {"visits": read_file(study.plan.files["visits"], study.raw)}
    before = content["visits"].copy()
    with pytest.raises(RawDataError, match=r"1 of 2 corrections.*so none is.*line 3"):
        read_corrections(study).apply(content, study.plan)
    pd.testing.assert_frame_equal(content["visits"], before)


def test_the_same_value_again_is_refused(folder, line):
    sign(folder, line | {"new value": line["old value"]})
    with pytest.raises(RawDataError, match="old and new value are the same"):
        correct(folder)


def test_a_row_number_tells_equal_lines_apart(folder):
    lines = (folder / "raw" / "ecrf_visites.csv").read_bytes().decode("cp1252").splitlines()
    twice = next(line for i, line in enumerate(lines) if line in lines[:i])
    number = len(lines) - lines[::-1].index(twice)
    header, fields = lines[0].split(";"), twice.split(";")
    line = {"table": "visits", "patient": fields[0], "visit": fields[1], "field": "prednisone",
            "old value": fields[header.index("PREDNISONE_MG")], "new value": "33"}  # fmt: skip
    sign(folder, line)
    with pytest.raises(RawDataError, match="it names 2 rows"):
        correct(folder)
    sign(folder, line | {"row": number})
    assert correct(folder)[1].log["source row"].tolist() == [str(number)]


def test_columns_that_are_not_those_of_corrections(folder):
    sign(folder, {}, header=("table", "patient", "field", "old", "new value", "who", "when", "why"))
    with pytest.raises(RawDataError, match=r"no old value; 1 unknown.*its first line is table;patient"):
        correct(folder)


def test_headings_may_have_underscores_and_capitals(folder, line):
    sign(folder, line)
    path = folder / "corrections.csv"
    text = path.read_text(encoding="utf-8-sig").replace("old value;new value", "Old_Value;NEW VALUE")
    path.write_text(text, encoding="cp1252")
    assert len(correct(folder)[1].log) == 1


def test_a_signature_of_today_is_in_time(folder):
    sign(folder, {"table": "visits", "patient": "x", "field": "c3", "old value": "1", "when": "2024-01-01"})
    assert len(read_corrections(open_study(folder), today=TODAY).lines) == 1
    sign(folder, {"table": "visits", "patient": "x", "field": "c3", "old value": "1", "when": "02/01/2024"})
    with pytest.raises(RawDataError, match="dated in the future"):
        read_corrections(open_study(folder), today=TODAY)


def test_corrections_make_the_cleaning_stale(folder, simulated):
    stage = find_stage("clean")
    shutil.copytree(simulated / "raw" / "biomark", folder / "raw" / "biomark")
    before = stage_key(stage, open_study(folder))
    sign(folder, {"table": "visits", "patient": "x", "field": "c3", "old value": "1"})
    after = stage_key(stage, open_study(folder))
    assert {name for name in after if after[name] != before.get(name)} == {"raw:corrections.csv"}
