"""Nobody who knows a group's total may work out one of its small cells: checked by doing what a reader would do."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumier_analysis.errors import UsageError
from lumier_analysis.reporting import suppress_bars, suppress_counts, suppress_number
from lumier_analysis.reporting.disclosure import (
    WITHHELD,
    count_percent,
    gives_away,
    is_small,
    legend,
    shown_entry,
    suppress_group,
    suppress_text,
)


@pytest.mark.parametrize(
    ("n", "shown"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5), (120, 120), (3.0, "<5"), (None, None), (math.nan, None)]
)
def test_counts_from_one_to_four_become_the_marker_and_nothing_else_does(n, shown):
    assert suppress_number(n) == shown


def test_the_threshold_is_the_plans():
    assert [suppress_number(n, 10) for n in (0, 9, 10)] == [0, "<10", 10]
    assert "1 to 9 are shown as <10" in legend(10)
    assert not is_small(1, 1)


@pytest.mark.parametrize("n", [-1, 2.5])
def test_what_is_no_count_is_refused(n):
    with pytest.raises(UsageError, match="Only counts"):
        suppress_number(n)


def possible_values(counts, shown, unshown=()):
    """Return, for each small cell, the values a reader with the total and the table thinks possible, by trying all."""
    total = sum(counts)
    ranges = []
    for i, cell in enumerate(shown):
        if i in unshown and not isinstance(cell, str):
            ranges.append(range(total + 1))
        elif cell == WITHHELD:
            ranges.append(range(5, total + 1))
        elif cell == "<5":
            ranges.append(range(1, 5) if i not in unshown else range(total + 1))
        else:
            ranges.append([cell])
    fits = [cells for cells in itertools.product(*ranges) if sum(cells) == total]
    return {i: {cells[i] for cells in fits} for i, n in enumerate(counts) if is_small(n)}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=4))
def test_a_reader_who_tries_every_table_finds_no_small_cell(counts):
    shown = suppress_group(counts)
    assert all(isinstance(shown[i], str) for i, n in enumerate(counts) if is_small(n))
    if gives_away(counts, shown, 5):  # nothing is left to withhold: the caller must hide the total
        assert not [n for n in shown if isinstance(n, int) and n > 0]
        return
    assert all(len(values) > 1 for values in possible_values(counts, shown).values())


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([20, 30], [20, 30]),
        ([0, 30], [0, 30]),
        ([3, 20, 100], ["<5", WITHHELD, 100]),  # alone it is the total minus the rest
        ([1, 2, 100], ["<5", "<5", WITHHELD]),  # together they are a group of three
        ([4, 4, 100], ["<5", "<5", WITHHELD]),  # two markers that add up to 8 are 4 and 4
        ([1, 1, 1, 1, 1, 50], ["<5"] * 5 + [WITHHELD]),  # five markers that add up to 5 are 1 each
        ([1, 5, 100], ["<5", WITHHELD, WITHHELD]),  # at least 5 is withheld: 6 leaves the other 1
        ([2, 3, 100], ["<5", "<5", 100]),
        ([0, 0, 3], [0, 0, "<5"]),
    ],
)
def test_secondary_suppression(counts, shown):
    assert suppress_group(counts) == shown


def test_a_missing_cell_protects_nothing():
    assert suppress_group([3, math.nan, 10]) == ["<5", None, WITHHELD]
    assert suppress_group([3, pd.NA, 10]) == ["<5", None, WITHHELD]


def test_a_cell_that_is_not_printed_is_protected_and_protects():
    # 140 of 143: the "no" is 3.  3 of 143: the "no" is hidden anyway.
    assert suppress_group([140, 3, 0], unshown=[1])[0] == WITHHELD
    assert suppress_group([3, 140, 0], unshown=[1])[0] == "<5"
    # With one missing the "no" is known but for its own size.
    assert suppress_group([60, 80, 2], unshown=[1]) == [60, 80, "<5"]


def test_a_series_is_a_group_and_each_column_of_a_frame_is_one():
    frame = pd.DataFrame({"test": [3, 20, 100], "validation": [7, 8, 9]}, index=["a", "b", "c"])
    shown = suppress_counts(frame)
    assert shown["test"].tolist() == ["<5", WITHHELD, 100]
    assert shown["validation"].tolist() == [7, 8, 9]
    assert shown.index.tolist() == ["a", "b", "c"]
    assert suppress_counts(frame["test"], total_shown=False).tolist() == ["<5", 20, 100]
    assert suppress_counts(4) == "<5"


def test_two_columns_of_one_name_stay_two():
    frame = pd.DataFrame([[3, 9], [30, 9]], columns=["n", "n"])
    assert suppress_counts(frame).to_numpy().tolist() == [["<5", 9], [WITHHELD, 9]]


def test_a_suppressed_cell_has_no_percentage():
    assert count_percent("<5", 143) == "<5"
    assert count_percent(57, 143) == "57 (40 %)"
    assert count_percent(0, 0) == "0"


def test_small_bars_become_nan():
    np.testing.assert_array_equal(suppress_bars([0, 1, 4, 5]), [0, np.nan, np.nan, 5])


def test_small_counts_inside_a_sentence_become_the_marker():
    note = "low values count as risk; 2 of 144 rows without c3 left out; 4 event patients"
    assert suppress_text(note) == "low values count as risk; <5 of 144 rows without c3 left out; <5 event patients"
    for untouched in ("17 of 451 rows left out", "3 of 13 strata hold no pair", "a share of 0.4 patients", "0 events"):
        assert suppress_text(untouched) == untouched


@pytest.mark.parametrize("few", ["n_patients", "n_rows", "n_events"])
def test_an_estimate_on_few_is_withheld_altogether(make_entry, few):
    shown = shown_entry(make_entry(**{few: 4}))
    assert (shown.value, shown.interval, shown.p_value, shown.withheld) == (WITHHELD, "", None, True)
    assert getattr(shown, few) == "<5"
    assert "0.66" not in str(shown)


def test_an_estimate_on_enough_is_shown(make_entry):
    shown = shown_entry(make_entry(n_events=5))
    assert (shown.text, shown.n_events, shown.withheld) == ("0.660 (0.550 to 0.760)", "5", False)


def test_a_count_is_suppressed_and_a_number_of_genes_is_not(make_entry):
    assert shown_entry(make_entry(value=3, kind="count")).value == "<5"
    assert shown_entry(make_entry(value=3, kind="number")).value == "3"
    assert shown_entry(make_entry(value=156672, kind="count")).value == "156\u202f672"


def test_what_cannot_be_estimated_says_so(make_entry):
    gone = {"ci_low": math.nan, "ci_high": math.nan, "level": None, "note": "no event: the AUC cannot be estimated"}
    assert shown_entry(make_entry(value=math.nan, **gone, n_events=0)).value == "not estimable"
    assert shown_entry(make_entry(value=math.nan, kind="count", note="not asked")).value == "not available"


@pytest.mark.parametrize("kind", ["count", "number", "estimate"])
def test_an_infinite_value_with_a_note_does_not_stop_the_notebook(make_entry, kind):
    assert shown_entry(make_entry(value=math.inf, kind=kind, note="no row below")).value in {"not available", "∞"}


def test_a_note_passes_through_disclosure_control(make_entry):
    assert shown_entry(make_entry(note="3 of 300 rows without c3 left out")).note.startswith("<5 of 300")
