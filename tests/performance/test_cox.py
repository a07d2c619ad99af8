from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import cox

REFERENCE = Path(__file__).parents[1] / "reference"
ROWS = pd.read_csv(REFERENCE / "survival_data.csv")
R = pd.read_csv(REFERENCE / "survival_cox.csv", index_col=["kind", "term"])


@pytest.mark.parametrize(("kind", "cluster"), [("clustered", ROWS["patient"]), ("single", None)])
def test_r_survival(kind, cluster):
    found = cox(ROWS["time"], ROWS["event"], ROWS[["high", "z"]], cluster=cluster)
    want = R.loc[kind]
    np.testing.assert_allclose(found["coef"], want["coef"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found["se"], want["se"], rtol=1e-6)
    np.testing.assert_allclose(found["hazard_ratio"], np.exp(found["coef"]))
    half = 1.959963984540054 * found["se"]
    np.testing.assert_allclose(np.log(found[["ci_low", "ci_high"]]).T, [found["coef"] - half, found["coef"] + half])
    assert found["n_events"].iloc[0] == (ROWS["event"] == 1).sum()
    assert (found["note"] == "").all()


def test_units_and_doubling_within_patients():
    one = cox(ROWS["time"], ROWS["event"], ROWS[["z"]], cluster=ROWS["patient"])
    tenfold = cox(ROWS["time"], ROWS["event"], 10 * ROWS[["z"]], cluster=ROWS["patient"])
    np.testing.assert_allclose(10 * tenfold[["coef", "se"]], one[["coef", "se"]], rtol=1e-8)
    twice = pd.concat([ROWS, ROWS], ignore_index=True)
    double = cox(twice["time"], twice["event"], twice[["z"]], cluster=twice["patient"])
    np.testing.assert_allclose(double[["coef", "se"]], one[["coef", "se"]], rtol=1e-6, atol=1e-9)
    naive = cox(twice["time"], twice["event"], twice[["z"]])
    assert naive["se"].iloc[0] < 0.8 * cox(ROWS["time"], ROWS["event"], ROWS[["z"]])["se"].iloc[0]


def test_what_cannot_be_estimated_says_so():
    high = ROWS[["high"]]
    cases = [
        (cox(ROWS["time"], 0 * ROWS["event"], high), "no event"),
        (cox(ROWS["time"], ROWS["event"].where(ROWS["high"] == 1, 0), high), "no maximum"),
        (cox([1, 2, 3], [0, 0, 1], pd.DataFrame({"x": [1, 2, 4]})), "nobody else"),
    ]
    for table, why in cases:
        assert table["note"].str.contains(why).all() and table["coef"].isna().all()
    alone = cox(ROWS["time"], ROWS["event"], high, cluster=np.ones(len(ROWS)))
    assert "too few patients" in alone["note"].iloc[0] and np.isnan(alone["se"].iloc[0])
    assert alone["hazard_ratio"].notna().all()


def test_rows_censored_before_the_first_event_count_and_do_no_harm():
    # coxph(Surv(1:5, c(0,1,0,0,0)) ~ x, robust = TRUE) of survival 3.5-3: coef -0.2219, robust se 0.6816
    table = cox([1, 2, 3, 4, 5], [0, 1, 0, 0, 0], pd.DataFrame({"x": [0, 1, 2, 0, 1.5]})).loc["x"]
    assert (round(table["coef"], 4), round(table["se"], 4)) == (-0.2219, 0.6816)
    assert (table["n_rows"], table["n_events"], table["note"]) == (5, 1, "")


def test_perfect_order_has_no_maximum():
    table = cox([1, 2, 3, 4], [1, 1, 1, 1], pd.DataFrame({"x": [4, 3, 2, 1]}))
    assert "no maximum" in table["note"].iloc[0] and np.isnan(table["coef"].iloc[0])


@pytest.mark.parametrize(
    ("x", "why"),
    [
        ({"x": [1, 1, 1, 1]}, "one value only.*x"),
        ({"x": [1, 2, 3, 5], "y": [2, 4, 6, 10]}, "determined by the others"),
        ({"x": [1, np.nan, 3, 4]}, "x has missing"),
        ({"x": [1, np.inf, 3, 4]}, "x has infinite"),
        ({}, "no covariate"),
    ],
)
def test_bad_input(x, why):
    with pytest.raises(AnalysisError, match=why):
        cox([1, 2, 3, 4], [1, 0, 1, 1], pd.DataFrame(x))
