from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import heat_map_figure

BINS = ["183-273 days before", "92-182 days before", "1-91 days before", "flare", "1 month after"]
VALUES = [[0.1, 0.3, 0.62, 1.2, 0.4], [-0.02, -0.8, 0.0, 0.2, np.nan], [0.0, 0.1, -0.3, -0.4, 0.1]]
MEANS = pd.DataFrame(VALUES, index=["M1.2", "M5.15", "plasma_cell"], columns=BINS)


def hatched(axes):
    return {(round(r.get_x() + 0.5), round(r.get_y() + 0.5)) for r in axes.patches if r.get_hatch()}


def framed(axes):
    own = [r for r in axes.patches if isinstance(r, Rectangle) and not r.get_hatch() and not r.get_fill()]
    return {(round(r.get_x() + 0.46), round(r.get_y() + 0.43)) for r in own}


def test_cells_hold_their_numbers(texts, inside):
    figure = heat_map_figure(MEANS)
    np.testing.assert_allclose(np.ma.filled(figure.axes[0].images[0].get_array(), np.nan), MEANS)
    cells = [t.get_text() for t in figure.axes[0].texts]
    assert cells == ["0.1", "0.3", "0.6", "1.2", "0.4", "0.0", "−0.8", "0.0", "0.2", "[c]", "0.0", "0.1", "−0.3",
                     "−0.4", "0.1"]  # fmt: skip
    assert {"plasma cell", "[c]: withheld or not estimable."} <= set(texts(figure))
    assert inside(figure) == [] and not hatched(figure.axes[0])
    assert "highest 1.20 for M1.2 at flare, lowest −0.80 for M5.15 at 92-182 days before" in figure.get_label()


def test_numbers_can_be_read_on_their_cells():
    axes = heat_map_figure(MEANS).axes[0]
    image = axes.images[0]
    for text in axes.texts:
        j, i = text.get_position()
        red, green, blue, _ = image.cmap(image.norm(np.nan_to_num(MEANS.iloc[int(i), int(j)])))
        light = 0.299 * red + 0.587 * green + 0.114 * blue
        assert (text.get_color() == "white") == (light < 0.5)


def test_many_rows_are_hatched_below_zero(texts, inside):
    rng = np.random.default_rng(0)
    genes = pd.DataFrame(rng.uniform(-1, 1, (90, 5)), index=[f"GENE{i}" for i in range(90)], columns=BINS)
    module = pd.Series(np.repeat(["M1.2", "M3.4", "M5.15"], 30), index=genes.index)
    figure = heat_map_figure(genes, row_groups=module, limit=0.5)
    i, j = np.nonzero(genes.to_numpy() < -0.05)
    assert hatched(figure.axes[0]) == set(zip(j.tolist(), i.tolist(), strict=True))
    assert {"M1.2", "M3.4", "M5.15", "Hatched: below −0.05."} <= set(texts(figure)) and inside(figure) == []
    assert figure.axes[0].images[0].get_array().max() == 0.5, "cut at the limit"


def test_found_cells_are_framed(texts):
    found = MEANS > 0.5
    figure = heat_map_figure(MEANS, found=found, found_label="Framed: q ≤ 0.1.")
    assert framed(figure.axes[0]) == {(2, 0), (3, 0)} and "Framed: q ≤ 0.1." in " ".join(texts(figure))


def test_one_cell_of_zero_can_be_drawn():
    heat_map_figure(pd.DataFrame({"flare": [0.0]}, index=["M1.2"])).canvas.draw()


def test_what_is_refused():
    with pytest.raises(UsageError, match="needs means"):
        heat_map_figure(MEANS * np.nan)
    with pytest.raises(UsageError, match="infinite"):
        heat_map_figure(MEANS.assign(flare=np.inf))
    with pytest.raises(UsageError, match="rows and columns"):
        heat_map_figure(MEANS, found=MEANS.iloc[:2] > 0)
    with pytest.raises(UsageError, match=r"M5\.15"):
        heat_map_figure(MEANS, row_groups=pd.Series({"M1.2": "a", "plasma_cell": "b"}))
    with pytest.raises(UsageError, match="limit"):
        heat_map_figure(MEANS, limit=0)
    with pytest.raises(UsageError, match="Unknown sign"):
        heat_map_figure(MEANS, sign="dots")
