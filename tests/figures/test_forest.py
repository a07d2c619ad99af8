from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import forest_figure

ROWS = pd.DataFrame(
    {
        "label": [
            "locked score",
            "anti_dsdna",
            "c3",
            "A name so long that it must be broken to leave the intervals room",
        ],
        "value": [0.672, 0.53, np.nan, -0.05],
        "ci_low": [0.552, 0.417, np.nan, -0.2],
        "ci_high": [0.774, 0.640, np.nan, 0.1],
        "n": ["454 landmarks, 25 events", "428 landmarks, 24 events", "", np.nan],
        "bold": [True, False, False, False],
        "note": ["", "", "withheld", ""],
    }
)


def segments(axes):
    """Return the ends of every horizontal line of the plot."""
    found = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) == 2]
    return [(float(a[0]), float(b[0])) for a, b in found if a[1] == b[1]]


def points(axes):
    return [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() in ("D", "s")]


def test_points_and_intervals_are_the_given_ones():
    _, axes = forest_figure(ROWS).axes
    assert points(axes) == [0.672, 0.53, -0.05]
    assert segments(axes) == [(0.552, 0.774), (0.417, 0.640), (-0.2, 0.1)]
    assert axes.get_xlabel() == "AUC (95 % CI)"
    assert [line.get_xdata()[0] for line in axes.lines if line.get_xdata()[0] == line.get_xdata()[-1] == 0.5]


def test_each_line_is_written_out(texts):
    shown = texts(forest_figure(ROWS))
    assert "0.67 (0.55 to 0.77)" in shown and "−0.05 (−0.20 to 0.10)" in shown
    assert "withheld" in shown and "454 landmarks, 25 events" in shown
    assert {"anti-dsDNA", "C3"} <= set(shown) and "anti_dsdna" not in shown


def test_nothing_is_drawn_for_a_missing_value_and_it_is_called_so(texts):
    rows = ROWS.iloc[[2]].assign(note="")
    figure = forest_figure(rows)
    assert points(figure.axes[1]) == [] and segments(figure.axes[1]) == []
    assert "not estimable" in texts(figure)


def test_a_long_reason_leaves_the_intervals_their_room(texts):
    note = "no stratum holds an event and a non-event: the AUC cannot be estimated"
    figure = forest_figure(ROWS.assign(note=note))
    assert "not estimable" in texts(figure) and note not in texts(figure)
    assert figure.axes[1].get_position().width > 0.3
    assert "no landmark under this rule" in texts(forest_figure(ROWS.assign(note="no landmark under this rule")))


def test_a_long_label_is_broken_and_nothing_leaves_the_canvas(texts, inside):
    for width, rows in (("double", ROWS), ("single", ROWS.drop(columns="n"))):
        figure = forest_figure(rows, width=width, title="Scores", n_label="n")
        assert inside(figure) == []
        assert any("\n" in text for text in texts(figure))


def test_a_figure_too_narrow_for_its_columns_is_refused():
    with pytest.raises(UsageError, match="width='double'"):
        forest_figure(ROWS, width="single")


def test_columns_do_not_overlap():
    figure = forest_figure(ROWS)
    figure.canvas.draw()
    by_line: dict[float, list] = {}
    for text in figure.axes[0].texts:
        if text.get_text().strip():
            by_line.setdefault(round(text.get_position()[1], 3), []).append(text.get_window_extent())
    plot = figure.axes[1].get_window_extent()
    for boxes in by_line.values():
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
        assert all(box.x1 <= plot.x0 or box.x0 >= plot.x1 for box in boxes)


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow():
    axes = forest_figure(ROWS, limits=(0.5, 0.7)).axes[1]
    assert segments(axes)[0] == (0.552, 0.7)
    assert {line.get_marker() for line in axes.lines} >= {">", "<"}
    assert -0.05 not in points(axes)


def test_the_axis_holds_every_interval_and_the_reference():
    low, high = forest_figure(ROWS.iloc[:1], reference=0.5).axes[1].get_xlim()
    assert low < 0.5 and high > 0.774


def test_a_heading_stands_where_the_group_changes(texts):
    shown = texts(forest_figure(ROWS.assign(group=["Scores", "single_markers", "single_markers", "Scores"])))
    assert shown.count("Scores") == 2 and shown.count("single markers") == 1


def test_the_alternative_text_carries_the_numbers():
    assert "0.67 (0.55 to 0.77)" in forest_figure(ROWS).get_label()


def test_without_estimates_it_is_refused():
    with pytest.raises(UsageError, match="no ci_high"):
        forest_figure(ROWS.drop(columns="ci_high"))
    with pytest.raises(UsageError, match="no rows"):
        forest_figure(ROWS.iloc[:0])
