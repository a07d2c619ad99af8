from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.features import check_features
from lumier_analysis.signature.recipe import Recipe


@pytest.fixture
def frame():
    return pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [0.5, 0.1, 0.2]}, index=["s1", "s2", "s3"])


def check(frame, event=(1, 0, 0), patients=("B", "A", "B"), recipe=None):
    return check_features(frame, event, patients, recipe)


def test_rows_become_arrays(frame):
    data = check(frame.astype("Float64"))
    np.testing.assert_array_equal(data.x, frame.to_numpy())
    assert data.event.tolist() == [True, False, False] and data.patient.tolist() == [1, 0, 1]
    assert data.columns == ("a", "b") and data.n_patients == 2 and data.note == ""


def test_features_that_carry_nothing_are_named(frame):
    data = check(frame.assign(c=2.0, d=np.nan, e=[1.0, np.nan, 1.0]))
    assert data.note == "3 features are constant or empty and cannot be selected: c, d, e"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": lambda f: f.iloc[1:]}, "length"),
        ({"frame": lambda f: f.set_axis(["s"] * 3)}, "doubled row labels"),
        ({"frame": lambda f: f.replace(0.1, np.inf)}, "1 values"),
        ({"frame": lambda f: f.assign(c=list("xyz"))}, "features must be numbers"),
        ({"event": (1, 0, 2)}, "must be 0 or 1"),
        ({"recipe": Recipe(("a", "b", "c"))}, "2 columns, the recipe has 3"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(frame, change, message):
    make = change.pop("frame", lambda f: f)
    with pytest.raises(AnalysisError, match=message):
        check(make(frame), **change)
