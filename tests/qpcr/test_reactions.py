"""Calibration, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import calibrate


def test_chips_are_brought_to_the_calibrators_mean(reactions: pd.DataFrame) -> None:
    result = calibrate(reactions, "IPC")
    # G1: 10.1 and 11.1, level 10.6. G2: seen on c1 alone, level 15; c2 borrows its median shift, that of G1.
    assert result.levels.to_dict() == pytest.approx({"G1": 10.6, "G2": 15.0})
    np.testing.assert_allclose(result.shifts, [[-0.5, 0.0], [0.5, 0.5]])
    assert result.borrowed.to_numpy().tolist() == [[False, False], [False, True]]
    assert result.chip_shift.to_dict() == pytest.approx({"c1": -0.25, "c2": 0.5})
    by_sample = result.reactions.set_index(["sample", "assay"])
    assert by_sample.loc[("S1", "G1"), "ct"].item() == pytest.approx(12.5)
    assert by_sample.loc[("S2", "G1"), "ct"].item() == pytest.approx(12.5)
    assert by_sample.loc[("S2", "G2"), "ct"].item() == pytest.approx(15.5)
    assert np.isnan(by_sample.loc[("S1", "G2"), "ct"].item())
    assert result.reactions["ct_raw"].equals(reactions["ct"])
    assert result.reactions["state"].equals(reactions["state"])


def test_frozen_levels_are_not_estimated_again(reactions: pd.DataFrame) -> None:
    result = calibrate(reactions[reactions["chip"] == "c2"], "IPC", levels=pd.Series({"G1": 10.6, "G2": 15.0}))
    assert result.shifts.loc["c2"].tolist() == pytest.approx([0.5, 0.5])


def test_a_constant_added_to_a_chip_is_taken_out(reactions: pd.DataFrame) -> None:
    complete = reactions.query("not (assay == 'G2')")
    late = complete.assign(ct=complete["ct"] + np.where(complete["chip"] == "c2", 3.0, 0.0))
    here, there = calibrate(complete, "IPC").reactions, calibrate(late, "IPC").reactions
    difference = there["ct"] - here["ct"]
    assert difference.dropna().to_numpy() == pytest.approx(1.5)  # both chips alike: the level itself moved by 3 / 2


def test_a_chip_without_calibrator_is_refused(reactions: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match=r"IPC gave no Ct on 1 of 2 chips.*chip c2.*qpcr.calibrator"):
        calibrate(reactions[~((reactions["chip"] == "c2") & (reactions["sample"] == "IPC"))], "IPC")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="state"), "lacks columns.*state"),
        (lambda f: f.iloc[:0], "is empty"),
        (lambda f: f.assign(state="Pass"), "unknown state.*Pass"),
        (lambda f: f.assign(state="detected"), "no Ct.*sample S1, assay G2, chip c1"),
    ],
)
def test_what_is_no_table_of_reactions(reactions: pd.DataFrame, change, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        calibrate(change(reactions), "IPC")
