"""Wrongly decoded text is repaired where it is whole, and else reported."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumier_analysis.readers.mojibake import repair, repaired


@pytest.mark.parametrize("right", ["µmol/L", "Décès", "20 °C", "l’étude", "à revoir", "Œdème", "3 €"])
def test_one_wrong_decoding_is_undone(right: str) -> None:
    for codec in ("cp1252", "latin-1"):
        try:
            wrong = right.encode("utf-8").decode(codec)
        except UnicodeDecodeError:
            continue
        assert wrong != right
        assert repaired(wrong) == right


@pytest.mark.parametrize("value", ["Décès", "ÂGE", "Â", "Ãéà", "été – hiver", "12,5", "Å"])
def test_right_text_is_left_alone(value: str) -> None:
    assert repaired(value) == value


@given(st.text(st.characters(codec="cp1252", exclude_characters="ÂÃÅÎâ")))
def test_text_without_the_tell_tale_letters_is_never_changed(value: str) -> None:
    assert repaired(value) == value


def test_columns() -> None:
    text = pd.Series(["DÃ©cÃ¨s", "Suivie", "D\ufffdcès", None], index=[4, 5, 6, 7], dtype="str")
    mended, changed, lost = repair(text)
    assert mended.tolist()[:3] == ["Décès", "Suivie", "D\ufffdcès"]
    assert changed.tolist() == [True, False, False, False]
    assert lost.tolist() == [False, False, True, False]
    assert mended.index.tolist() == [4, 5, 6, 7]
