"""The public cohort, where its files stand beside the project (see data/gse65391/README.md)."""

import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study, landmarks_under
from lumier_analysis.readers.geo import read_series_matrix
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
    assert by_rule["spreadsheet_titre"] == 40 + 3


def test_the_forty_titres_that_became_a_time_of_day_and_three_that_became_more_than_a_day(study, cleaned):
    visits = pd.concat([study.read("visits", c) for c in ("test", "validation")])
    raw = RAW / "GSE65391_series_matrix.txt.gz"
    stored = read_series_matrix(raw).samples.loc[lambda t: t["disease state"] == "SLE"].set_index("__row__")["ds_dna"]
    mangled = visits[visits["anti_dsdna_from_time"].astype(bool)]
    fraction = mangled["source_row"].map(stored).astype(float).to_numpy()
    titre = mangled["anti_dsdna_titre"].to_numpy()
    assert (titre == (fraction * 1440).round() - 60).all()
    within = pd.Series(titre[fraction < 1]).value_counts().to_dict()
    assert within == {10: 2, 40: 1, 80: 11, 160: 10, 320: 4, 640: 7, 1280: 5}
    assert sum(within.values()) == 40
    # 1:2560 is 43 h 40 min, stored as 1.819444444; 1:5120 is 86 h 20 min, stored as 3.597222222.
    assert sorted(zip(fraction[fraction >= 1], titre[fraction >= 1], strict=True)) == [
        (1.819444444, 2560),
        (3.597222222, 5120),
        (3.597222222, 5120),
    ]


def test_samples_whose_sex_genes_contradict_the_record(cleaned):
    asked = cleaned.queries[cleaned.queries["rule"] == "sex_mismatch"].set_index("patient_id")
    # A woman's and a man's tube at one visit of many each, as if exchanged, and a patient with a single sample.
    assert set(asked.index) == {"SLE-189", "SLE-200", "SLE-305"}
    assert asked.loc["SLE-189", ["value", "expected"]].tolist() == ["sex genes say male", "female, as recorded"]
    assert asked.loc["SLE-200", ["value", "expected"]].tolist() == ["sex genes say female", "male, as recorded"]


def test_neither_replicates_nor_the_test_set_s_healthy_children_are_reference(cleaned):
    assert len(cleaned.tables["controls"]["expression"]) == 31


def test_the_arrays_rows_are_accounted_for(cleaned):
    visits = next(a for a in cleaned.accounts if a.table == "visits")
    assert (visits.read, visits.other, visits.used) == (996, 72, 924)
