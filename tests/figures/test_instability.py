from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.instability import instability_figure
from lumier_analysis.figures.style import png_bytes, svg_bytes

BANDS = pd.DataFrame(
    {
        "risk": [0.02, 0.05, 0.1],
        "q2": [0.0, 0.01, 0.02],
        "q25": [0.01, 0.03, 0.06],
        "q50": [0.02, 0.05, 0.09],
        "q75": [0.03, 0.07, 0.14],
        "q97": [0.06, 0.12, 0.31],
        "mape": [0.01, 0.02, 0.05],
        "rows": [10, 10, 20],
    }
)


def test_shows_bands_and_error_without_colour():
    figure = instability_figure(BANDS, n_models=200)
    above, below = figure.axes
    assert above.get_ylim()[1] == pytest.approx(0.35)
    np.testing.assert_allclose(below.lines[0].get_ydata(), BANDS["mape"])
    assert "3 groups of rows" in figure.get_label() and "3.2 percentage points" in figure.get_label()
    drawn = [c for axes in figure.axes for c in axes.collections] + [ln for axes in figure.axes for ln in axes.lines]
    for artist in drawn:
        colour = artist.get_color() if hasattr(artist, "get_color") else artist.get_facecolor()[0]
        from matplotlib.colors import to_rgb

        assert np.ptp(to_rgb(colour)) < 1e-9  # black and white print loses nothing
    assert svg_bytes(figure) == svg_bytes(instability_figure(BANDS, n_models=200))
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_incomplete_bands_are_refused():
    with pytest.raises(UsageError, match="no mape"):
        instability_figure(BANDS.drop(columns="mape"), n_models=10)
    with pytest.raises(UsageError, match="no rows"):
        instability_figure(BANDS.iloc[:0], n_models=10)
