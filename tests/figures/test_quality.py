from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import chip_figure, missingness_figure, queries_figure

MISSING = pd.DataFrame(
    {"M0": [0.02, 0.0, 0.5], "post_flare": [np.nan, 0.004, 0.0]},
    index=["c3", "cranial_nerve_disorder", "2 others, complete"],
)


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_missing_shares_are_drawn_and_written(texts, inside):
    figure = missingness_figure(MISSING)
    mesh = figure.axes[0].collections[0].get_array()
    np.testing.assert_array_equal(np.ma.filled(mesh, np.nan), MISSING.to_numpy())
    shown = texts(figure)
    assert shown.count("·") == 2 and {"2", "<1", "50"} <= set(shown)
    assert ticks(figure.axes[0].yaxis) == ["C3", "cranial nerve disorder", "2 others, complete"]
    assert ticks(figure.axes[0].xaxis) == ["M0", "after flare"]
    assert inside(figure) == []


def test_a_withheld_share_is_blank():
    figure = missingness_figure(MISSING)
    at = {tuple(text.get_position()) for text in figure.axes[0].texts}
    assert (1.5, 0.5) not in at, "C3 after a flare"
    assert len(at) == 5


def test_shares_are_proportions():
    with pytest.raises(UsageError, match="from 0 to 1"):
        missingness_figure(MISSING * 100)
    with pytest.raises(UsageError, match="no table"):
        missingness_figure(MISSING.iloc[:0])


QUERIES = pd.DataFrame({"note": [8, 5, np.nan], "query": [18, np.nan, np.nan]}, index=["01", "02", "03"])


def test_queries_are_stacked_and_their_sums_written():
    axes = queries_figure(QUERIES).axes[0]
    widths = [[bar.get_width() for bar in container] for container in axes.containers]
    assert widths == [[8, 5, 0], [18, 0, 0]]
    assert [bar.get_x() for bar in axes.containers[1]] == [8, 5, 0]
    assert [text.get_text() for text in axes.texts] == ["26", "5 + <5", "<5"]
    assert axes.get_xlabel() == "Queries"
    assert ticks(axes.yaxis) == ["01", "02", "03"]


def test_a_withheld_count_is_marked_by_the_plans_threshold_also_in_words():
    figure = queries_figure(QUERIES, threshold=10)
    assert [text.get_text() for text in figure.axes[0].texts][1:] == ["5 + <10", "<10"]
    assert "02 at least 5; 03 at least 0" in figure.get_label()


def test_severities_differ_by_more_than_colour():
    first, second = queries_figure(QUERIES).axes[0].containers
    assert first[0].get_hatch() != second[0].get_hatch()


def test_a_series_of_centres_will_do():
    axes = queries_figure(pd.Series({"01": 12, "02": 0})).axes[0]
    assert [text.get_text() for text in axes.texts] == ["12", "0"]
    with pytest.raises(UsageError, match="no queries"):
        queries_figure(pd.Series(dtype=float))


CHIPS = pd.DataFrame(
    {"detected": [0.9, 0.85], "not_detected": [0.07, 0.1], "untrusted": [0.03, 0.05], "calibrator": [18.1, 18.4]},
    index=["chip_01", "chip_02"],
)


def test_chips_show_their_shares_and_their_calibrator():
    above, below = chip_figure(CHIPS).axes
    heights = [[bar.get_height() for bar in container] for container in above.containers]
    assert heights == [[0.07, 0.1], [0.03, 0.05]]
    assert [bar.get_y() for bar in above.containers[1]] == [0.07, 0.1]
    assert below.lines[1].get_ydata().tolist() == [18.1, 18.4]
    assert (above.get_ylabel(), below.get_xlabel()) == ("Reactions", "Chip")
    assert ticks(below.xaxis) == ["01", "02"], "the axis says that they are chips"


def test_chip_names_that_share_no_first_word_stay_whole():
    axes = chip_figure(CHIPS.set_axis(["A_1", "B_1"]).drop(columns="calibrator")).axes[0]
    assert ticks(axes.xaxis) == ["A_1", "B_1"]


def test_shares_of_a_chip_that_do_not_add_up_are_refused():
    with pytest.raises(UsageError, match="do not add up"):
        chip_figure(CHIPS.assign(untrusted=0.2))
    with pytest.raises(UsageError, match="no untrusted"):
        chip_figure(CHIPS.drop(columns="untrusted"))
