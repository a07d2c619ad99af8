"""What normalisation took away, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.qpcr import normalisation_effect, relative_levels


def test_a_shifted_sample_is_seen_and_a_regulated_gene_does_not_move_it() -> None:
    ct = pd.DataFrame({"A": [10.0, 10.0, 11.0], "B": [12.0, 12.0, 13.0], "C": [15.0, 9.0, 16.0]}, index=["a", "b", "c"])
    assert relative_levels(ct).tolist() == [0.0, 0.0, 1.0]
    ct.loc["a", ["A", "B"]] = np.nan
    assert np.isnan(relative_levels(ct)["a"])


def test_variance_between_chips_is_taken_apart() -> None:
    # Chips at -1 and +1, samples 0.1 around them: means differ by 2, within-variance 0.02.
    levels = pd.DataFrame(
        {"measured": [-1.1, -0.9, 0.9, 1.1], "normalised": [-0.1, 0.1, -0.1, 0.1]}, index=["a", "b", "c", "d"]
    )
    chips = pd.Series({"a": "c1", "b": "c1", "c": "c2", "d": "c2"})
    summary, by_chip = normalisation_effect(levels, chips)
    assert summary["samples"].tolist() == [4, 4]
    assert summary["sd_within"].tolist() == pytest.approx([np.sqrt(0.02)] * 2)
    # Mean square between 4, within 0.02, two samples a chip: (4 - 0.02) / 2.
    assert summary["sd_between"].tolist() == pytest.approx([np.sqrt(1.99), 0.0])
    assert summary["chip_share"].tolist() == pytest.approx([1.99 / 2.01, 0.0])
    assert by_chip["median"].tolist() == pytest.approx([-1.0, 1.0, 0.0, 0.0])
    assert by_chip["samples"].tolist() == [2, 2, 2, 2]
    assert by_chip["step"].tolist() == ["measured", "measured", "normalised", "normalised"]


def test_one_chip_has_nothing_between() -> None:
    levels = pd.DataFrame({"measured": [0.0, 1.0, np.nan]}, index=["a", "b", "c"])
    summary, by_chip = normalisation_effect(levels, pd.Series("c1", index=["a", "b", "c"]))
    assert summary.loc["measured", "samples"] == 2
    assert np.isnan(summary.loc["measured", "sd_between"])
    assert len(by_chip) == 1
