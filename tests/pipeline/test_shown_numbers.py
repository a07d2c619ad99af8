from __future__ import annotations

from lumier_analysis.pipeline.shown_numbers import shown_numbers
from lumier_analysis.reporting.results import Entry, Results

NAN = float("nan")


def count(id: str, n: int, label: str = "x") -> Entry:
    return Entry(id, label, "count", float(n), NAN, NAN, NAN, None, None, None, None, None, "", "", "", "p", "01", "c")


def test_small_counts_and_what_rests_on_them_are_not_shown() -> None:
    few = Entry("b", "B", "estimate", 0.87, 0.1, 0.7, 1.0, 0.95, 0.01, 90, 90, 2, "AUC", "", "", "p", "01", "c")
    found = shown_numbers(Results([count("a", 4), count("c", 12), few], {}), 5)
    assert (found["a"]["value"], found["c"]["value"]) == ("<5", "12")
    assert found["b"]["value"] == "[c]" and found["b"]["interval"] == "" and found["b"]["p"] == ""
    assert found["b"]["n_events"] == "<5" and "0.87" not in str(found["b"])
    assert (found["b"]["plan_item"], found["b"]["notebook"], found["b"]["cell"]) == ("p", "01", "c")


def test_a_lone_exclusion_cannot_be_worked_out_from_start_and_end() -> None:
    flow = Results(
        [
            count("flow.test.patients.start.all", 100, "all"),
            count("flow.test.patients.excluded.pregnant", 3, "pregnant"),
            count("flow.test.patients.end.analysed", 97, "analysed"),
        ],
        {},
    )
    shown = [number["value"] for number in shown_numbers(flow, 5).values()]
    assert shown[1] == "<5" and shown[0] == "[c]", "start minus end would give the 3 away"


def test_numbers_of_table_one_stand_in_table_one_alone() -> None:
    found = shown_numbers(Results([count("baseline.test.sex.male.n", 18)], {}), 5)
    assert found["baseline.test.sex.male.n"]["value"] == ""
    assert "Table 1" in found["baseline.test.sex.male.n"]["note"]
