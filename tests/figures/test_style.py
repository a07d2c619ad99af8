from __future__ import annotations

import io
import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import (
    calibration_figure,
    chip_figure,
    flow_diagram,
    forest_figure,
    missingness_figure,
    queries_figure,
    roc_figure,
    save_figure,
    trajectory_figure,
)
from lumier_analysis.figures.style import COLOURS, LINES, MARKERS, STYLE, WIDTHS, new_figure, png_bytes, svg_bytes

INTERVALS = pd.DataFrame({"label": ["a", "b"], "value": [0.6, 0.7], "ci_low": [0.5, 0.6], "ci_high": [0.7, 0.8]})
GROUPS = pd.DataFrame({"predicted": [0.1], "observed": [0.2], "ci_low": [0.1], "ci_high": [0.4]})
CHIPS = pd.DataFrame({"detected": [0.9], "not_detected": [0.06], "untrusted": [0.04]}, index=["1"])
FLOW = [{"cohort": "test", "level": "patients", "step": "end", "reason": "analysed", "n": "<5"}]
DRAW = {
    "roc": lambda: roc_figure([0, 0.3, 1], [0, 0.7, 1], text="AUC 0.7"),
    "calibration": lambda: calibration_figure(GROUPS, histogram=([0, 0.1, 0.2, 0.3], [9, np.nan, np.nan])),
    "forest": lambda: forest_figure(INTERVALS),
    "flow": lambda: flow_diagram(FLOW),
    "missingness": lambda: missingness_figure(pd.DataFrame({"M0": [0.1, np.nan]}, index=["c3", "c4"])),
    "queries": lambda: queries_figure(pd.DataFrame({"note": [8, 5], "query": [6, 7]}, index=["01", "02"])),
    "chips": lambda: chip_figure(CHIPS),
    "trajectories": lambda: trajectory_figure(INTERVALS.rename(columns={"label": "visit", "value": "mean"})),
}


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


def test_files_carry_their_words_and_no_date_or_version(tmp_path):
    path = save_figure(DRAW["roc"](), tmp_path / "figures", "roc")
    assert path == tmp_path / "figures" / "roc.png"
    svg = path.with_suffix(".svg").read_text(encoding="utf-8")
    assert "ROC curve of Locked score. AUC 0.7" in svg
    assert "<dc:date>" not in svg and "Matplotlib v" not in svg
    assert "http" not in svg.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    with Image.open(path) as image:
        assert image.info["Description"] == "ROC curve of Locked score. AUC 0.7"
        assert "Software" not in image.info
        assert round(image.info["dpi"][0]) == 300
        assert image.width == int(90 / 25.4 * 300)


def test_a_figure_without_words_is_not_saved(tmp_path):
    figure = new_figure(alt="")
    with pytest.raises(UsageError, match="no alternative text"):
        save_figure(figure, tmp_path, "bare")
    assert list(tmp_path.iterdir()) == []
    assert save_figure(figure, tmp_path, "told", alt="Nothing").is_file()


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


def test_a_saved_figure_shows_the_file_until_it_is_changed(tmp_path):
    figure = DRAW["chips"]()
    shown, _ = figure._repr_png_()
    written = save_figure(figure, tmp_path, "chips").read_bytes()
    assert figure._repr_png_()[0] is figure.saved and figure.saved == written == shown
    figure.axes[0].set_title("Another")
    assert figure.stale and figure._repr_png_()[0] != written
    assert save_figure(figure, tmp_path, "chips").read_bytes() == figure._repr_png_()[0] == figure.saved != written


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_is_laid_out_once_and_drawn_once_for_each_file(name, tmp_path, monkeypatch):
    figure, done, places = DRAW[name](), [], []
    engine, draw = figure.get_layout_engine(), Figure.draw

    def drawn(self, renderer):
        draw(self, renderer)
        done.append("draw")
        places.append([axes.get_position().extents for axes in self.axes])

    monkeypatch.setattr(Figure, "draw", drawn)
    if engine is not None:
        execute = engine.execute
        monkeypatch.setattr(engine, "execute", lambda figure: (done.append("layout"), execute(figure)))
    before = figure.dpi
    save_figure(figure, tmp_path, name)
    assert done == (["layout"] if engine else []) + ["draw", "draw"]
    np.testing.assert_allclose(places[0], places[1], atol=1e-12, err_msg="not the same arrangement in both files")
    assert figure.get_layout_engine() is engine and figure.dpi == before, "left as they were"


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


def test_a_figure_of_single_patients_is_not_saved(tmp_path):
    figure = new_figure("single", 40, alt="courses of patients")
    figure.set_gid("patient-level")
    with pytest.raises(UsageError, match="shows single patients"):
        save_figure(figure, tmp_path, "courses")
    assert not list(tmp_path.iterdir())
