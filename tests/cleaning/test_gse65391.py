"""The public cohort, where its files stand beside the project (see data/gse65391/README.md)."""

import pytest

from lumier_analysis.cleaning import clean_study, landmarks_under
from lumier_analysis.study import open_study, project_root

FOLDERS = (project_root() / "data/gse65391/raw", project_root().parent / "shared/real/gse65391")
RAW = next((f for f in FOLDERS if (f / "GSE65391_series_matrix.txt.gz").is_file()), None)
pytestmark = pytest.mark.skipif(RAW is None, reason="the GEO files are not here")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "gse65391"
    folder.mkdir()
    (folder / "plan.yml").write_bytes((project_root() / "data/gse65391/plan.yml").read_bytes())
    return open_study(folder, RAW)


@pytest.fixture(scope="module")
def cleaned(study):
    found = clean_study(study)
    found.write(study)
    return found


def test_visits_and_patients(cleaned):
    tables = cleaned.tables
    assert [len(tables[c]["patients"]) for c in ("test", "validation")] == [106, 52]
    assert sum(len(tables[c]["visits"]) for c in ("test", "validation")) == 924


@pytest.mark.parametrize(
    ("changes", "cohort", "counts"),
    [
        ({}, "test", (144, 62, 33)),
        ({}, "validation", (75, 28, 11)),
        ({"landmarks.recurrent_flares": True, "landmarks.allow_flare_samples": True}, "test", (205, 63, 51)),
        ({"landmarks.recurrent_flares": True, "landmarks.allow_flare_samples": True}, "validation", (84, 29, 11)),
    ],
)
def test_landmarks_patients_and_flares(study, cleaned, changes, cohort, counts):
    marks = landmarks_under(study, cohort, changes)
    used = marks[marks["included"]]
    assert (len(used), used["patient_id"].nunique(), used["event"].sum()) == counts


def test_the_traps_of_the_file(cleaned):
    by_rule = cleaned.queries["rule"].value_counts()
    assert by_rule["sledai_total_mismatch"] == 5
    titres = cleaned.queries.loc[cleaned.queries["rule"] == "spreadsheet_titre", "value"]
    assert set(titres.str.extract(r"1:(\d+)", expand=False).astype(int)) == {
        10,
        40,
        80,
        160,
        320,
        640,
        1280,
        2560,
        5120,
    }
    assert len(titres) == 40 + 3  # the three above a day are 1:2560 and 1:5120


def test_neither_replicates_nor_the_test_set_s_healthy_children_are_reference(cleaned):
    assert len(cleaned.tables["controls"]["expression"]) == 31


def test_the_arrays_rows_are_accounted_for(cleaned):
    visits = next(a for a in cleaned.accounts if a.table == "visits")
    assert (visits.read, visits.other, visits.used) == (996, 72, 924)
