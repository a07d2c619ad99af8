import pandas as pd

from lumier_analysis.cleaning.accounts import Accounts
from lumier_analysis.cleaning.prepare import prepare_patients, prepare_samples, prepare_visits
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.study import load_plan, project_root

PLAN = load_plan(project_root() / "data/synthetic/plan.yml").model_copy(update={"plausible": {}})


def frame(columns, *rows, **dates):
    table = pd.DataFrame(rows, columns=columns.split())
    for column, values in dates.items():
        table[column] = pd.to_datetime(values)
    return table.assign(source_file="f.csv", source_row=range(2, len(table) + 2))


def patients(queries=None, accounts=None):
    table = frame("patient_id cohort birth_year", ("a", "test", 1980), ("b", "validation", 1990), ("c", None, 1970),
                  inclusion_date=["2017-01-01", None, "2017-01-01"])  # fmt: skip
    accounts = accounts or Accounts()
    accounts.open("patients", "f.csv", len(table))
    return prepare_patients(table, queries or Queries(), accounts)


def test_age_is_a_difference_of_years_and_a_patient_without_cohort_is_set_aside():
    queries = Queries()
    table = patients(queries)
    assert table["patient_id"].tolist() == ["a", "b"]
    assert table["age"].tolist()[0] == 37
    assert table["centre"].tolist() == ["single", "single"]
    assert queries.frame()[["rule", "patient_id"]].to_numpy().tolist() == [["cohort_missing", "c"]]


def test_an_impossible_date_is_missing_and_one_of_a_patient_without_inclusion_stays():
    visits = frame("patient_id visit sledai", ("a", "M0", 0), ("a", "M3", 0), ("b", "M0", 0),
                   date=["2017-01-01", "2107-04-01", "2017-05-01"])  # fmt: skip
    accounts, queries = Accounts(), Queries()
    accounts.open("visits", "f.csv", 3)
    table = prepare_visits(visits, patients(), PLAN, queries, accounts).set_index(["patient_id", "visit"])
    assert table.loc[("a", "M0"), "day"] == 0
    assert pd.isna(table.loc[("a", "M3"), "date"])
    assert table.loc[("b", "M0"), "date"] == pd.Timestamp("2017-05-01")
    assert queries.frame()[["rule", "value"]].to_numpy().tolist() == [["date_impossible", "2107-04-01"]]


def test_two_flare_visits_are_told_apart_by_their_day_and_a_third_line_is_queried():
    visits = frame("patient_id visit sledai", ("a", "flare", 8), ("a", "flare", 9), ("a", "flare", 7),
                   date=["2017-02-01", "2017-06-01", "2017-06-01"])  # fmt: skip
    accounts, queries = Accounts(), Queries()
    accounts.open("visits", "f.csv", 3)
    table = prepare_visits(visits, patients(), PLAN, queries, accounts)
    assert table["sledai"].tolist() == [8, 9]
    assert queries.frame()[["rule", "row"]].to_numpy().tolist() == [["duplicate_key", "4"]]
    accounts.close("visits", 2)


def test_a_tube_of_two_patients_belongs_to_no_one_and_one_written_twice_counts_once():
    samples = frame("sample_id patient_id visit", ("T1", "a", "M0"), ("T2", "a", "M3"), ("T2", "b", "M3"),
                    ("T1", "a", "M0"), date=["2017-01-01"] * 4)  # fmt: skip
    accounts, queries = Accounts(), Queries()
    accounts.open("samples", "f.csv", 4)
    table = prepare_samples(samples, patients(), queries, accounts)
    assert table["sample_id"].tolist() == ["T1"]
    assert queries.frame()["action"].value_counts().to_dict() == {"tube not used": 2, "first line used": 1}
    accounts.close("samples", 1)
