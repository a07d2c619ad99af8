"""log2 or linear: told apart, or refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import detect_scale, to_log2


def test_scales() -> None:
    rng = np.random.default_rng(1)
    log2 = rng.normal(8, 2, 1000)
    assert detect_scale(log2) == "log2"
    assert detect_scale(np.append(log2, np.nan)) == "log2"
    assert detect_scale(2.0**log2) == "linear"
    assert detect_scale(2.0**log2 - 10) == "linear"
    for unclear in (rng.uniform(0, 90, 100), -(2.0**log2), np.array([-20.0, 3.0]), 1000 - 2.0 ** rng.normal(5, 1, 100)):
        with pytest.raises(RawDataError, match=r"expression\.scale"):
            detect_scale(unclear)
    with pytest.raises(RawDataError, match="no value"):
        detect_scale(np.array([np.nan]))


def test_to_log2() -> None:
    linear = pd.DataFrame({"GSM1": [8.0, 256.0], "GSM2": [np.nan, 1.0]}, index=["P1", "P2"])
    np.testing.assert_allclose(to_log2(linear, "linear"), [[3, np.nan], [8, 0]])
    np.testing.assert_allclose(to_log2(linear, "linear", floor=4.0), [[4, np.nan], [8, 4]])
    np.testing.assert_allclose(to_log2(linear, "log2", floor=9.0), [[9, np.nan], [256, 9]])
    np.testing.assert_allclose(to_log2(linear * 10, "auto"), np.log2(linear * 10))
    assert linear.loc["P1", "GSM1"] == 8.0
    with pytest.raises(RawDataError, match=r"1 of 4 values, the lowest -1.*expression\.floor"):
        to_log2(linear.replace(8.0, -1.0), "linear")
    assert to_log2(linear.replace(8.0, -1.0), "linear", floor=0.0).loc["P1", "GSM1"] == 0.0
    with pytest.raises(RawDataError, match="log2 or linear"):
        to_log2(linear, "ln")
