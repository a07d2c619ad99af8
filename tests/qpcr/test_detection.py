"""Detection of assays and samples, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.qpcr import assay_quality, detection_table, lost_blocks, sample_quality

LOD = 25.0
_STATES = {"d": ("detected", 15.0), "l": ("detected", 26.0), "n": ("not detected", np.nan), "u": ("untrusted", 18.0)}


def table(grid: dict[str, str], chips: dict[str, str] | None = None) -> pd.DataFrame:
    """Write reactions: sample -> one letter an assay (detected, late, not detected, untrusted)."""
    rows = [
        ((chips or {}).get(sample, "c1"), sample, f"G{j}", _STATES[letter][1], _STATES[letter][0])
        for sample, letters in grid.items()
        for j, letter in enumerate(letters)
    ]
    return pd.DataFrame(rows, columns=["chip", "sample", "assay", "ct", "state"])


def test_states_add_up_and_late_is_not_detected() -> None:
    reactions = table({"s1": "dlnu", "s2": "dddu", "": "nnnn"})
    by_assay = detection_table(reactions, "assay", limit_of_detection=LOD)
    assert by_assay["reactions"].tolist() == [2, 2, 2, 2]
    assert by_assay["detected"].tolist() == [2, 1, 1, 0]
    assert by_assay["not_detected"].tolist() == [0, 1, 1, 0]
    assert by_assay["untrusted"].tolist() == [0, 0, 0, 2]
    assert by_assay["detection_rate"].tolist() == pytest.approx([1.0, 0.5, 0.5, np.nan], nan_ok=True)
    assert by_assay["untrusted_share"].tolist() == [0, 0, 0, 1]
    assert by_assay["median_ct"].tolist() == pytest.approx([15.0, 15.0, 15.0, np.nan], nan_ok=True)
    both = detection_table(reactions, ["chip", "assay"], limit_of_detection=LOD)
    assert (both[["detected", "not_detected", "untrusted"]].sum(axis=1) == both["reactions"]).all()


def test_assays_that_are_seldom_detected_or_trusted_are_flagged() -> None:
    reactions = table({"s1": "dnuu", "s2": "dnun", "s3": "dddd"})
    quality = assay_quality(reactions, limit_of_detection=LOD)
    assert quality["flag"].tolist() == ["", "seldom detected", "often untrusted", "often untrusted"]
    strict = assay_quality(reactions, limit_of_detection=LOD, minimum_detection=0.9)
    assert strict["flag"].iloc[3] == "seldom detected, often untrusted"


def test_samples_that_fall_short_are_flagged() -> None:
    grid = {f"s{i}": "d" * 19 + ("n" if i % 2 else "d") for i in range(20)}
    grid |= {"few": "d" * 10 + "n" * 10, "bad": "u" * 5 + "d" * 15}
    quality = sample_quality(table(grid, {"bad": "c2"}), limit_of_detection=LOD)
    assert quality.loc[["few", "bad"], "flag"].tolist() == ["few genes detected", "often untrusted"]
    assert (quality["flag"] != "").sum() == 2
    assert quality["chips"].eq(1).all()


def test_an_assay_that_one_chip_lost() -> None:
    grid, chips = {}, {}
    for chip in ("c1", "c2", "c3"):
        for i in range(6):
            grid[f"{chip}.{i}"] = {"c1": "ddd", "c2": "dnd", "c3": "ddu"}[chip]
            chips[f"{chip}.{i}"] = chip
    found = lost_blocks(table(grid, chips), limit_of_detection=LOD)
    assert found[["chip", "assay", "why"]].to_numpy().tolist() == [
        ["c2", "G1", "not detected"],
        ["c3", "G2", "untrusted"],
    ]
    assert found["rate_elsewhere"].tolist() == [1.0, 1.0]
    assert lost_blocks(table(grid, chips), limit_of_detection=LOD, minimum=7).empty
