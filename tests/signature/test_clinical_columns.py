from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.clinical_columns import (
    constant_columns,
    impute_clinical,
    numeric_columns,
    to_scale,
    transformation_of,
)


@pytest.fixture
def rows():
    rng = np.random.default_rng(4)
    n = 40
    who = np.repeat([f"P{i}" for i in range(n)], 3)
    level = np.repeat(rng.standard_normal(n), 3)
    frame = pd.DataFrame(
        {
            "patient_id": who,
            "visit": np.tile(["M0", "M3", "M6"], n),
            "anti_dsdna": np.exp(3 + level + 0.3 * rng.standard_normal(3 * n)),
            "c3": pd.array(1 - 0.2 * level + 0.1 * rng.standard_normal(3 * n), dtype="Float64"),
            "age": np.repeat(rng.integers(18, 70, n), 3).astype(float),
            "score": level + rng.standard_normal(3 * n),
        },
        index=np.arange(3 * n) + 7,
    )
    frame["event"] = (rng.random(3 * n) < 0.2).astype(int)
    frame.loc[frame.index[::9], "anti_dsdna"] = np.nan
    frame.loc[frame.index[4::10], "c3"] = pd.NA
    return frame


def test_the_scale_is_chosen_by_name():
    assert transformation_of(["sledai", "anti_dsdna"]) == {"sledai": "none", "anti_dsdna": "log2(1 + x)"}
    x = pd.DataFrame({"sledai": [0.0, 4.0], "anti_dsdna": [0.0, 7.0]})
    assert to_scale(x, transformation_of(list(x)))["anti_dsdna"].tolist() == [0.0, 3.0]
    with pytest.raises(AnalysisError, match=r"anti_dsdna has no log2.*-1"):
        to_scale(x - 1, transformation_of(list(x)))


def test_imputed_values_are_in_their_own_units(rows):
    columns = ["anti_dsdna", "c3", "age"]
    drawn = impute_clinical(rows, columns, outcome="event", helpers=["score"], m=3)
    for frame in drawn:
        assert frame.index.equals(rows.index) and frame[columns].notna().all(axis=None)
        for c in columns:
            seen = rows[c].notna().to_numpy()
            # Through the logarithm and back: rounding of the last digits.
            np.testing.assert_allclose(frame[c][seen].astype(float), rows[c][seen].astype(float), rtol=1e-12)
        pd.testing.assert_series_equal(frame["score"], rows["score"])
        gaps = rows["anti_dsdna"].isna()
        assert (frame.loc[gaps, "anti_dsdna"] > -1).all() and frame.loc[gaps, "anti_dsdna"].median() > 5
    assert not np.allclose(drawn[0]["anti_dsdna"], drawn[1]["anti_dsdna"])
    again = impute_clinical(rows, columns, outcome="event", helpers=["score"], m=3)
    pd.testing.assert_frame_equal(drawn[0], again[0])


def test_the_outcome_is_used_only_where_it_is_named(rows):
    turned = rows.assign(event=1 - rows["event"])
    without = [impute_clinical(r, ["anti_dsdna", "c3"], outcome=None, m=2)[0]["c3"] for r in (rows, turned)]
    pd.testing.assert_series_equal(*without)
    named = impute_clinical(rows, ["anti_dsdna", "c3"], outcome="event", m=2)[0]["c3"]
    assert not np.allclose(named, without[0])


def test_a_column_of_the_patient_is_imputed_once_a_patient(rows):
    rows.loc[rows["patient_id"] == "P3", "age"] = np.nan
    assert constant_columns(rows[["age", "c3"]].astype(float), rows["patient_id"]) == ["age"]
    for frame in impute_clinical(rows, ["age", "c3"], outcome=None, m=2):
        assert np.ptp(frame.loc[frame["patient_id"] == "P3", "age"]) == 0
    first = rows[rows["visit"] == "M0"]
    assert constant_columns(first[["age"]], first["patient_id"]) == []


def test_bad_input(rows):
    with pytest.raises(AnalysisError, match="no c4"):
        numeric_columns(rows, ["c3", "c4"])
    with pytest.raises(AnalysisError, match="visit of the clinical model is not a column of numbers"):
        numeric_columns(rows, ["visit"])
    with pytest.raises(AnalysisError, match="infinite"):
        numeric_columns(rows.assign(age=np.inf), ["age"])
    with pytest.raises(AnalysisError, match="score missing in 2 rows"):
        impute_clinical(rows.assign(score=rows["score"].where(rows.index > 8)), ["c3"], outcome=None, helpers=["score"])
