from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import aalen_johansen, kaplan_meier, numbers_at_risk
from lumier_analysis.performance.survival import RISK_LABELS, censor_after, risk_groups

REFERENCE = Path(__file__).parents[1] / "reference"
ROWS = pd.read_csv(REFERENCE / "survival_data.csv")
R = pd.read_csv(REFERENCE / "survival_curves.csv")


def at(curves, group, time):
    return curves[(curves["group"] == str(group)) & (curves["time"] <= time)].iloc[-1]


@pytest.mark.parametrize("kind", ["km", "km_cluster", "aj"])
def test_r_survival(kind):
    cluster = ROWS["patient"] if kind == "km_cluster" else None
    curve = aalen_johansen if kind == "aj" else kaplan_meier
    found = curve(ROWS["time"], ROWS["event"], group=ROWS["high"], cluster=cluster)
    for want in R[R["kind"] == kind].itertuples():
        line = at(found, want.group, want.time)
        assert line["incidence" if kind == "aj" else "survival"] == pytest.approx(want.value, rel=1e-12)
        assert line["se"] == pytest.approx(want.se, rel=1e-10)
        if kind != "aj":  # R gives other limits for the incidence
            assert (line["ci_low"], line["ci_high"]) == pytest.approx((want.low, want.high), rel=1e-10)


def test_at_risk_is_r_s():
    found = numbers_at_risk(ROWS["time"], [56, 140, 280], group=ROWS["high"])
    want = R[R["kind"] == "km"]
    for line in want.itertuples():
        assert found.at[str(line.group), line.time] == line.at_risk
    assert numbers_at_risk([1, 2], [0, 1, 3]).loc["all"].tolist() == [2, 2, 0]


def test_without_competing_events_the_incidence_is_one_minus_survival():
    event = ROWS["event"].replace(2, 0)
    km = kaplan_meier(ROWS["time"], event, cluster=ROWS["patient"])
    aj = aalen_johansen(ROWS["time"], event, cluster=ROWS["patient"])
    np.testing.assert_allclose(aj["incidence"], 1 - km["survival"], atol=1e-12)
    np.testing.assert_allclose(aj["se"], km["se"], atol=1e-12)
    np.testing.assert_allclose(aj["ci_high"], 1 - km["ci_low"], atol=1e-12)


def test_without_censoring_it_is_a_proportion():
    km = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1])
    assert km["survival"].tolist() == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert km["se"].tolist()[1] == pytest.approx(np.sqrt(0.75 * 0.25 / 4))


def test_counts_add_up():
    curves = kaplan_meier(ROWS["time"], ROWS["event"], group=ROWS["high"])
    assert curves[["n_events", "n_competing", "n_censored"]].sum().sum() == len(ROWS)
    assert curves[curves["time"] == 0]["at_risk"].sum() == len(ROWS)


def test_order_of_groups():
    group = pd.Categorical(np.where(ROWS["high"] == 1, "high", "low"), ["low", "high"], ordered=True)
    assert kaplan_meier(ROWS["time"], ROWS["event"], group=group)["group"].unique().tolist() == ["low", "high"]


def test_borders_say_so():
    km = kaplan_meier([1, 2, 3], [0, 1, 1])
    missing = km["ci_low"].isna()
    assert missing.tolist() == [True, True, False, True]
    assert (km.loc[missing, "note"] != "").all() and (km.loc[~missing, "note"] == "").all()
    none = kaplan_meier([1, 2, 3], [0, 0, 2])
    assert (none["survival"] == 1).all() and none["note"].str.contains("no event").all()
    assert aalen_johansen([1, 2, 3], [1, 1, 1])["incidence"].iloc[-1] == pytest.approx(1)


def test_bad_input():
    for time, event, why in (
        ([1, np.nan], [0, 1], "missing"),
        ([1, np.inf], [0, 1], "infinite"),
        ([0, 1], [0, 1], "above 0"),
        ([1, 2], [0, 4], "event must be"),
        ([], [], "no row"),
    ):
        for curve in (kaplan_meier, aalen_johansen):
            with pytest.raises(AnalysisError, match=why):
                curve(time, event)
    with pytest.raises(AnalysisError, match="group has missing"):
        kaplan_meier([1, 2], [0, 1], group=["a", None])
    with pytest.raises(AnalysisError, match="group and time differ"):
        kaplan_meier([1, 2], [0, 1], group=["a"])
    with pytest.raises(AnalysisError, match="times must be"):
        numbers_at_risk([1, 2], [-1])


def test_risk_groups_split_at_or_above():
    score = pd.Series([0.1, 0.5, 0.9], index=[3, 5, 7])
    found = risk_groups(score, 0.5)
    assert found.tolist() == [RISK_LABELS[0], RISK_LABELS[1], RISK_LABELS[1]]
    assert found.index.tolist() == [3, 5, 7] and found.cat.ordered
    assert risk_groups([0.1, 0.2], 0.0, labels=("a", "b")).tolist() == ["b", "b"]
    for given, threshold, labels in (([np.nan], 0, ("a", "b")), ([1.0], np.nan, ("a", "b")), ([1.0], 0, ("a", "a"))):
        with pytest.raises(AnalysisError):
            risk_groups(given, threshold, labels=labels)


def test_end_of_follow_up():
    time, event = censor_after([10, 91, 92, 400], [2, 1, 1, 2], 91)
    assert time.tolist() == [10, 91, 91, 91] and event.tolist() == [2, 1, 0, 0]
    whole, cut = (
        kaplan_meier(ROWS["time"], ROWS["event"]),
        kaplan_meier(*censor_after(ROWS["time"], ROWS["event"], 200)),
    )
    last = cut.iloc[-1]["survival"]
    assert last == pytest.approx(whole[whole["time"] <= 200].iloc[-1]["survival"], rel=1e-14)
    with pytest.raises(AnalysisError):
        censor_after([1], [1], 0)
