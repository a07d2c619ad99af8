"""The simulated study, cleaned: every planted error found, none invented, every row accounted for."""

import shutil

import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study
from lumier_analysis.errors import PrivacyError, RawDataError
from lumier_analysis.study import open_study

# What tells one planted error from another; the cleaning need not fill the other columns alike.
KEYS = {
    "duplicate_row": ["patient_id", "visit"],
    "date_impossible": ["patient_id", "visit"],
    "date_order": ["patient_id", "visit"],
    "sledai_total_mismatch": ["patient_id", "visit"],
    "ineligible": ["patient_id", "field"],
    "plate_map_mismatch": ["sample_id"],
    "patient_in_both_cohorts": ["patient_id"],
    "identifying_column": ["field"],
    "value_implausible": ["patient_id", "visit", "field"],
}
LEAST_FOUND = 0.95


@pytest.fixture(scope="module")
def cleaned(simulated):
    return clean_study(open_study(simulated))


@pytest.fixture(scope="module")
def planted(simulated):
    return pd.read_csv(simulated / "truth" / "dirt.csv", dtype=str, keep_default_na=False)


def keys(frame, rule):
    return list(frame.loc[frame["rule"] == rule, KEYS[rule]].itertuples(index=False, name=None))


def test_every_planted_kind_has_a_rule(planted):
    assert set(planted["rule"]) == set(KEYS)


@pytest.mark.parametrize("rule", KEYS)
def test_planted_errors_are_found_and_none_is_invented(cleaned, planted, rule):
    expected, found = keys(planted, rule), keys(cleaned.queries, rule)
    assert len(expected) > 0
    assert len(set(expected) & set(found)) >= LEAST_FOUND * len(set(expected))
    assert set(found) <= set(expected)
    assert len(found) == len(set(found)), "one query a finding"


def test_a_patient_in_both_cohorts_is_analysed_in_neither(cleaned, planted):
    both = planted.loc[planted["rule"] == "patient_in_both_cohorts", "patient_id"]
    for cohort in ("test", "validation"):
        tables = cleaned.tables[cohort]
        own = tables["patients"].set_index("patient_id").loc[both]
        assert own["reason"].eq("in both cohorts").all()
        assert not tables["visits"]["patient_id"].isin(both).any()
        assert not tables["landmarks"].loc[tables["landmarks"]["included"], "patient_id"].isin(both).any()


def test_disputed_tubes_are_no_landmark(cleaned, planted):
    tubes = set(planted.loc[planted["rule"] == "plate_map_mismatch", "sample_id"])
    for cohort in ("test", "validation"):
        marks = cleaned.tables[cohort]["landmarks"]
        assert not marks.loc[marks["included"], "sample_id"].isin(tubes).any()


def test_every_raw_row_is_accounted_for(cleaned, simulated):
    for account in cleaned.accounts:
        assert account.read == account.other + account.repeated + account.duplicates + account.used
    visits = next(a for a in cleaned.accounts if a.table == "visits")
    lines = (simulated / "raw" / "ecrf_visites.csv").read_bytes().decode("cp1252").splitlines()
    assert visits.read == len(lines) - 1


def test_every_scheduled_visit_is_in_or_out_with_one_reason(cleaned):
    for cohort in ("test", "validation"):
        marks = cleaned.tables[cohort]["landmarks"]
        assert (marks["included"] == (marks["reason"] == "")).all()
        assert (marks["included"] == marks["event"].notna()).all()


def test_the_tables_of_a_cohort_hold_that_cohort_alone(cleaned):
    ids = {c: set(cleaned.tables[c]["visits"]["patient_id"]) for c in ("test", "validation")}
    assert ids["test"].isdisjoint(ids["validation"])


def test_identifying_columns_are_gone(cleaned):
    assert cleaned.removed["patients"] == ["NOM", "PRENOM", "DATE_NAISSANCE"]
    text = "".join(t.to_csv() for tables in cleaned.tables.values() for n, t in tables.items() if n == "patients")
    assert "NOM" not in text


def test_an_identifier_outside_the_plan_stops_the_run(broken):
    shutil.copy(broken / "truth" / "privacy_stop" / "ecrf_patients.csv", broken / "raw" / "ecrf_patients.csv")
    with pytest.raises(PrivacyError, match="NIR"):
        clean_study(open_study(broken))
    assert not (broken / "analysis").exists()


def test_a_missing_raw_file_is_named(broken):
    (broken / "raw" / "ecrf_visites.csv").unlink()
    with pytest.raises(RawDataError, match=r"ecrf_visites\.csv.*--raw"):
        clean_study(open_study(broken))


def test_a_truncated_chip_is_named_with_what_it_lacks(broken):
    chip = broken / "raw" / "biomark" / "chip_02.csv"
    chip.write_bytes(chip.read_bytes()[:200_000])
    with pytest.raises(RawDataError, match=r"chip_02\.csv"):
        clean_study(open_study(broken))


def test_a_file_in_another_encoding_is_named(broken):
    path = broken / "raw" / "ecrf_patients.csv"
    path.write_bytes(path.read_bytes().decode("cp1252").encode("utf-8"))
    with pytest.raises(RawDataError, match=r"ecrf_patients\.csv.*utf-8"):
        clean_study(open_study(broken))


def test_a_column_that_is_not_there_is_named_with_its_plan_key(broken):
    plan = broken / "plan.yml"
    plan.write_text(plan.read_text(encoding="utf-8").replace("from: CENTRE,", "from: CENTER,"), encoding="utf-8")
    with pytest.raises(RawDataError, match=r"no column CENTER.*tables\.patients\.columns\.centre\.from.*CENTRE"):
        clean_study(open_study(broken))
