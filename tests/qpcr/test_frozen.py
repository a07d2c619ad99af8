from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import FrozenMeasurement

FULL = FrozenMeasurement(
    limit_of_detection=24.0,
    reference_levels=pd.Series({"HPRT1": 12.5, "TBP": 14.0}),
    calibrator="IPC",
    calibrator_levels=pd.Series({"IFI44": 10.0, "HPRT1": 12.0, "LOST": float("nan")}),
    efficiencies=pd.Series({"IFI44": 1.9}),
    no_template_control="Blank",
    maximum_missing_fraction=0.3,
    not_detected="impute",
)


def test_the_table_holds_everything(tmp_path):
    FULL.frame().to_parquet(tmp_path / "constants.parquet")
    again = FrozenMeasurement.from_frame(pd.read_parquet(tmp_path / "constants.parquet"))
    assert again.reference_genes == ("HPRT1", "TBP")
    assert again.calibrator_levels.to_dict() == {"IFI44": 10.0, "HPRT1": 12.0}
    assert again.efficiencies.to_dict() == {"IFI44": 1.9}
    for name in ("limit_of_detection", "calibrator", "no_template_control", "maximum_missing_fraction", "not_detected"):
        assert getattr(again, name) == getattr(FULL, name)


def test_without_calibrator_and_efficiencies():
    again = FrozenMeasurement.from_frame(FrozenMeasurement(25.0, pd.Series({"TBP": 14.0})).frame())
    assert again.calibrator is None and again.calibrator_levels.empty and again.efficiencies.empty


def test_an_incomplete_table_is_refused():
    frame = FULL.frame()
    with pytest.raises(AnalysisError, match=r"no limit_of_detection, reference_level.*01_data_cleaning"):
        FrozenMeasurement.from_frame(frame[~frame["constant"].isin(["limit_of_detection", "reference_level"])])
