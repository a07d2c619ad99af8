"""What the MIQE table says of a run."""

from __future__ import annotations

from lumier_analysis.cleaning.measure_qpcr import measure_qpcr
from lumier_analysis.cleaning.queries import Queries

TEST = {f"S{chip}.{i:02d}" for chip in (0, 1) for i in range(20)}


def test_what_plan_and_exports_tell_is_filled_in(qpcr_run) -> None:
    make, plan = qpcr_run
    qpcr = plan.qpcr.model_copy(update={"miqe": {"extraction": "PAXgene kit"}})
    reactions = make()
    table = measure_qpcr(reactions, None, TEST, plan.model_copy(update={"qpcr": qpcr}), Queries()).miqe
    assert table is not None
    value, source = table["value"], table["source"]
    assert (value["extraction"], source["extraction"]) == ("PAXgene kit", "plan")
    assert (value["sequences"], source["sequences"]) == ("not in the exports", "missing")
    assert value["plate"] == f"4 chips, {len(reactions):,} reactions"
    assert value["limit_of_detection"].startswith("Ct 25")
    assert value["normalisation"].startswith("R1, R2, R3, R4; rule fixed; mean Ct; geNorm M 0.")
    assert value["no_template_control"] == (
        "detected in 0 of 92 assays on chips; 0 less than 5 cycles after the latest sample"
    )
    assert value["replicates"] == "samples measured once"
    assert value["inter_plate_calibrator"].startswith("IPC: median shift -0.")
    assert value["repeatability"].startswith("SD of a Ct 0.1")
    assert value["efficiency"] == "no standards in the exports; a doubling each cycle is taken"
    assert table.loc["dnase", "where"] == "qpcr.miqe.dnase"


def test_without_controls_nothing_is_claimed(qpcr_run) -> None:
    make, plan = qpcr_run
    frame = make()
    frame = frame[~frame["sample"].isin(["IPC", "NTC"])]
    qpcr = plan.qpcr.model_copy(update={"calibrator": None, "minimum_rin": None})
    table = measure_qpcr(frame, None, TEST, plan.model_copy(update={"qpcr": qpcr}), Queries()).miqe
    assert table is not None
    items = ["no_template_control", "inter_plate_calibrator", "repeatability", "reproducibility", "rna_integrity"]
    assert table.loc[items, "source"].tolist() == ["missing"] * 5
