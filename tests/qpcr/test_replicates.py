"""Replicates, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import pooled_sd, replicate_spread


def test_replicates_that_lie_apart() -> None:
    rows = [("a", 10.0), ("a", 10.5), ("b", 10.0), ("b", 10.4), ("b", 10.7), ("", 5.0), ("", 9.0)]
    frame = pd.DataFrame(rows, columns=["sample", "ct"]).assign(assay="G1", chip="c1", state="detected")
    assert replicate_spread(frame).to_numpy().tolist() == [["b", "G1", 3, pytest.approx(0.7)]]
    assert replicate_spread(frame, limit=0.1)["sample"].tolist() == ["b", "a"]


def test_replicates_of_one_chip_alone() -> None:
    # The same sample on two chips, one of them late by a cycle: within a chip nothing is wrong.
    rows = [("c1", 10.0), ("c1", 10.1), ("c2", 11.0), ("c2", 11.7)]
    frame = pd.DataFrame(rows, columns=["chip", "ct"]).assign(sample="a", assay="G1", state="detected")
    assert replicate_spread(frame)["spread"].tolist() == pytest.approx([1.7])
    by_chip = replicate_spread(frame, by_chip=True)
    assert by_chip[["chip", "replicates"]].to_numpy().tolist() == [["c2", 2]]


def test_pooled_sd_by_hand() -> None:
    rows = [
        ("c1", "a", "G", 10.0, "detected"),
        ("c1", "a", "G", 10.2, "detected"),  # squares about the mean 0.02, one degree of freedom
        ("c2", "a", "G", 14.0, "detected"),
        ("c2", "a", "G", 14.3, "detected"),
        ("c2", "a", "G", 14.6, "detected"),  # 0.18, two
        ("c2", "a", "G", 20.0, "untrusted"),
        ("c2", "b", "G", 14.0, "detected"),  # alone
        ("c1", "a", "H", 9.0, "detected"),
        ("c1", "a", "H", 9.4, "detected"),  # 0.08, one
        ("c1", "a", "I", 9.0, "detected"),
        ("c1", "", "I", 9.0, "detected"),
        ("c1", "", "I", 19.0, "detected"),
    ]
    frame = pd.DataFrame(rows, columns=["chip", "sample", "assay", "ct", "state"])
    table = pooled_sd(frame, minimum_df=2)
    assert table["df"].to_dict() == {"G": 3, "H": 1, "I": 0}
    assert table["sd"].tolist() == pytest.approx([np.sqrt(0.2 / 3), np.sqrt(0.08), np.nan], nan_ok=True)
    overall = np.sqrt(0.28 / 4)
    assert table["sd_used"].tolist() == pytest.approx([np.sqrt(0.2 / 3), overall, overall])
    assert table["borrowed"].tolist() == [False, True, True]


def test_pooled_sd_finds_the_sd_that_made_the_data() -> None:
    rng = np.random.default_rng(5)
    chips, level = np.repeat(np.arange(400), 2), np.repeat(rng.normal(15, 2, 400), 2)
    frame = pd.DataFrame(
        {"chip": chips.astype(str), "sample": "IPC", "assay": "G", "ct": level + rng.normal(0, 0.15, 800)}
    ).assign(state="detected")
    # The SD of an SD with 400 degrees of freedom is 0.15 / sqrt(800): three of them.
    assert pooled_sd(frame).loc["G", "sd"] == pytest.approx(0.15, abs=3 * 0.15 / np.sqrt(800))


def test_without_replicates_there_is_no_error_to_estimate() -> None:
    frame = pd.DataFrame({"chip": ["c"], "sample": ["a"], "assay": ["G"], "ct": [10.0], "state": ["detected"]})
    with pytest.raises(AnalysisError, match=r"no reaction was measured twice.*two inlets"):
        pooled_sd(frame)
