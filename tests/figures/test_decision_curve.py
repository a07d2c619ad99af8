from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import decision_curve_figure


def table(n=24):
    t = np.linspace(0.02, 0.25, n)
    model = 0.06 - 0.2 * t
    return pd.DataFrame(
        {"threshold": t, "model": model, "model_ci_low": model - 0.02, "model_ci_high": model + 0.02,
         "treat_all": (0.08 - t) / (1 - t)}
    )  # fmt: skip


def line(figure, label):
    return next(one for one in figure.axes[0].lines if one.get_label() == label)


def test_it_draws_the_given_net_benefits(inside):
    given = table()
    figure = decision_curve_figure(given.iloc[::-1], text="AUC 0.75\n500 landmarks", title="Decision curve")
    np.testing.assert_array_equal(line(figure, "Locked score").get_xydata(), given[["threshold", "model"]])
    np.testing.assert_array_equal(line(figure, "Treat all").get_xydata(), given[["threshold", "treat_all"]])
    assert set(line(figure, "Treat none").get_ydata()) == {0}
    (band,) = figure.axes[0].collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(given["model_ci_low"].min())
    assert corners[:, 1].max() == pytest.approx(given["model_ci_high"].max())
    assert inside(figure) == []


def test_lines_differ_by_more_than_colour():
    figure = decision_curve_figure(table(), others=[("clinical model", table()), ("sledai", table())])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == "Locked score" and {"Treat all", "Treat none", "95 % CI"} < set(labels) and len(labels) == 6
    looks = [(str(one._dash_pattern), one.get_linewidth()) for one in figure.axes[0].lines]
    assert len(set(looks)) == len(looks)


def test_treating_all_does_not_flatten_the_rest():
    given = table()
    low, high = decision_curve_figure(given).axes[0].get_ylim()
    assert low > -0.05 > given["treat_all"].min() and high > given["model_ci_high"].max()


def test_a_missing_limit_leaves_a_gap_and_one_threshold_is_enough(inside):
    given = table()
    given.loc[20:, ["model_ci_low", "model_ci_high"]] = np.nan
    corners = decision_curve_figure(given).axes[0].collections[0].get_paths()[0].vertices
    assert corners[:, 0].max() == pytest.approx(given["threshold"][19])
    assert inside(decision_curve_figure(table(1))) == []


def test_alternative_text():
    assert "2 to 25 %" in decision_curve_figure(table()).get_label()


def test_what_is_refused():
    with pytest.raises(UsageError, match="no treat_all"):
        decision_curve_figure(table().drop(columns="treat_all"))
    with pytest.raises(UsageError, match="no rows"):
        decision_curve_figure(table().iloc[:0])
    with pytest.raises(UsageError, match="not a number"):
        decision_curve_figure(table().assign(model=np.nan))
    with pytest.raises(UsageError, match="no model"):
        decision_curve_figure(table(), others=[("x", table()[["threshold"]])])
