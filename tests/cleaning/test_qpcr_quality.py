"""The quality of a run, gathered: on a small run with planted faults, and on the simulated study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.measure_qpcr import measure_qpcr
from lumier_analysis.cleaning.qpcr_quality import components_of
from lumier_analysis.cleaning.queries import Queries

TEST = {f"S{chip}.{i:02d}" for chip in (0, 1) for i in range(20)}


@pytest.fixture
def faulty(qpcr_run):
    """Chip 3 is late by 1.2 cycles and lost assay N5; S1.04 is off; a calibrator's replicates and an NTC are wrong."""
    make, plan = qpcr_run
    frame = make()
    frame["ct"] += np.where(frame["chip"] == "chip_3", 1.2, 0.0)
    lost = frame["chip"].eq("chip_3") & frame["assay"].eq("N5") & frame["sample"].str.startswith("S")
    frame.loc[lost, "state"] = "untrusted"
    frame.loc[lost, "ct"] = 19.0
    odd = frame["sample"].eq("S1.04") & frame["assay"].isin([f"N{i}" for i in range(0, 11, 2)])
    frame.loc[odd, "ct"] -= 5.0
    one = frame.index[frame["sample"].eq("IPC") & frame["chip"].eq("chip_1") & frame["assay"].eq("I2")]
    frame.loc[one[0], "ct"] = frame.loc[one[1], "ct"] + 0.9
    control = frame["sample"].eq("NTC") & frame["chip"].eq("chip_2") & frame["assay"].eq("I0")
    frame.loc[control, ["ct", "state"]] = [15.0, "detected"]
    return measure_qpcr(frame, None, TEST, plan, Queries()), plan


def test_planted_faults_are_found(faulty) -> None:
    measured, _ = faulty
    quality = measured.quality
    apart = quality.replicates.set_index(["chip", "sample", "assay"])["spread"]
    assert apart[("chip_1", "IPC", "I2")] == pytest.approx(0.9)
    wrong = quality.no_template[quality.no_template["passes"].eq(False)]
    assert wrong[["chip", "assay"]].to_numpy().tolist() == [["chip_2", "I0"]]
    assert quality.samples.index[quality.samples["gdna_flagged"]].tolist() == ["S0.03"]
    chips = quality.drift.chips
    assert chips.loc["chip_3", "flagged"]
    assert chips["calibrator_shift"].idxmax() == "chip_3"
    # Chips of the run differ by an SD of 0.25 on their own.
    assert chips.loc["chip_3", "calibrator_shift"] - chips["calibrator_shift"].drop("chip_3").median() > 0.6
    assert quality.lost[["chip", "assay", "why"]].to_numpy().tolist() == [["chip_3", "N5", "untrusted"]]
    assert measured.components.samples.loc["S1.04", "outlier"] != ""
    assert quality.assays.loc["N11", "detection_rate"] < 0.9


def test_normalisation_brings_chips_and_samples_together(faulty) -> None:
    summary = faulty[0].quality.normalisation
    assert summary.index.tolist() == ["measured", "calibrated", "normalised"]
    assert summary.loc["measured", "sd_between"] > 0.4
    assert summary.loc["calibrated", "sd_between"] < 0.25
    assert summary.loc["normalised", "sd"] < summary.loc["calibrated", "sd"]


def test_the_error_of_the_score_is_that_of_the_simulation(faulty) -> None:
    """The small run has reactions of SD 0.15, once a sample, with two calibrators a chip."""
    measured, _ = faulty
    quality = measured.quality
    log2 = measured.log2.loc[sorted(TEST), [f"I{i}" for i in range(6)]]
    w = 1 / 6 / log2.std(ddof=1).to_numpy()
    expected = 0.15 * np.sqrt(1.5 * (np.sum(w**2) + w.sum() ** 2 / 4))
    # Each assay's SD rests on four degrees of freedom and borrows the pooled one: about 90 in all, so 8 %.
    assert quality.score_errors["interferon"].median() == pytest.approx(expected, rel=0.25)
    assert quality.reliability.loc["interferon", "reliability"] > 0.95
    assert quality.reliability.loc["interferon", "samples"] == len(TEST)
    assert quality.score_errors.columns.tolist() == ["M1.2", "M5.15", "interferon", "neutrophil"]


def test_censoring_touches_one_module(faulty) -> None:
    table = faulty[0].quality.not_detected
    assert table.loc["M1.2", "samples_touched"] == 0
    assert table.loc["M5.15", "samples_touched"] > 5
    assert table.loc["M5.15", "censored_share"] < 0.1
    assert abs(table.loc["M5.15", "largest_difference"]) > 0


def test_too_few_samples_make_no_components() -> None:
    assert components_of(pd.DataFrame(np.zeros((3, 3)))) is None


def test_the_simulated_study_recovers_its_own_constants(simulated) -> None:
    """Its reactions have SD 0.15 and its chips 0.25 (`simulation.chips`)."""
    from lumier_analysis.cleaning import clean_study
    from lumier_analysis.study import open_study

    measured = clean_study(open_study(simulated)).measured
    quality = measured.quality
    assert quality is not None
    # 16 degrees of freedom an assay, 95 assays: the mean SD is known to 0.15 / sqrt(2 x 1520) = 0.003.
    assert quality.assays["sd"].mean() == pytest.approx(0.15, abs=0.01)
    assert quality.drift.chips["calibrator_shift"].std() == pytest.approx(0.25, abs=0.13)
    assert quality.normalisation.loc["calibrated", "chip_share"] < 0.03
    assert quality.reliability["reliability"].between(0.9, 1.0).all()
    assert quality.notes == []
    assert set(quality.findings["done"]) > {"not used"}
    assert (
        quality.findings.loc["Samples with too many untrusted reactions", "n"]
        == (measured.failed == "too many untrusted reactions").sum()
    )
