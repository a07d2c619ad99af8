"""One journal style: widths, font, colours and lines that survive black-and-white print, files that repeat exactly.

Figures are made without pyplot: nothing global is changed, and a figure shows itself in a notebook.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lumier_analysis.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")

MM = 1 / 25.4  # inches in a millimetre
WIDTHS = {"single": 90.0, "double": 180.0}  # millimetres
DPI = 300
Width = Literal["single", "double"]

# Okabe and Ito's colours, safe for colour-blind readers, ordered so that neighbours also differ in lightness.
INK = "#1a1a1a"
GREY = "#767676"
PALE = "#d9d9d9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.2)),
    (0, (5, 2, 1, 2)),
    (0, (8, 2, 2, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)
MARKERS = ("o", "s", "^", "D", "v", "P")

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.unicode_minus": True,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "patch.linewidth": 0.7,
    "hatch.linewidth": 0.5,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "lumier-analysis",
    "pdf.fonttype": 42,  # letters that a journal can edit
    "path.simplify": False,
}


class JournalFigure(Figure):
    """A matplotlib figure that shows itself in a notebook; its label is its alternative text.

    Saved and not changed since, it shows the PNG that was written.
    """

    saved: bytes | None = None

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        width, height = (round(float(96 * inches)) for inches in self.get_size_inches())
        png = png_bytes(self) if self.saved is None or self.stale else self.saved
        return png, {"width": width, "height": height, "alt": str(self.get_label())}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function in the journal style and leave matplotlib's settings as they were."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return inside


def new_figure(width: Width = "single", height: float = 80.0, *, alt: str, constrained: bool = True) -> JournalFigure:
    """Return an empty figure.

    Parameters
    ----------
    width : {"single", "double"}
        90 or 180 mm.
    height : float
        Millimetres.
    alt : str
        Alternative text: what a reader who cannot see the figure must know.
    constrained : bool
        Let matplotlib fit axes and labels to the canvas.
    """
    if width not in WIDTHS:
        raise UsageError(f"Unknown figure width {width!r}", fix=f"use {' or '.join(WIDTHS)}")
    size = (WIDTHS[width] * MM, height * MM)
    figure = JournalFigure(figsize=size, layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    if constrained:
        engine: Any = figure.get_layout_engine()
        engine.set(w_pad=1.5 * MM, h_pad=1.5 * MM)
    figure.set_label(alt)
    return figure


@contextmanager
def laid_out(figure: Figure) -> Iterator[None]:
    """Fit axes and labels to the canvas once, as they are at 300 dpi, for every format drawn inside.

    Matplotlib itself would fit them anew for each format, and draw twice wherever something is to be fitted.
    """
    engine: Any = figure.get_layout_engine()
    with mpl.rc_context(STYLE):
        if engine is None or not figure.axes:
            yield
            return
        dpi = figure.dpi
        figure.dpi = DPI
        try:
            engine.execute(figure)
            figure.set_layout_engine(None)
            yield
        finally:
            figure.dpi = dpi
            figure.set_layout_engine(engine)


def picture(figure: Figure, dpi: int = DPI) -> Image.Image:
    """Return the figure in points of three colours.

    Matplotlib would write an opacity of every point, too, though no figure can be seen through. Without it a quick
    compression gives files of the same size in half the time.
    """
    with laid_out(figure):
        before, figure.dpi = figure.dpi, dpi
        try:
            points, size = FigureCanvasAgg(figure).print_to_buffer()
        finally:
            figure.dpi = before
    return Image.frombytes("RGB", size, points, "raw", "RGBX")


def png_bytes(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the figure as PNG; the alternative text stands in its Description."""
    buffer, text = io.BytesIO(), PngInfo()
    text.add_text("Description", str(figure.get_label()))
    picture(figure, dpi).save(buffer, "png", dpi=(dpi, dpi), pnginfo=text, compress_level=2)
    return buffer.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """Return the figure as SVG, letters as outlines; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with laid_out(figure):
        metadata = {"Date": None, "Creator": None, "Description": str(figure.get_label())}
        figure.savefig(buffer, format="svg", metadata=metadata)
    return buffer.getvalue()
