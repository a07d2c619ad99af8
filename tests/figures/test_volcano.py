from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation, Text
from scipy.stats import false_discovery_control, norm

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import volcano_figure


def panel(n=90, seed=0):
    rng = np.random.default_rng(seed)
    estimate = np.where(np.arange(n) < n // 3, rng.normal(0.5, 0.15, n), rng.normal(0, 0.08, n))
    estimate[:4] *= -1
    p = 2 * norm.sf(np.abs(estimate) / 0.1)
    table = {"response": [f"GENE{i}" for i in range(n)], "term": "month", "estimate": estimate, "p_value": p}
    return pd.DataFrame(table).assign(q_value=false_discovery_control(p))


def marks(figure, start):
    return next(line for line in figure.axes[0].lines if str(line.get_label()).startswith(start))


def test_responses_stand_at_their_estimate_and_p_value(inside):
    t = panel()
    figure = volcano_figure(t, "month", title="Genes", note="BH within genes.")
    up = t[(t["q_value"] <= 0.05) & (t["estimate"] > 0)]
    np.testing.assert_array_equal(marks(figure, "Higher").get_xdata(), up["estimate"])
    np.testing.assert_allclose(marks(figure, "Higher").get_ydata(), -np.log10(up["p_value"]))
    assert len(marks(figure, "Lower").get_xdata()) == 4
    shapes = {marks(figure, s).get_marker() for s in ("Higher", "Lower", "q >")}
    assert len(shapes) == 3 and inside(figure) == []
    assert f"{len(up)} of 90 responses higher and 4 lower" in figure.get_label()


def test_the_line_parts_what_is_found_from_what_is_not():
    t = panel()
    figure = volcano_figure(t, "month", q=0.1)
    (line,) = [one.get_ydata()[0] for one in figure.axes[0].lines if len(set(one.get_ydata())) == 1
               and list(one.get_xdata()) == [0, 1]]  # fmt: skip
    y = -np.log10(t["p_value"])
    assert ((y > line) == (t["q_value"] <= 0.1)).all()
    nothing = volcano_figure(t.assign(q_value=0.9), "month")
    assert not [one for one in nothing.axes[0].lines if list(one.get_xdata()) == [0, 1] and len(one.get_ydata()) == 2
                and one.get_ydata()[0] == one.get_ydata()[1] > 0]  # fmt: skip


@pytest.mark.parametrize("width", ["single", "double"])
def test_names_overlap_neither_one_another_nor_marks(width):
    t = panel()
    figure = volcano_figure(t, "month", labels=15, width=width)
    figure.canvas.draw()
    axes, renderer = figure.axes[0], figure.canvas.get_renderer()
    names = [a for a in axes.texts if isinstance(a, Annotation) and a.get_text().startswith("GENE")]
    assert len(names) >= 13
    boxes = [Text.get_window_extent(a, renderer) for a in names]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    at = axes.transData.transform(np.column_stack([t["estimate"], -np.log10(t["p_value"])]))
    assert not any(((at > b.min) & (at < b.max)).all(axis=1).any() for b in boxes)
    frame = axes.get_window_extent(renderer)
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    by_p = set(t.nsmallest(15, "p_value")["response"])
    assert {a.get_text() for a in names} <= by_p


def test_named_responses_and_no_names(texts):
    assert "GENE80" in texts(volcano_figure(panel(), "month", labels=["GENE80"]))
    assert not [t for t in texts(volcano_figure(panel(), "month", labels=0)) if t.startswith("GENE")]


def test_p_of_zero_and_responses_without_an_estimate(texts, inside):
    t = panel()
    t.loc[0, "p_value"] = 0.0
    t.loc[[5, 6], ["estimate", "p_value", "q_value"]] = np.nan
    figure = volcano_figure(t, "month")
    assert "2 of 90 responses without an estimate are not shown." in texts(figure) and inside(figure) == []
    assert np.isfinite(marks(figure, "Lower").get_ydata()).all()


def test_what_is_refused():
    t = panel()
    with pytest.raises(UsageError, match="no q_value"):
        volcano_figure(t.drop(columns="q_value"), "month")
    with pytest.raises(UsageError, match="no term day"):
        volcano_figure(t, "day")
    with pytest.raises(UsageError, match="stands twice"):
        volcano_figure(pd.concat([t, t]), "month")
    with pytest.raises(UsageError, match="No response"):
        volcano_figure(t.assign(p_value=np.nan), "month")
    with pytest.raises(UsageError, match="MX1"):
        volcano_figure(t, "month", labels=["MX1"])
