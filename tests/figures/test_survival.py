from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import survival_figure
from lumier_analysis.performance import disclosed_curves, kaplan_meier


def curves(value="survival"):
    parts = []
    for group, drop in (("high", 0.2), ("low", 0.05)):
        t = np.array([0.0, 30, 91, 200, 400])
        s = 1 - drop * np.arange(5) / 2
        s = s if value == "survival" else 1 - s
        parts.append(pd.DataFrame({"group": group, "time": t, value: s, "ci_low": s - 0.02, "ci_high": s + 0.02}))
    return pd.concat(parts, ignore_index=True)


AT_RISK = pd.DataFrame([[33, 16, np.nan], [57, 35, 9]], index=["high", "low"], columns=[0.0, 182.0, 350.0])


def line(figure, label):
    return next(one for one in figure.axes[0].lines if one.get_label() == label)


def counts(figure):
    return [t for t in figure.axes[1].texts if t.get_text() in {"[c]"} or t.get_text().isdigit()]


def boxes(figure):
    """Return the extents of every text, legends included."""
    figure.canvas.draw()
    every = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return {t.get_text(): t.get_window_extent() for t in every}


def test_steps_are_the_given_ones_up_to_the_last_time(inside):
    figure = survival_figure(curves(), AT_RISK, text="HR 2.0\nby patient", title="Risk groups")
    drawn = line(figure, "high")
    assert drawn.get_drawstyle() == "steps-post"
    assert drawn.get_xdata().tolist() == [0, 30, 91, 200, 350]  # follow-up goes on to 400
    np.testing.assert_allclose(drawn.get_ydata(), [1, 0.9, 0.8, 0.7, 0.7])
    assert len(figure.axes[0].collections) == 2
    assert inside(figure) == []


def test_a_curve_ends_where_its_follow_up_ends():
    given = curves()
    figure = survival_figure(given[given["time"] < 300], AT_RISK)
    assert line(figure, "high").get_xdata()[-1] == 200


def test_the_table_shows_the_counts_under_their_times(texts):
    figure = survival_figure(curves(), AT_RISK, unit=30.4375, x_label="Months")
    below = {(round(t.get_position()[0], 2), t.get_position()[1]): t.get_text() for t in counts(figure)}
    assert [below[(0.0, 0)], below[(5.98, 0)], below[(11.5, 0)], below[(11.5, 1)]] == ["33", "16", "[c]", "9"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["0", "6", "11.5"]
    assert {"At risk", "high", "low", "Months"} <= set(texts(figure))


def test_groups_differ_by_more_than_colour():
    figure = survival_figure(curves(), AT_RISK)
    assert line(figure, "high").get_linestyle() != line(figure, "low").get_linestyle()
    ends = [one for one in figure.axes[0].lines if one.get_label() == "_marks"]
    assert len({one.get_marker() for one in ends}) == 2


def test_incidence(inside):
    figure = survival_figure(curves("incidence"), AT_RISK, value="incidence", width="double")
    assert figure.axes[0].get_ylabel() == "Cumulative incidence of a flare"
    assert line(figure, "high").get_ydata()[0] == 0
    assert inside(figure) == []


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize("value", ["survival", "incidence"])
def test_note_legend_and_table_do_not_overlap(width, value, inside):
    note = "Life-table estimates; each step holds at least 5 events.\nA second line."
    figure = survival_figure(
        curves(value), AT_RISK, value=value, steps=False, note=note, text="HR 2.0", title="Groups", width=width
    )
    assert inside(figure) == []
    found = boxes(figure)
    (foot,) = [box for text, box in found.items() if text.startswith("Life-table")]
    assert any(text.endswith("[c]: withheld.") for text in found)
    others = [box for text, box in found.items() if not text.startswith("Life-table")]
    assert not any(foot.overlaps(box) for box in others)
    legend = figure.legends[0].get_window_extent()
    assert not legend.overlaps(foot) and not any(legend.overlaps(t.get_window_extent()) for t in counts(figure))


def test_without_anything_withheld_there_is_no_legend_of_it(texts):
    assert not any("withheld" in t for t in texts(survival_figure(curves(), AT_RISK.fillna(7))))


def test_life_tables_are_joined_from_mark_to_mark():
    figure = survival_figure(curves(), AT_RISK, steps=False)
    drawn = line(figure, "high")
    assert drawn.get_drawstyle() == "default"
    marks = [one for one in figure.axes[0].lines if one.get_label() == "_marks"]
    assert marks[0].get_xdata().tolist() == [0, 30, 91, 200, 350]


def test_disclosed_curves_can_be_drawn(inside):
    time = np.r_[np.full(20, 50.0), np.full(60, 360.0), np.full(30, 150.0), np.full(60, 360.0)]
    event, group = np.r_[np.ones(20), np.zeros(60), np.ones(30), np.zeros(60)], np.repeat(["low", "high"], [80, 90])
    shown = disclosed_curves(kaplan_meier(time, event, group=group), [91, 182, 350])
    figure = survival_figure(shown.curves, shown.at_risk, steps=False, note=shown.note)
    assert line(figure, "low").get_xdata().tolist() == shown.curves.loc[shown.curves["group"] == "low", "time"].tolist()
    assert inside(figure) == []


def test_a_group_without_a_curve_keeps_its_numbers(texts):
    figure = survival_figure(curves().query("group == 'low'"), AT_RISK)
    assert {"high", "low"} <= set(texts(figure)) and len(figure.axes[0].collections) == 1


def test_what_is_refused():
    with pytest.raises(UsageError, match="no survival"):
        survival_figure(curves("incidence"), AT_RISK)
    with pytest.raises(UsageError, match="no rows"):
        survival_figure(curves().iloc[:0], AT_RISK)
    with pytest.raises(UsageError, match="groups of the curves"):
        survival_figure(curves(), AT_RISK.iloc[:1])
    with pytest.raises(UsageError, match="unit must"):
        survival_figure(curves(), AT_RISK, unit=0)
    with pytest.raises(UsageError, match="begins after"):
        survival_figure(curves().assign(time=900.0), AT_RISK)
    many = pd.concat([curves().assign(group=f"g{k}") for k in range(7)])
    at = pd.DataFrame(1.0, index=[f"g{k}" for k in range(7)], columns=[0.0, 182.0])
    with pytest.raises(UsageError, match="At most 6 groups"):
        survival_figure(many, at)
