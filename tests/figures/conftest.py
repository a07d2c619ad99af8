"""What a figure holds, read back from its artists."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text


@pytest.fixture
def texts():
    """Return a function that lists every text a figure shows."""

    def read(figure: Figure) -> list[str]:
        figure.canvas.draw()
        return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]

    return read


@pytest.fixture
def inside():
    """Return a function that names the texts and axes reaching beyond the canvas."""

    def outside(figure: Figure) -> list[str]:
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        width, height = figure.bbox.width, figure.bbox.height
        found, unseen = [], set()
        for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
            low, high = sorted(axis.get_view_interval())
            out = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
            unseen |= {label for tick in out for label in (tick.label1, tick.label2)}
        for text in figure.findobj(Text):
            if text.get_visible() and text.get_text().strip() and text not in unseen:
                box = text.get_window_extent(renderer)
                if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
                    found.append(text.get_text())
        return found

    return outside
