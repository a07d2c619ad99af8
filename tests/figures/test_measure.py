from __future__ import annotations

import pytest

from lumier_analysis.figures import roc_figure
from lumier_analysis.figures.measure import text_width, wrap

DPI = 600  # letters are rounded to whole pixels: small ones


@pytest.mark.parametrize("text", ["Patients analysed", "n = 149", "SLEDAI above the limit"])
def test_a_width_is_that_of_the_drawn_text(text):
    figure = roc_figure([0, 1], [0, 1])
    figure.set_dpi(DPI)
    drawn = figure.text(0.1, 0.5, text, fontsize=7, family="DejaVu Sans")
    figure.canvas.draw()
    # The advance after the last letter is not part of its outline: well below the padding of a box.
    assert text_width(text) == pytest.approx(drawn.get_window_extent().width * 25.4 / DPI, abs=0.3)


def test_bold_and_larger_letters_are_wider_and_nothing_is_nothing():
    assert text_width("Landmarks", bold=True) > text_width("Landmarks")
    assert text_width("Landmarks", size=9) == pytest.approx(text_width("Landmarks") * 9 / 7, rel=1e-6)
    assert text_width("  ") == 0.0


def test_lines_fit_and_no_word_is_lost():
    text = "Treatment increased before inclusion, not quiescent"
    lines = wrap(text, 20.0)
    assert len(lines) > 1
    assert " ".join(lines) == text
    assert all(text_width(line) <= 20.0 for line in lines)


def test_a_word_that_is_too_long_is_broken_with_a_hyphen():
    lines = wrap("thrombocytopeniathrombocytopenia now", 15.0)
    assert all(text_width(line) <= 15.0 for line in lines)
    assert "".join(line.removesuffix("-") for line in lines[:-1]) + lines[-1] == "thrombocytopeniathrombocytopenia now"
    assert all(line.endswith("-") for line in lines[:-1])


def test_no_break_spaces_hold():
    assert wrap("excluded n\u00a0=\u00a015", text_width("excluded n")) == ["excluded", "n\u00a0=\u00a015"]
    assert wrap("", 10.0) == [""]
