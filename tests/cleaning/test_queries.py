import pandas as pd
import pytest

from lumier_analysis.cleaning.queries import COLUMNS, RULES, Queries, count_queries, shown_value

ROWS = pd.DataFrame(
    {
        "patient_id": ["p2", "p1"],
        "visit": ["M0", "M3"],
        "c3": [102.0, 1.25],
        "source_file": "v.csv",
        "source_row": [9, 3],
    }
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (102.0, "102"), (1.25, "1.25"), (True, "yes"), (pd.NA, ""), (None, ""), (float("nan"), ""), (3, "3"),
        (pd.Timestamp("2018-03-01"), "2018-03-01"), ("non fait", "non fait"), ("x" * 61, "(text of 61 characters)"),
        ("voir Mme Genêt", "(withheld: may identify a person)"),
    ],
)  # fmt: skip
def test_values_as_a_data_manager_reads_them(value, shown):
    assert shown_value(value) == shown


def test_a_query_says_who_where_what_and_what_was_done():
    queries = Queries({"mine": "a rule of the plan"})
    queries.add("mine", ROWS, field="c3", expected=pd.Series(["0 to 4", "0 to 3"]), action="none", severity="note")
    queries.add("value_implausible", ROWS[:1], field="c3", expected="0 to 4", action="set missing")
    frame = queries.frame(pd.Series({"p1": "01", "p2": "02"}))
    assert tuple(frame.columns) == COLUMNS
    assert frame["rule"].tolist() == ["value_implausible", "mine", "mine"], "the plan's rules follow the built-in ones"
    assert frame.loc[2].to_dict() == {
        "rule": "mine", "severity": "note", "centre": "02", "patient_id": "p2", "visit": "M0", "sample_id": "",
        "field": "c3", "value": "102", "expected": "0 to 4", "message": "a rule of the plan", "action": "none",
        "file": "v.csv", "row": "9",
    }  # fmt: skip
    assert count_queries(frame)["n"].tolist() == [1, 2]


def test_a_tube_leads_to_its_patient_and_centre():
    queries = Queries()
    queries.add(
        "plate_map_mismatch", pd.DataFrame({"sample_id": ["T1", "T9"]}), field="sample_id", expected="", action=""
    )
    frame = queries.frame(pd.Series({"p1": "01"}), pd.Series({"T1": "p1"}))
    assert frame.sort_values("sample_id")[["patient_id", "centre"]].to_numpy().tolist() == [["p1", "01"], ["", ""]]


def test_a_query_about_a_centre_carries_its_own():
    queries = Queries()
    queries.add("centre_level", pd.DataFrame({"centre": ["03"]}), field="c3", value="x", expected="", action="")
    assert queries.frame(pd.Series({"p1": "01"}))["centre"].tolist() == ["03"]


def test_a_rule_that_no_one_knows():
    assert "mine" not in RULES
    with pytest.raises(KeyError, match="mine"):
        Queries().add("mine", ROWS, field="c3", expected="", action="")
