from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import calibration_figure

GROUPS = pd.DataFrame(
    {"predicted": [0.05, 0.20], "observed": [0.04, 0.25], "ci_low": [0.01, 0.10], "ci_high": [0.10, 0.40]}
)
CURVE = pd.DataFrame({"predicted": [0.01, 0.1, 0.3], "observed": [0.02, 0.12, 0.27]})


def bars(axes):
    return [p for p in axes.patches if isinstance(p, Rectangle)]


def test_points_intervals_and_curve_are_the_given_ones(inside):
    figure = calibration_figure(GROUPS, curve=CURVE, text="O/E 0.92\nslope -0.37 (95 % CI -2.86 to 2.12)")
    (axes,) = figure.axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["Flexible curve"] == CURVE.to_numpy().tolist()
    points = next(c for c in axes.containers if c.get_label() == "Groups of predicted risk")
    np.testing.assert_array_equal(points[0].get_xydata(), GROUPS[["predicted", "observed"]].to_numpy())
    ends = [segment[:, 1].tolist() for segment in points[2][0].get_segments()]
    np.testing.assert_allclose(ends, GROUPS[["ci_low", "ci_high"]].to_numpy(), rtol=1e-12)
    assert axes.get_ylabel().startswith("Observed") and axes.get_xlabel().startswith("Predicted risk")
    assert {t.get_text() for t in axes.texts} == {"O/E 0.92", "slope −0.37 (95 % CI −2.86 to 2.12)"}
    assert inside(figure) == []


def test_no_text_lies_on_the_points_or_the_curve():
    figure = calibration_figure(GROUPS, curve=CURVE, text="O/E 0.92\nslope 0.64", title="Calibration")
    figure.canvas.draw()
    (axes,) = figure.axes
    top = axes.get_window_extent().y1
    boxes = [t.get_window_extent() for t in (*axes.texts, axes._left_title)]
    assert all(box.y0 >= top for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_the_axes_hold_every_interval():
    axes = calibration_figure(GROUPS).axes[0]
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_ylim()[1] > 0.40
    assert calibration_figure(GROUPS, limit=0.6).axes[0].get_ylim() == (0, 0.6)


def test_the_histogram_draws_the_given_counts():
    figure = calibration_figure(GROUPS, histogram=([0.0, 0.1, 0.2, 0.4], [30, 12, 5]))
    below = figure.axes[1]
    assert [(b.get_x(), b.get_height()) for b in bars(below)] == [(0.0, 30), (0.1, 12), (0.2, 5)]
    assert below.get_ylabel() == "Landmarks" and below.get_xlabel().startswith("Predicted risk")
    assert below.get_legend() is None


def test_withheld_counts_are_hatched_at_the_threshold_not_at_their_height():
    figure = calibration_figure(GROUPS, histogram=([0.0, 0.1, 0.2, 0.3, 0.4], [30, 12, np.nan, np.nan]), threshold=7)
    hatched = [b for b in bars(figure.axes[1]) if b.get_hatch()]
    assert [(pytest.approx(b.get_x()), b.get_height()) for b in hatched] == [(0.2, 7), (0.3, 7)]
    assert [t.get_text() for t in figure.axes[1].get_legend().get_texts()] == ["withheld"]


def test_a_lone_withheld_bar_is_not_the_total_minus_the_others():
    figure = calibration_figure(GROUPS, histogram=([0.0, 0.1, 0.2, 0.3], [30, 12, np.nan]))
    plain = [b.get_height() for b in bars(figure.axes[1]) if not b.get_hatch()]
    assert plain == [30], "the 12 is withheld with it"
    assert len([b for b in bars(figure.axes[1]) if b.get_hatch()]) == 2


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="no ci_low"):
        calibration_figure(GROUPS.drop(columns="ci_low"))
    with pytest.raises(UsageError, match="no rows"):
        calibration_figure(GROUPS.iloc[:0])
    with pytest.raises(UsageError, match="3 edges, 3 counts"):
        calibration_figure(GROUPS, histogram=([0, 0.1, 0.2], [1, 2, 3]))
