from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.flare_bins import BINS
from lumier_analysis.errors import UsageError
from lumier_analysis.figures import flare_curve_figure

MEANS = pd.DataFrame(
    {
        "bin": list(BINS),
        "mean": [0.2, 0.3, 0.5, 0.9, 0.4],
        "ci_low": [-0.2, 0.0, 0.2, 0.6, 0.1],
        "ci_high": [0.6, 0.6, 0.8, 1.2, 0.7],
        "n": ["<5", 34, 50, 53, "[c]"],
    }
)
REFERENCE = {"mean": -0.1, "ci_low": -0.2, "ci_high": 0.0, "n": 236}


def test_means_in_time_over_the_band_of_the_flare_free(texts, inside):
    figure = flare_curve_figure(MEANS, reference=REFERENCE)
    axes = figure.axes[0]
    y = np.asarray(axes.containers[0][0].get_ydata(), dtype=float)
    np.testing.assert_array_equal(y[1:], MEANS["mean"][1:])
    assert np.isnan(y[0]), "a mean of fewer than five is not drawn"
    (band,) = [p for p in axes.patches if p.get_hatch()]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((-0.2, 0.0))
    shown = set(texts(figure))
    assert {"<5", "34", "[c]", "Flare-free, n 236", "Patients with a flare"} <= shown
    assert {"183–273\ndays\nbefore", "1–91\ndays\nbefore", "flare", "1 month\nafter"} <= shown
    assert "Groups by later flare: descriptive, not predictive." in shown and inside(figure) == []
    label = figure.get_label()
    assert "183-273 days before withheld" in label and "Flare-free: −0.10 (−0.20 to 0.00)" in label


@pytest.mark.parametrize("width", ["single", "double"])
def test_two_models_differ_by_more_than_colour(inside, width):
    both = pd.concat([MEANS.assign(model="Without prednisone"), MEANS.assign(model="With prednisone")])
    figure = flare_curve_figure(both, reference=REFERENCE, group="model", title="Around the flare", width=width)
    first, second = figure.axes[0].containers
    assert first[0].get_marker() != second[0].get_marker() and first[0].get_linestyle() != second[0].get_linestyle()
    assert first[0].get_xdata()[0] < second[0].get_xdata()[0] and inside(figure) == []


def test_the_flare_is_marked_where_it_is():
    marked = [line for line in flare_curve_figure(MEANS).axes[0].lines if list(line.get_xdata()) == [3.0, 3.0]]
    assert len(marked) == 1
    before = flare_curve_figure(MEANS.iloc[:3])
    assert not [line for line in before.axes[0].lines if list(line.get_xdata()) == [3.0, 3.0]]


def test_a_small_reference_is_withheld(texts):
    figure = flare_curve_figure(MEANS, reference={**REFERENCE, "n": "<5"})
    assert not [p for p in figure.axes[0].patches if p.get_hatch()]
    assert "Flare-free: withheld, n <5" in texts(figure) and "withheld" in figure.get_label()


def test_what_is_refused():
    with pytest.raises(UsageError, match="no ci_low"):
        flare_curve_figure(MEANS.drop(columns="ci_low"))
    with pytest.raises(UsageError, match="no rows"):
        flare_curve_figure(MEANS.iloc[:0])
    with pytest.raises(UsageError, match="no ci_high"):
        flare_curve_figure(MEANS, reference={"mean": 0, "ci_low": 0})
    many = pd.concat([MEANS.assign(model=f"m{k}") for k in range(7)])
    with pytest.raises(UsageError, match="At most 6"):
        flare_curve_figure(many, group="model")
