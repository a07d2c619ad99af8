from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed import icc, repeated_measures_correlation

STORED = Path(__file__).parents[1] / "reference"
DATA = pd.read_csv(STORED / "agreement_data.csv")
R = pd.read_csv(STORED / "agreement.csv", index_col="what")
SAME = {"rel": 1e-10}  # the same sums of squares, added in another order


def test_icc_of_the_textbook():
    # Shrout and Fleiss 1979, table 2 (6 targets, 4 judges): ICC(1,1) = 0.17
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    e = icc(np.ravel(ratings), np.repeat(np.arange(6), 4))
    assert e.value == pytest.approx(0.1657, abs=5e-5)
    assert e.ci_low < e.value < e.ci_high and (e.n_patients, e.n_rows) == (6, 24)


def test_icc_that_cannot_be_had_says_so():
    assert "two values" in icc([1.0, 2.0, 3.0], ["a", "b", "c"]).note
    assert "no variation" in icc([1.0, 1.0, 2.0, 2.0], ["a", "a", "b", "b"]).note
    assert math.isnan(icc([1.0, 2.0], ["a", "a"]).value)
    with pytest.raises(AnalysisError, match="1 missing"):
        icc([1.0, math.nan], ["a", "a"])


@pytest.mark.parametrize(("what", "rows"), [("icc", DATA), ("icc_pairs", DATA[DATA["visit"] <= 2])])
def test_icc_is_that_of_r(what, rows):
    e = icc(rows["y"], rows["patient"])
    assert [e.value, e.ci_low, e.ci_high] == pytest.approx(R.loc[what, ["value", "low", "high"]].tolist(), **SAME)


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning:pingouin")
def test_icc_of_equal_groups_is_that_of_reml_and_of_pingouin():
    pairs = DATA[DATA["visit"] <= 2]
    e = icc(pairs["y"], pairs["patient"])
    assert e.value == pytest.approx(R.loc["icc_pairs_reml", "value"], abs=1e-6), "nlme's optimiser"
    found = pingouin.intraclass_corr(pairs, targets="patient", raters="visit", ratings="y").set_index("Type")
    assert e.value == pytest.approx(found.loc["ICC(1,1)", "ICC"], abs=1e-9)
    assert [e.ci_low, e.ci_high] == pytest.approx(list(found.loc["ICC(1,1)", "CI95"]), abs=0.0051), "rounded there"


def test_correlation_within_patients_is_that_of_r():
    e = repeated_measures_correlation(DATA, "x", "y", "patient")
    row = R.loc["rmcorr"]
    assert [e.value, e.ci_low, e.ci_high] == pytest.approx(row[["value", "low", "high"]].tolist(), **SAME)
    assert e.p_value == pytest.approx(row["p_value"], rel=1e-8) and e.df == row["df"]
    assert (e.n_patients, e.n_rows) == (24, len(DATA))


def test_differences_between_patients_do_not_count():
    shift = DATA["patient"].map({p: 50.0 * i for i, p in enumerate(DATA["patient"].unique())})
    moved = repeated_measures_correlation(DATA.assign(x=DATA["x"] + shift), "x", "y", "patient")
    assert moved.value == pytest.approx(R.loc["rmcorr", "value"], rel=1e-6)
    narrow = repeated_measures_correlation(DATA, "x", "y", "patient", level=0.5)
    assert moved.ci_low < narrow.ci_low < narrow.value < narrow.ci_high < moved.ci_high


def test_rows_without_a_value_and_single_visits_carry_nothing():
    more = pd.concat([DATA, pd.DataFrame({"patient": ["Z", "P01"], "x": [1.0, np.nan], "y": [9.0, 1.0]})])
    e = repeated_measures_correlation(more, "x", "y", "patient")
    assert e.value == pytest.approx(R.loc["rmcorr", "value"], **SAME) and e.n_rows == len(DATA)


def test_a_correlation_that_cannot_be_had_says_so():
    flat = DATA.assign(x=DATA["patient"].str[1:].astype(float) / 7)
    for rows in (flat, DATA[DATA["visit"] == 1], DATA[DATA["patient"] < "P03"]):
        e = repeated_measures_correlation(rows, "x", "y", "patient")
        assert math.isnan(e.value) and "not estimable" in e.note
    with pytest.raises(UsageError, match="no such column"):
        repeated_measures_correlation(DATA, "x", "sledai", "patient")
    with pytest.raises(UsageError, match="itself"):
        repeated_measures_correlation(DATA, "x", "x", "patient")
