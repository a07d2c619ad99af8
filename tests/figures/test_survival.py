from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import survival_figure


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
    below = {(round(t.get_position()[0], 2), t.get_position()[1]): t.get_text() for t in figure.axes[1].texts[1:]}
    assert [below[(0.0, 0)], below[(5.98, 0)], below[(11.5, 0)], below[(11.5, 1)]] == ["33", "16", "<5", "9"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["0", "6", "11.5"]
    assert {"At risk", "high", "low", "Months"} <= set(texts(figure))


def test_groups_differ_by_more_than_colour():
    figure = survival_figure(curves(), AT_RISK)
    assert line(figure, "high").get_linestyle() != line(figure, "low").get_linestyle()
    ends = [one for one in figure.axes[0].lines if one.get_label().startswith("_")]
    assert len({one.get_marker() for one in ends}) == 2


def test_incidence(inside):
    figure = survival_figure(curves("incidence"), AT_RISK, value="incidence", width="double")
    assert figure.axes[0].get_ylabel() == "Cumulative incidence of a flare"
    assert line(figure, "high").get_ydata()[0] == 0
    assert inside(figure) == []


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
