from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lumier_analysis.errors import UsageError
from lumier_analysis.figures import save_figure, write_figure
from lumier_analysis.figures.style import new_figure
from lumier_analysis.study import Study, load_plan, project_root
from lumier_analysis.study.sections import Figures
from tests.figures.drawn import DRAW


def test_files_carry_their_words_and_no_date_or_version(tmp_path):
    path = write_figure(DRAW["roc"](), tmp_path / "figures", "roc")
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
        write_figure(figure, tmp_path, "bare")
    assert list(tmp_path.iterdir()) == []
    assert write_figure(figure, tmp_path, "told", alt="Nothing").is_file()


def test_a_saved_figure_shows_the_file_until_it_is_changed(tmp_path):
    figure = DRAW["chips"]()
    shown, _ = figure._repr_png_()
    written = write_figure(figure, tmp_path, "chips").read_bytes()
    assert figure._repr_png_()[0] is figure.saved and figure.saved == written == shown
    figure.axes[0].set_title("Another")
    assert figure.stale and figure._repr_png_()[0] != written
    assert write_figure(figure, tmp_path, "chips").read_bytes() == figure._repr_png_()[0] == figure.saved != written


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
    write_figure(figure, tmp_path, name)
    assert done == (["layout"] if engine else []) + ["draw", "draw"]
    np.testing.assert_allclose(places[0], places[1], atol=1e-12, err_msg="not the same arrangement in both files")
    assert figure.get_layout_engine() is engine and figure.dpi == before, "left as they were"


def test_a_figure_of_single_patients_is_not_saved(tmp_path):
    figure = new_figure("single", 40, alt="courses of patients")
    figure.set_gid("patient-level")
    with pytest.raises(UsageError, match="shows single patients"):
        write_figure(figure, tmp_path, "courses")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", DRAW)
def test_what_a_journal_asks_for_stands_beside_the_png(name, tmp_path):
    for folder in ("one", "two"):
        figure = DRAW[name]()
        write_figure(figure, tmp_path / folder, name, formats=("pdf", "tiff"), dpi=100)
        assert {p.name for p in (tmp_path / folder).iterdir()} == {f"{name}.{s}" for s in ("png", "pdf", "tiff", "svg")}
    for path in (tmp_path / "one").iterdir():
        content = path.read_bytes()
        assert content == (tmp_path / "two" / path.name).read_bytes(), f"{path.name} does not repeat"
        assert b"CreationDate" not in content and b"Matplotlib" not in content
    with Image.open(tmp_path / "one" / f"{name}.tiff") as tiff, Image.open(tmp_path / "one" / f"{name}.png") as png:
        np.testing.assert_array_equal(np.asarray(tiff), np.asarray(png))
        assert tiff.info["compression"] == "tiff_lzw" and round(float(tiff.info["dpi"][0])) == 100
        assert tiff.tag_v2[270].startswith(png.info["Description"][:15])
    pdf = (tmp_path / "one" / f"{name}.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and b"/Subject" in pdf
    assert b"/FontFile2" in pdf or b"/Type3" not in pdf, "letters that can be edited"


def test_the_plan_says_which_files_a_figure_has(tmp_path):
    plan = load_plan(project_root() / "data" / "synthetic" / "plan.yml")
    plan = plan.model_copy(update={"figures": Figures(formats=["pdf"], dpi=72)})
    study = Study(tmp_path / "data" / "tiny", tmp_path / "raw", plan, tmp_path)
    path = save_figure(DRAW["roc"](), study, "roc")
    assert path == study.reports / "figures" / "roc.png"
    assert {p.name for p in path.parent.iterdir()} == {"roc.png", "roc.svg", "roc.pdf"}
    with Image.open(path) as image:
        assert image.width == int(90 / 25.4 * 72)


def test_a_format_no_longer_asked_for_is_gone(tmp_path):
    write_figure(DRAW["roc"](), tmp_path, "roc", formats=["pdf", "pdf", "tiff"], dpi=50)
    write_figure(DRAW["roc"](), tmp_path, "roc", formats="tiff", dpi=50)
    assert {p.suffix for p in tmp_path.iterdir()} == {".png", ".svg", ".tiff"}
    write_figure(DRAW["roc"](), tmp_path, "roc", dpi=50)
    assert {p.suffix for p in tmp_path.iterdir()} == {".png", ".svg"}


def test_words_of_a_tiff_keep_their_numbers(tmp_path):
    figure = new_figure("single", 40, alt="Durée ≥ 3 µg, 0.6–0.8, −1 × 2")
    path = write_figure(figure, tmp_path, "words", formats=["tiff"], dpi=50)
    with Image.open(path.with_suffix(".tiff")) as tiff:
        assert tiff.tag_v2[270] == "Duree >= 3 ug, 0.6-0.8, -1 x 2"


def test_mistakes_are_told_with_what_to_type(tmp_path):
    with pytest.raises(UsageError, match=r"Unknown format 'png'.*pdf or tiff; PNG and SVG are made"):
        write_figure(DRAW["roc"](), tmp_path, "roc", formats=("png",))
    with pytest.raises(UsageError, match=r"takes the study.*PosixPath|WindowsPath.*write_figure"):
        save_figure(DRAW["roc"](), tmp_path, "roc")
    assert list(tmp_path.iterdir()) == []
