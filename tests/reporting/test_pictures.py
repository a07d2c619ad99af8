from __future__ import annotations

import base64

import pytest
from PIL import Image

from lumier_analysis.errors import DisclosureError
from lumier_analysis.figures import roc_figure, write_figure
from lumier_analysis.reporting.pictures import read_picture, read_pictures


@pytest.fixture
def saved(tmp_path):
    return write_figure(roc_figure([0, 0.4, 1], [0, 0.8, 1], text="AUC 0.70"), tmp_path, "roc")


def test_a_figure_keeps_its_words_and_its_size(saved):
    picture = read_picture(saved)
    assert picture.alt == "ROC curve of Locked score. AUC 0.70"
    assert picture.caption == "ROC curve of the locked score, validation cohort"
    assert (picture.width, picture.height) == (round(90 / 25.4 * 96), pytest.approx(88 / 25.4 * 96, abs=1))


def test_the_svg_is_embedded_where_there_is_one(saved):
    kind, content = read_picture(saved).uri.split(";base64,")
    assert kind == "data:image/svg+xml"
    assert base64.b64decode(content) == saved.with_suffix(".svg").read_bytes()
    saved.with_suffix(".svg").unlink()
    assert read_picture(saved).uri.startswith("data:image/png;base64,")


def test_a_figure_without_alternative_text_is_refused(tmp_path):
    Image.new("RGB", (10, 10)).save(tmp_path / "bare.png")
    with pytest.raises(DisclosureError, match=r"bare.png has no alternative text.*save_figure"):
        read_pictures(tmp_path)


def test_figures_come_by_name(saved, tmp_path):
    Image.open(saved).save(tmp_path / "a.png", pnginfo=None)
    (tmp_path / "a.png").write_bytes(saved.read_bytes())
    assert [picture.name for picture in read_pictures(tmp_path)] == ["a", "roc"]
    assert read_pictures(tmp_path / "nowhere") == []
