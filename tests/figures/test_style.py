from __future__ import annotations

import io
import itertools

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, LINES, MARKERS, STYLE, WIDTHS, new_figure, png_bytes, svg_bytes
from tests.figures.drawn import DRAW


@pytest.mark.parametrize("name", DRAW)
def test_drawn_twice_a_figure_has_the_same_bytes(name):
    one, two = DRAW[name](), DRAW[name]()
    assert svg_bytes(one) == svg_bytes(two)
    assert png_bytes(one, dpi=100) == png_bytes(two, dpi=100)


@pytest.mark.parametrize("name", DRAW)
def test_every_figure_has_words_for_who_cannot_see_it_and_a_journals_width(name):
    figure = DRAW[name]()
    assert len(figure.get_label()) > 15
    assert figure.get_figwidth() * 25.4 == pytest.approx(WIDTHS["single"]) or figure.get_figwidth() * 25.4 == (
        pytest.approx(WIDTHS["double"])
    )


def test_drawing_leaves_matplotlibs_settings_alone():
    before = dict(mpl.rcParams)
    DRAW["forest"]()
    assert dict(mpl.rcParams) == before


def test_letters_are_outlines_so_that_no_font_is_needed():
    svg = svg_bytes(DRAW["forest"]()).decode()
    assert "<text" not in svg and "font-family" not in svg


def test_an_unknown_width_is_refused():
    with pytest.raises(UsageError, match="single or double"):
        new_figure("triple", alt="x")


def test_a_figure_shows_itself_in_a_notebook_at_its_size():
    png, metadata = DRAW["roc"]()._repr_png_()
    with Image.open(io.BytesIO(png)) as image:
        assert image.width == int(90 / 25.4 * 300)
    assert metadata["width"] == round(90 / 25.4 * 96) and metadata["alt"].startswith("ROC curve")


@pytest.mark.parametrize("name", DRAW)
def test_the_picture_is_that_of_matplotlib_without_its_opacity(name):
    figure, theirs = DRAW[name](), io.BytesIO()
    with mpl.rc_context(STYLE):
        DRAW[name]().savefig(theirs, format="png", dpi=300)
    with Image.open(theirs) as image, Image.open(io.BytesIO(png_bytes(figure))) as own:
        points = np.asarray(image)
        assert (points[..., 3] == 255).all(), "nothing shows through"
        np.testing.assert_array_equal(np.asarray(own), points[..., :3])
        assert own.mode == "RGB" and own.info["dpi"] == image.info["dpi"]


def test_pictures_are_laid_out_alike_whichever_is_asked_for_first():
    one, two = DRAW["queries"](), DRAW["queries"]()
    png, svg = png_bytes(one), svg_bytes(one)
    assert svg_bytes(two) == svg and png_bytes(two) == png == png_bytes(two)


def test_neighbours_are_told_apart_without_colour():
    assert len(COLOURS) == len(LINES) == len(MARKERS) == len(set(MARKERS)) == len({str(line) for line in LINES})

    def lightness(colour):
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(colour))
        return 116 * (0.2126 * r + 0.7152 * g + 0.0722 * b) ** (1 / 3) - 16

    for one, two in itertools.pairwise(COLOURS[:3]):
        assert abs(lightness(one) - lightness(two)) > 3
