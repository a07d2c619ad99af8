from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import roc_figure

FPR, TPR = [0.0, 0.1, 0.4, 1.0], [0.0, 0.5, 0.8, 1.0]


def test_it_draws_the_given_curve_joined_by_straight_lines(inside):
    figure = roc_figure(FPR, TPR, text="AUC 0.75 (95 % CI -0.1 to 1)", operating_point=(0.4, 0.8))
    (axes,) = figure.axes
    curve = next(line for line in axes.lines if line.get_label() == "Locked score")
    np.testing.assert_array_equal(curve.get_xydata(), np.column_stack([FPR, TPR]))
    assert curve.get_drawstyle() == "default", "ties count one half"
    point = next(line for line in axes.lines if line.get_label() == "Locked threshold")
    assert point.get_xydata().tolist() == [[0.4, 0.8]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("1 − specificity", "Sensitivity")
    assert [text.get_text() for text in axes.texts] == ["AUC 0.75 (95 % CI −0.1 to 1)"]
    assert inside(figure) == []


def test_the_chance_line_is_there():
    lines = roc_figure(FPR, TPR).axes[0].lines
    assert [[0, 0], [1, 1]] in [line.get_xydata().tolist() for line in lines]


def test_curves_differ_by_more_than_colour():
    figure = roc_figure(FPR, TPR, others=[("anti_dsdna", FPR, TPR)])
    first, second = [line for line in figure.axes[0].lines if line.get_label() in ("Locked score", "anti-dsDNA")]
    assert first.get_linestyle() != second.get_linestyle()
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["Locked score", "anti-dsDNA"]


def test_the_band_is_the_given_one():
    grid, low, high = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.4, 1.0]), np.array([0.2, 0.9, 1.0])
    (band,) = roc_figure(FPR, TPR, band=(grid, low, high)).axes[0].collections
    corners = band.get_paths()[0].vertices
    legend = roc_figure(FPR, TPR, band=(grid, low, high)).axes[0].get_legend()
    assert "95 % band" in [t.get_text() for t in legend.get_texts()]
    assert [0.5, 0.4] in corners.tolist() and [0.5, 0.9] in corners.tolist()


@pytest.mark.parametrize("curve", [([0, 1], [0, 0.5, 1]), ([0, 1.1], [0, 1]), ([], []), ([0, np.nan], [0, 1])])
def test_what_is_no_curve_is_refused(curve):
    with pytest.raises(UsageError, match="no curve in the unit square"):
        roc_figure(*curve)
