from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import trajectory_figure

MEANS = pd.DataFrame(
    {
        "visit": ["M0", "M3", "post_flare", "M0", "M3"],
        "group": ["No flare"] * 3 + ["Flare"] * 2,
        "mean": [-0.1, 0.0, 0.1, 0.5, 0.4],
        "ci_low": [-0.3, -0.2, -0.1, 0.2, 0.1],
        "ci_high": [0.1, 0.2, 0.3, 0.8, 0.7],
        "n": [219, 208, "<5", 51, 55],
    }
)


def test_means_and_intervals_are_the_given_ones():
    axes = trajectory_figure(MEANS, group="group").axes[0]
    for container, (name, own) in zip(axes.containers, MEANS.groupby("group", sort=False), strict=True):
        assert container.get_label() == name
        own = own[own["n"] != "<5"]
        drawn = np.asarray(container[0].get_ydata(), dtype=float)
        np.testing.assert_array_equal(drawn[np.isfinite(drawn)], own["mean"])
        bars = [np.asarray(bar) for bar in container[2][0].get_segments() if len(bar)]
        ends = [bar[:, 1].tolist() for bar in bars if np.isfinite(bar).all()]
        np.testing.assert_allclose(ends, own[["ci_low", "ci_high"]].to_numpy(), rtol=1e-12)


def test_groups_stand_beside_each_other_and_differ_by_more_than_colour():
    first, second = trajectory_figure(MEANS, group="group").axes[0].containers
    assert first[0].get_xdata()[0] < 0 < second[0].get_xdata()[0]
    assert first[0].get_marker() != second[0].get_marker()


def test_labels_counts_and_note(texts, inside):
    figure = trajectory_figure(MEANS, group="group", note="Descriptive, not predictive.", reference=0.0)
    shown = texts(figure)
    assert {"219", "208", "<5", "51", "55", "after flare", "Descriptive, not predictive."} <= set(shown)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("Visit", "Score, SD of the reference")
    assert inside(figure) == []


def test_one_line_and_numbers_on_the_axis():
    means = pd.DataFrame({"month": [0, 3, 12], "mean": [1.0, 2, 3], "ci_low": [0.5, 1, 2], "ci_high": [2.0, 3, 4]})
    axes = trajectory_figure(means, x="month", xlabel="Months").axes[0]
    assert axes.containers[0][0].get_xdata().tolist() == [0, 3, 12], "at their place in time, not evenly"
    assert axes.get_legend() is None


def test_the_alternative_text_tells_each_line():
    label = trajectory_figure(MEANS, group="group").get_label()
    assert "Flare: 0.50 at M0 to 0.40 at M3" in label
    assert "No flare: −0.10 at M0 to 0.00 at M3" in label, "the mean of fewer than five is not told"


def test_a_mean_of_few_patients_is_withheld_everywhere():
    few = MEANS.assign(n="<5")
    figure = trajectory_figure(few, group="group")
    for container in figure.axes[0].containers:
        assert np.isnan(np.asarray(container[0].get_ydata(), dtype=float)).all()
    assert "No flare: withheld" in figure.get_label()
    # A count withheld so that another cannot be worked out is itself no small one.
    shown = trajectory_figure(MEANS.assign(n="[c]")).axes[0].containers[0][0].get_ydata()
    np.testing.assert_array_equal(shown, MEANS["mean"])


def test_without_means_it_is_refused():
    with pytest.raises(UsageError, match="no mean"):
        trajectory_figure(MEANS.drop(columns="mean"))
    with pytest.raises(UsageError, match="no rows"):
        trajectory_figure(MEANS.iloc[:0])
