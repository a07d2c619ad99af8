"""Chips: their size, and every chamber once."""

from __future__ import annotations

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.chips import chip_size, grid, refuse_other_chambers


def test_size() -> None:
    wells = sorted(grid(48, 48))
    assert len(wells) == 2304 and chip_size([], wells) == (48, 48)
    declared = [(1, ["Chip Run Info", "x", "96.96 (136x)"])]
    assert chip_size(declared, wells) == (96, 96)
    assert chip_size([], ["S49-A01"]) == (96, 96) and chip_size([], ["S01-A100"]) == (24, 192)
    assert chip_size([], ["S200-A200"]) == (200, 200)
    assert chip_size([], sorted(grid(192, 24))) == (192, 24)


def test_chambers() -> None:
    wells = sorted(grid(48, 48))
    refuse_other_chambers(wells, (48, 48), "a.csv")
    refuse_other_chambers([w.replace("S0", "S").replace("A0", "A") for w in wells], (48, 48), "a.csv")
    with pytest.raises(RawDataError, match="2,303 chambers instead of 2,304"):
        refuse_other_chambers(wells[1:], (48, 48), "a.csv")
    with pytest.raises(RawDataError, match=r"2,304 chambers instead of 2,304.*1 of them twice"):
        refuse_other_chambers([wells[1], *wells[1:]], (48, 48), "a.csv")
