"""Each kind of rule on a small drawn table: which rows break it, and what the data manager reads."""

import pandas as pd
import pytest
import yaml

from lumier_analysis.cleaning import clean_study
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.study_rules import broken_rows, plan_rule_texts, query_plan_rules
from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.study import load_plan, open_study, project_root
from lumier_analysis.study.rule_sections import Rule

PLAN = load_plan(project_root() / "data/synthetic/plan.yml")


def draw(text, **types):
    """Read a drawn table: a line a row, columns by bars, a dash for missing."""
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    frame = pd.DataFrame(lines[1:], columns=lines[0]).replace("-", pd.NA).astype("string")
    for column, kind in types.items():
        if kind == "date":
            frame[column] = pd.to_datetime(frame[column])
        elif kind == "flag":
            frame[column] = frame[column].map({"yes": True, "no": False}).astype("boolean")
        else:
            frame[column] = pd.to_numeric(frame[column]).astype(kind)
    return frame.assign(source_file="drawn.csv", source_row=range(2, len(frame) + 2))


PATIENTS = draw(
    """
    patient_id | centre | sex    | pregnant | inclusion_date | end_date
    01         | A      | female | no       | 2017-01-01     | 2017-12-31
    02         | A      | male   | yes      | 2017-02-01     | -
    03         | B      | female | -        | -              | 2018-01-01
    """,
    pregnant="flag", inclusion_date="date", end_date="date",
)  # fmt: skip
VISITS = draw(
    """
    patient_id | visit | day | date       | c3   | c4   | clinical_flare
    01         | M0    | 0   | 2017-01-01 | 1.1  | 0.2  | no
    01         | M3    | 112 | 2017-04-23 | 105  | 0.2  | no
    01         | M6    | 203 | 2018-02-01 | 9    | -    | yes
    02         | M0    | -   | -          | -    | 0.2  | -
    02         | flare | 30  | 2017-03-03 | 0.05 | 0.2  | yes
    """,
    day="Int64", date="date", c3="float", c4="float", clinical_flare="flag",
)  # fmt: skip
FLARES = draw(
    """
    patient_id | flare | onset_date | detection_date
    01         | 1     | 2017-06-01 | 2017-05-01
    01         | 2     | -          | 2017-09-01
    """,
    flare="Int64", onset_date="date", detection_date="date",
)  # fmt: skip
SAMPLES = draw(
    """
    sample_id | patient_id | visit
    T1        | 01         | M0
    T2        | 01         | M9
    T3        | 01         | M0
    T4        | 02         | -
    """
)
TABLES = {"patients": PATIENTS, "visits": VISITS, "flares": FLARES, "samples": SAMPLES}


def rule(table="visits", **content):
    return Rule.model_validate({"id": "r", "message": "m", "table": table} | content)


def asked(*rules):
    """Return what the query list says: row of the file, field, value, expected."""
    plan = PLAN.model_copy(update={"rules": list(rules)})
    queries = Queries(plan_rule_texts(plan))
    query_plan_rules(plan, TABLES, queries)
    return queries.frame()[["row", "field", "value", "expected"]].to_numpy().tolist()


def test_visit_window():
    window = {"days": {"M0": 0, "M3": 91, "M6": 182}, "within": 21}
    # Day 112 is 21 days late, which is in order; day 203 too; a visit without day, or without a plan, is not judged.
    assert asked(rule(window=window)) == []
    assert asked(rule(window=window | {"within": [21, 20]})) == [
        ["3", "date", "day 112", "day 70 to 111 (planned 91)"],
        ["4", "date", "day 203", "day 161 to 202 (planned 182)"],
    ]


def test_date_order():
    assert asked(rule("flares", order=["onset_date", "detection_date"])) == [
        ["2", "onset_date and detection_date", "2017-06-01; 2017-05-01", "onset_date ≤ detection_date"]
    ]


def test_date_order_across_tables():
    assert asked(rule(order=["date", "patients.end_date"])) == [
        ["4", "date and patients.end_date", "2018-02-01; 2017-12-31", "date ≤ patients.end_date"]
    ]


def test_contradiction():
    found = asked(rule("patients", when={"sex": "male"}, then={"pregnant": False}))
    assert found == [["3", "pregnant", "yes", "where sex male: pregnant no"]]


def test_required_fields():
    assert asked(rule(required=["date", "c3"])) == [["5", "date, c3", "missing: date, c3", "a value"]]
    assert asked(rule(required=["c4"], when={"visit": "M6"})) == [["4", "c4", "missing: c4", "a value"]]


def test_range_in_the_unit_of_the_plan_with_a_hint_of_another():
    limits = {"g/L": [0.1, 4], "mg/dL": [10, 400]}
    assert asked(rule(range={"column": "c3", "limits": limits})) == [
        ["3", "c3", "105", "0.1 to 4 g/L; is it in mg/dL?"],
        ["4", "c3", "9", "0.1 to 4 g/L"],
        ["6", "c3", "0.05", "0.1 to 4 g/L"],
    ]


