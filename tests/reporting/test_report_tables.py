from __future__ import annotations

import math

from lumier_analysis.reporting.layout import TableSpec
from lumier_analysis.reporting.report_tables import entry_table, flow_tables, pivot_table, withholds

SPEC = TableSpec("validation", "Validation")


def keys(table):
    return [key for key, _ in table.columns]


def test_a_row_shows_value_interval_and_denominators(make_entry):
    table = entry_table([make_entry(label="AUC of sledai")], SPEC, 5)
    (row,) = table.rows
    assert row.label == "AUC of SLEDAI"
    assert row.cells == {
        "value": "0.660", "interval": "0.550 to 0.760", "p": "0.004", "patients": "100", "rows": "300", "events": "20",
    }  # fmt: skip
    assert dict(table.columns)["rows"] == "Landmarks"
    assert row.origin == "notebook 03_locked_validation, cell auc; plan item primary"
    assert "value" not in row.counts


def test_columns_without_content_are_left_out(make_entry):
    assert keys(entry_table([make_entry("a", 17, kind="count")], SPEC, 5)) == ["value"]
    assert "p" not in keys(entry_table([make_entry(p_value=None)], SPEC, 5))


def test_a_small_count_is_marked_and_known_as_a_count(make_entry):
    (row,) = entry_table([make_entry("a", 3, kind="count")], SPEC, 5).rows
    assert row.cells["value"] == "<5"
    assert "value" in row.counts, "the lint looks at cells of class count"
    assert withholds([row], 5)
    assert not withholds(entry_table([make_entry("a", 30, kind="count")], SPEC, 5).rows, 5)


def test_what_most_rows_share_is_said_once(make_entry):
    same = [make_entry(str(i), unit="SD") for i in range(3)]
    table = entry_table([*same, make_entry("x", estimator="bootstrap", unit="SD")], SPEC, 5)
    assert table.notes == (
        "Estimator, unless a row says otherwise: AUC, Obuchowski clustered; logit interval.",
        "Unit: SD.",
    )
    assert [row.remark for row in table.rows] == ["", "", "", "bootstrap"]
    assert entry_table(same, SPEC, 5).notes[0].startswith("Estimator: ")


def test_remarks_give_no_small_count_away_and_are_read_as_words(make_entry):
    (row,) = entry_table([make_entry(note="3 of 300 rows without anti_dsdna left out")], SPEC, 5).rows
    assert row.remark == "<5 of 300 rows without anti-dsDNA left out"


def test_labels_begin_large_and_carry_true_minus_signs(make_entry):
    entry = make_entry("t", -0.143, kind="number", label="threshold -0.143: the highest")
    (row,) = entry_table([entry], SPEC, 5).rows
    assert row.label == "Threshold −0.143: the highest"
    assert row.cells["value"] == "−0.143"


def test_intervals_of_two_levels_are_not_called_95(make_entry):
    columns = dict(entry_table([make_entry("a"), make_entry("b", level=0.9)], SPEC, 5).columns)
    assert columns["interval"] == "CI"
    assert dict(entry_table([make_entry("a", level=0.9)], SPEC, 5).columns)["interval"] == "90 % CI"


def test_a_pivot_has_a_row_a_rule_and_a_column_a_count(make_entry):
    entries = [
        make_entry("s.plan.landmarks", 905, kind="count", label="The plan's rules: landmarks, all cohorts"),
        make_entry("s.plan.flares", 52, kind="count", label="The plan's rules: flares, all cohorts"),
        make_entry("s.m0.landmarks", 3, kind="count", label="Inclusion visit alone: landmarks, all cohorts"),
    ]
    table = pivot_table(entries, TableSpec("s", "Counts", pivot=True), 5)
    assert table.columns == (("landmarks", "Landmarks"), ("flares", "Flares"))
    assert [(row.label, row.cells) for row in table.rows] == [
        ("The plan's rules", {"landmarks": "905", "flares": "52"}),
        ("Inclusion visit alone", {"landmarks": "<5", "flares": ""}),
    ]


def flow_entry(make_entry, cohort, level, step, reason, n):
    return make_entry(f"flow.{cohort}.{level}.{step}.{reason}", n, kind="count", label=reason)


def test_the_flow_has_a_table_a_level_that_explains_its_markers(make_entry, make_results):
    steps = [
        ("test", "patients", "start", "exported", 152), ("test", "patients", "excluded", "pregnant", 3),
        ("test", "patients", "end", "analysed", 149), ("validation", "patients", "start", "exported", 150),
        ("validation", "patients", "end", "analysed", 150), ("test", "visits", "start", "scheduled", 584),
        ("test", "visits", "end", "landmarks", 584),
    ]  # fmt: skip
    patients, visits = flow_tables(make_results(*(flow_entry(make_entry, *step) for step in steps)), 5)
    cells = {row.label: row.cells for row in patients.rows}
    assert cells["Exported"] == {"test": "[c]", "validation": "[c]"}
    assert cells["Pregnant"] == {"test": "<5", "validation": "0"}, "a reason that excludes nobody is nil, not blank"
    assert cells["Analysed"] == {"test": "149", "validation": "150"}
    assert "<5" in patients.notes[0] and "[c]" in patients.notes[0]
    assert visits.notes == ()
    assert visits.rows[0].cells == {"test": "584", "validation": ""}


def test_not_estimable_is_said_in_the_table(make_entry):
    gone = {"ci_low": math.nan, "ci_high": math.nan, "level": None, "p_value": None, "note": "no event"}
    (row,) = entry_table([make_entry(value=math.nan, **gone)], SPEC, 5).rows
    assert (row.cells["value"], row.cells["interval"], row.remark) == ("not estimable", "", "no event")
