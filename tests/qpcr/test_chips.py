"""Chips: quality and drift, with numbers worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import calibrate, chip_drift, chip_quality


def test_chip_quality(reactions: pd.DataFrame) -> None:
    quality = chip_quality(reactions, calibration=calibrate(reactions, "IPC"))
    assert quality["reactions"].tolist() == [8, 6]
    assert quality["samples"].tolist() == [2, 2]
    # Of c1's 5 reactions with a sample 1 is not detected; of c2's 4, 2 are untrusted. Controls and empty inlets apart.
    assert quality["percent_not_detected"].tolist() == pytest.approx([20.0, 0.0])
    assert quality["percent_untrusted"].tolist() == pytest.approx([0.0, 50.0])
    assert quality["calibrator_shift"].tolist() == pytest.approx([-0.25, 0.5])
    assert quality["calibrator_borrowed"].tolist() == [0, 1]
    assert quality["ntc_minimum_ct"].iloc[0] == 22.0
    assert chip_quality(reactions)["calibrator_shift"].isna().all()


def run(shifts: list[float], inputs: list[float] | None = None, order: list[int] | None = None) -> pd.DataFrame:
    """Write chips whose calibrator and references are late by `shifts`; their samples have other input, too."""
    rows = []
    inputs = inputs or [0.0] * len(shifts)
    for i, (shift, more) in enumerate(zip(shifts, inputs, strict=True), start=1):
        chip = f"chip_{i}"
        for assay, ct in (("R1", 10.0), ("R2", 12.0), ("G", 15.0)):
            rows.append((chip, "IPC", assay, ct + shift, "detected"))
            for s, own in enumerate((-0.2, 0.0, 0.4)):
                rows.append((chip, f"{chip}.{s}", assay, ct + shift + own + more, "detected"))
    return pd.DataFrame(rows, columns=["chip", "sample", "assay", "ct", "state"])


def test_drift_of_the_calibrator_is_followed_and_taken_out() -> None:
    shifts = [0.1 * i for i in range(12)]
    reactions = run(shifts)
    drift = chip_drift(reactions, calibrate(reactions, "IPC"), reference_genes=["R1", "R2"], ignore={"IPC"})
    # chip_2 stands before chip_10, whatever the alphabet says.
    assert drift.chips.index.tolist() == [f"chip_{i}" for i in range(1, 13)]
    assert drift.chips["calibrator_shift"].tolist() == pytest.approx([s - 0.55 for s in shifts])
    assert drift.chips["flagged"].tolist() == [True] + [False] * 10 + [True]
    assert drift.chips["reference_raw"].tolist() == pytest.approx([11.0 + s for s in shifts])
    assert drift.chips["reference_calibrated"].tolist() == pytest.approx([11.55] * 12)
    assert drift.chips["samples"].tolist() == [3] * 12
    trends = drift.trends
    assert trends["slope"].to_dict() == pytest.approx(
        {"calibrator_shift": 0.1, "reference_raw": 0.1, "reference_calibrated": 0.0}, abs=1e-12
    )
    assert trends.loc["calibrator_shift", "tau"] == pytest.approx(1.0)
    assert trends.loc["calibrator_shift", "p_value"] < 1e-6


def test_one_bad_chip_makes_no_trend_and_drift_of_samples_stays() -> None:
    level = [0.0, 0.02, -0.01, 0.01, 3.0, -0.02, 0.01, 0.0]
    reactions = run(level, inputs=[0.2 * i for i in range(8)])
    times = pd.Series({f"chip_{i}": 10.0 * i for i in range(1, 9)})
    drift = chip_drift(
        reactions, calibrate(reactions, "IPC"), reference_genes=["R1", "R2"], ignore={"IPC"}, times=times
    )
    assert drift.chips["flagged"].sum() == 1
    assert abs(drift.trends.loc["calibrator_shift", "slope"]) < 0.001
    assert drift.trends.loc["reference_calibrated", "slope"] == pytest.approx(0.02)
    with pytest.raises(AnalysisError, match=r"no time.*chip_8"):
        chip_drift(reactions, None, reference_genes=["R1"], times=times.drop("chip_8"))


def test_without_calibrator_there_is_no_shift_to_flag() -> None:
    drift = chip_drift(run([0.0, 1.0, 0.5]), None, reference_genes=["R1", "R2"], ignore={"IPC"})
    assert drift.chips["flagged"].isna().all()
    assert drift.chips["reference_raw"].tolist() == [11.0, 12.0, 11.5]
    assert drift.trends["slope"].isna().all()  # three chips make no trend
