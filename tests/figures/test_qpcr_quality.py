"""Figures of a qPCR run: what they show, what they hide, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.qpcr_quality import drift_figure, normalisation_figure, stability_figure
from lumier_analysis.figures.style import png_bytes


def chips(n: int = 6) -> pd.DataFrame:
    shift = np.linspace(-0.3, 0.7, n)
    return pd.DataFrame(
        {
            "calibrator_shift": shift,
            "calibrator_low": shift - 0.1,
            "calibrator_high": shift + 0.1,
            "samples": 90,
            "reference_raw": 12 + shift,
            "reference_calibrated": 12.0,
        },
        index=pd.Index([f"chip_{i}" for i in range(n)], name="chip"),
    )


def lines(axes, label: str) -> np.ndarray:
    return next(line for line in axes.lines if line.get_label() == label).get_ydata()


def test_drift_shows_which_chips_are_off() -> None:
    figure = drift_figure(chips())
    top, bottom = figure.axes
    assert figure.get_label() == (
        "Calibrator and reference genes of 6 chips: largest shift 0.70 cycles; 1 beyond 0.5 cycles."
    )
    assert lines(top, "beyond 0.5").tolist() == pytest.approx([0.7])
    assert len(lines(top, "within 0.5")) == 5
    assert bottom.get_xlabel() == "Chip"
    assert "Ct" in top.get_ylabel() and "Ct" in bottom.get_ylabel()
    assert len(png_bytes(figure, dpi=50)) > 1000


def test_drift_hides_the_level_of_a_chip_of_few() -> None:
    table = chips()
    table.loc["chip_2", "samples"] = 4
    figure = drift_figure(table)
    level = lines(figure.axes[1], "calibrated")
    assert np.isnan(level[2])
    assert np.isfinite(np.delete(level, 2)).all()
    assert figure.axes[1].get_xlabel() == "Chip (levels of fewer than 5 samples not drawn)"


def test_drift_without_calibrator() -> None:
    table = chips()
    table[["calibrator_shift", "calibrator_low", "calibrator_high", "reference_calibrated"]] = np.nan
    figure = drift_figure(table)
    assert "no calibrator" in figure.get_label()
    assert [t.get_text() for t in figure.axes[0].texts] == ["no calibrator"]
    assert len(png_bytes(figure, dpi=50)) > 1000
    with pytest.raises(UsageError, match="no samples"):
        drift_figure(chips().drop(columns="samples"))
    with pytest.raises(UsageError, match="no chips"):
        drift_figure(chips().iloc[:0])


def levels() -> pd.DataFrame:
    rows = []
    for step, scale in (("measured", 1.0), ("normalised", 0.2)):
        for chip, n in (("chip_1", 90), ("chip_2", 4), ("chip_3", 50)):
            middle = scale * {"chip_1": 0.5, "chip_2": 3.0, "chip_3": -0.5}[chip]
            rows.append((step, chip, n, middle - 0.8, middle - 0.4, middle, middle + 0.4, middle + 0.8))
    return pd.DataFrame(rows, columns=["step", "chip", "samples", "low", "q25", "median", "q75", "high"])


def test_normalisation_is_on_one_scale_and_hides_chips_of_few() -> None:
    figure = normalisation_figure(levels())
    top, bottom = figure.axes
    assert top.get_ylim() == bottom.get_ylim()
    assert len(top.patches) == len(bottom.patches) == 2  # chip_2 has four samples
    assert "range of the chips' medians: measured 1.00; normalised 0.20." in figure.get_label()
    assert "1 with fewer than 5 samples not drawn" in bottom.get_xlabel()
    assert top.get_ylabel().startswith("Measured")
    assert len(png_bytes(figure, dpi=50)) > 1000
    nothing = normalisation_figure(levels(), threshold=100)
    assert "measured not drawn" in nothing.get_label()
    with pytest.raises(UsageError, match="no median"):
        normalisation_figure(levels().drop(columns="median"))


def test_stability_shows_what_is_used_and_what_is_doubtful() -> None:
    table = pd.DataFrame(
        {
            "m": [0.3, 0.4, 1.3],
            "stability": [0.2, 0.3, 0.9],
            "used": [True, True, False],
            "caution": ["", "", "interferon-inducible"],
        },
        index=pd.Index(["TBP", "GUSB", "B2M"], name="gene"),
    )
    variation = pd.Series({"2/3": 0.1})
    figure = stability_figure(table, variation)
    left, right = figure.axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["TBP", "GUSB", "B2M !"]
    assert left.get_xlabel().endswith("! doubtful by its biology")
    used = next(line for line in left.lines if line.get_label() == "M, used")
    assert used.get_xdata().tolist() == [0.3, 0.4]
    assert [bar.get_height() for bar in right.patches] == [0.1]
    assert figure.get_label() == "geNorm M, best first: TBP 0.30, GUSB 0.40, B2M 1.30 (not used); V(2/3) 0.10."
    assert len(png_bytes(figure, dpi=50)) > 1000
    two = stability_figure(table.iloc[:2], pd.Series(dtype=float))
    assert two.get_label().endswith("GUSB 0.40.")
    with pytest.raises(UsageError, match="no value of M"):
        stability_figure(table.assign(m=np.nan), variation)