def test_allowed_values():
    assert asked(rule(allowed={"visit": ["M0", "M3", "M6"]})) == [["6", "visit", "flare", "visit M0 or M3 or M6"]]


def test_uniqueness_with_keys():
    twice = rule("samples", unique=["patient_id", "visit"])
    assert [row[0] for row in asked(twice)] == ["2", "4"]
    assert asked(twice)[0][1:] == ["patient_id, visit", "01; M0", "one row a patient_id and visit"]
    assert asked(rule("samples", unique=["patient_id", "visit"], when={"sample_id": {"not": "T3"}})) == []


def test_existence_in_another_table():
    # A tube without visit label has nothing to look for: `required` asks for the label.
    lost = rule("samples", exists_in={"table": "visits", "keys": ["patient_id", "visit"]})
    assert asked(lost) == [["3", "patient_id, visit", "01; M9", "a row of visits with the same patient_id and visit"]]
    flares = rule(when={"visit": "flare"}, exists_in={"table": "flares", "keys": ["patient_id"]})
    assert [row[0] for row in asked(flares)] == ["6"]


def test_the_plan_may_word_what_is_expected_and_severity_says_what_is_done():
    plan = PLAN.model_copy(update={"rules": [rule(required=["c3"], expected="a measured C3", severity="note")]})
    queries = Queries(plan_rule_texts(plan))
    query_plan_rules(plan, TABLES, queries)
    (row,) = queries.frame(pd.Series({"02": "A"})).to_dict("records")
    assert row == {
        "rule": "r", "severity": "note", "centre": "A", "patient_id": "02", "visit": "M0", "sample_id": "",
        "field": "c3", "value": "missing: c3", "expected": "a measured C3", "message": "m",
        "action": "no answer needed",
        "file": "drawn.csv", "row": "5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"required": ["c33"]}, r"rule r names the column c33.*did you mean c3\?"),
        ({"order": ["visit", "date"]}, "orders visit, which is neither date nor number"),
        ({"order": ["day", "date"]}, "orders a date and a number"),
        ({"range": {"column": "visit", "limits": {"": [0, 1]}}}, "limits for visit, which is no number"),
        (
            {"range": {"column": "c3", "limits": {"mg/dL": [10, 400]}}},
            r"no limits for c3 in g/L, the unit in the plan.*limits for mg/dL.*\{\"g/L\": \[LOW, HIGH\]\}",
        ),
        ({"window": {"days": {"M33": 91}, "within": 21}}, "a window for M33, which is no visit.*visits are M0, M3"),
    ],
)
def test_a_rule_that_does_not_fit_the_data_is_named(content, message):
    with pytest.raises(PlanError, match=message):
        broken_rows(rule(**content), TABLES, PLAN)


def test_the_id_of_a_built_in_rule_is_taken():
    with pytest.raises(PlanError, match="rules has the id date_order, which a built-in rule has"):
        plan_rule_texts(PLAN.model_copy(update={"rules": [rule(id="date_order", required=["c3"])]}))


def test_a_rule_of_severity_error_stops_the_run_and_leaves_the_list(broken):
    plan = yaml.safe_load((broken / "plan.yml").read_text(encoding="utf-8"))
    plan["rules"].append({"id": "no_flare_visit", "severity": "error", "table": "visits", "message": "a flare visit",
                          "when": {"visit": "flare"}, "then": {"visit": "M0"}})  # fmt: skip
    (broken / "plan.yml").write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    with pytest.raises(RawDataError, match=r"1 rule of severity error found \d+ rows.*no_flare_visit: \d+") as caught:
        clean_study(open_study(broken))
    stopped = broken / "analysis" / "run" / "stopped"
    assert "analysis/run/stopped/queries.html" in str(caught.value)
    assert {p.name for p in stopped.iterdir()} == {"queries.csv", "queries.html", "queries"}
    assert "01-0" not in str(caught.value)
    assert not (broken / "analysis" / "tables").exists()


def test_the_shipped_rules_ask_nothing_untrue_of_the_simulated_study(simulated):
    cleaned = clean_study(open_study(simulated))
    own = cleaned.queries[cleaned.queries["rule"].isin([r.id for r in PLAN.rules])]
    # Visits drift by up to 25 days and the window is 21: these are true findings, and notes. No rule asks for more.
    assert set(own["rule"]) == {"visit_window"}
    assert set(own["severity"]) == {"note"}
    found = own["value"].str.extract(r"day (\d+)", expand=False).astype(int)
    planned = own["expected"].str.extract(r"planned (\d+)", expand=False).astype(int)
    assert (found - planned).abs().between(22, 25).all()
    assert not set(cleaned.queries["rule"]) & {"end_digit_preference", "centre_level", "centre_query_rate"}
