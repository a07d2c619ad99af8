import pytest

from lumier_analysis.cleaning import clean_study
from lumier_analysis.cleaning.accounts import Accounts
from lumier_analysis.cleaning.tables import RowAccount
from lumier_analysis.errors import AnalysisError
from lumier_analysis.study import open_study


def test_a_table_is_read_set_aside_and_used():
    accounts = Accounts()
    accounts.open_from(RowAccount("visits", "visits.csv", read=10, other=0, repeated=0, duplicates=2, used=8))
    accounts.set_aside("visits", "patient not analysed: pregnant", 3)
    accounts.set_aside("visits", "nothing", 0)
    accounts.close("visits", 5)
    frame = accounts.frame()
    assert frame[["step", "reason", "rows"]].to_numpy().tolist() == [
        ["read", "", 10],
        ["set aside", "the same line twice", 2],
        ["set aside", "patient not analysed: pregnant", 3],
        ["used", "", 5],
    ]


def test_a_lost_row_stops_the_run():
    accounts = Accounts()
    accounts.open("visits", "visits.csv", 10)
    accounts.set_aside("visits", "why", 3)
    with pytest.raises(AnalysisError, match=r"rows of table visits do not add up.*7 left.*6 used"):
        accounts.close("visits", 6)


def test_a_table_that_grows_and_one_that_is_left_open_stop_the_run():
    accounts = Accounts()
    accounts.open("visits", "visits.csv", 10)
    with pytest.raises(AnalysisError, match="more rows after a step"):
        accounts.set_aside("visits", "why", -1)
    with pytest.raises(AnalysisError, match=r"not accounted for to the end.*visits"):
        accounts.frame()


def test_every_line_of_the_simulated_exports_is_used_or_set_aside_with_a_reason(simulated):
    cleaned = clean_study(open_study(simulated))
    rows = cleaned.rows
    for table, file in (("patients", "ecrf_patients"), ("visits", "ecrf_visites"), ("samples", "biobanque_tubes")):
        own = rows[rows["table"] == table].set_index("step")["rows"]
        lines = (simulated / "raw" / f"{file}.csv").read_bytes().decode("cp1252").splitlines()
        assert own["read"] == len(lines) - 1
        assert own["read"] == own["set aside"].sum() + own["used"]
        kept = sum(len(cleaned.tables[c][table]) for c in ("test", "validation"))
        analysed = sum((cleaned.tables[c]["patients"]["reason"] == "").sum() for c in ("test", "validation"))
        assert own["used"] == (analysed if table == "patients" else kept)
    assert (rows.loc[rows["step"] == "set aside", "reason"] != "").all()


def test_rows_of_strangers_of_no_cohort_and_of_repeated_keys_are_counted(broken):
    patients, visits = broken / "raw" / "ecrf_patients.csv", broken / "raw" / "ecrf_visites.csv"
    lines = patients.read_bytes().decode("cp1252").split("\r\n")
    lines[1] = lines[1].replace(";TEST;", ";;").replace(";VALIDATION;", ";;")
    homeless = lines[1].split(";")[0]
    patients.write_bytes("\r\n".join(lines).encode("cp1252"))
    rows = visits.read_bytes().decode("cp1252").split("\r\n")
    stranger = rows[10].split(";")
    again = rows[20].split(";")
    again[4] = "2,9"
    rows[-1:] = [";".join(["99-999", *stranger[1:]]), ";".join(again), ""]
    visits.write_bytes("\r\n".join(rows).encode("cp1252"))
    cleaned = clean_study(open_study(broken))
    own = cleaned.rows[cleaned.rows["table"] == "visits"].set_index("reason")["rows"]
    assert own["a second line with the same key"] == 1
    of_homeless = sum(row.startswith(homeless + ";") for row in rows)
    assert own["patient not in the patients file"] == 1 + of_homeless
    patient_rows = cleaned.rows[cleaned.rows["table"] == "patients"].set_index("reason")["rows"]
    assert patient_rows["no cohort"] == 1
    asked = cleaned.queries.set_index("rule")
    assert asked.loc["cohort_missing", "patient_id"] == homeless
    assert asked.loc["duplicate_key", "patient_id"] == again[0]
