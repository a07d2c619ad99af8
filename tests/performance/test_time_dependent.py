from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sksurv.metrics import cumulative_dynamic_auc
from sksurv.util import Surv

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import auc, time_dependent_auc

REFERENCE = Path(__file__).parents[1] / "reference"


def follow_up(seed=3, n=80, ties=False):
    rng = np.random.default_rng(seed)
    marker = rng.standard_normal(n)
    causes = np.column_stack([rng.exponential(300 * np.exp(-marker)), rng.exponential(900, n), rng.exponential(500, n)])
    time, event = causes.min(axis=1), np.array([1, 2, 0])[causes.argmin(axis=1)]
    if ties:
        time, marker = np.ceil(time / 60) * 60, np.round(marker)
    return time, event, marker


def by_definition(time, event, marker, t, weight, as_control):
    """The estimator written down pair by pair, with a weight for each row."""
    u = np.unique(time)
    g, at = 1.0, {}
    for s in u:
        at[s] = g
        exposed = weight[(time > s) | ((time == s) & (event == 0))].sum()
        if exposed > 0:
            g *= 1 - weight[(time == s) & (event == 0)].sum() / exposed
        if s <= t:
            g_t = g
    top = bottom = 0.0
    for i in np.flatnonzero((time <= t) & (event == 1)):
        for j in range(time.size):
            if time[j] > t:
                w = weight[i] * weight[j] / at[time[i]] / g_t
            elif event[j] == 2 and as_control:
                w = weight[i] * weight[j] / at[time[i]] / at[time[j]]
            else:
                continue
            top += w * ((marker[i] > marker[j]) + 0.5 * (marker[i] == marker[j]))
            bottom += w
    return top / bottom


@pytest.mark.parametrize("competing", ["excluded", "control"])
@pytest.mark.parametrize("ties", [False, True])
def test_value_and_se_are_those_of_the_definition(competing, ties):
    time, event, marker = follow_up(n=40, ties=ties)
    t = 240.0
    line = time_dependent_auc(time, event, marker, [t], competing=competing).iloc[0]
    one = np.ones(40)
    assert line["auc"] == pytest.approx(by_definition(time, event, marker, t, one, competing == "control"), abs=1e-12)
    slopes = []
    for row in range(40):  # derivative by the weight of a row, by central differences
        up, down = one.copy(), one.copy()
        up[row], down[row] = 1 + 1e-5, 1 - 1e-5
        both = [by_definition(time, event, marker, t, w, competing == "control") for w in (up, down)]
        slopes.append((both[0] - both[1]) / 2e-5)
    assert line["se"] == pytest.approx(np.sqrt(40 / 39 * np.square(slopes).sum()), rel=1e-6)


def test_without_censoring_it_is_the_auc_of_having_the_event_by_then():
    time, _, marker = follow_up()
    event = np.ones(80, int)
    for t in (100, 300):
        line = time_dependent_auc(time, event, marker, t).iloc[0]
        want = auc(time <= t, marker)
        assert line["auc"] == pytest.approx(want.value, abs=1e-12)
        assert line["se"] == pytest.approx(want.se, rel=0.03)  # DeLong divides by M - 1 and N - 1


def test_scikit_survival_agrees():
    time, event, marker = follow_up(n=200)
    event[event == 2] = 0
    y = Surv.from_arrays(event == 1, time)
    want = cumulative_dynamic_auc(y, y, marker, [91, 182, 350])[0]
    np.testing.assert_allclose(time_dependent_auc(time, event, marker, [91, 182, 350])["auc"], want, atol=1e-12)


@pytest.mark.parametrize("kind", ["competing", "none"])
def test_risk_regression(kind):
    rows = pd.read_csv(REFERENCE / "time_dependent_auc_data.csv")
    want = pd.read_csv(REFERENCE / "time_dependent_auc.csv").set_index("kind").loc[kind]
    event = rows["event"] if kind == "competing" else rows["event"].replace(2, 0)
    found = time_dependent_auc(rows["time"], event, rows["marker"], want["time"], competing="control")
    np.testing.assert_allclose(found["auc"], want["auc"], rtol=1e-12)
    # riskRegression takes the influence of the Nelson-Aalen estimate for that of Kaplan-Meier's.
    np.testing.assert_allclose(found["se"], want["se"], rtol=1e-5)


def test_identities():
    time, event, marker = follow_up(ties=True)
    first = time_dependent_auc(time, event, marker, [350, 91])
    assert first["time"].tolist() == [350, 91]
    turned = time_dependent_auc(time, event, -marker, [350, 91])
    np.testing.assert_allclose(turned["auc"], 1 - first["auc"], atol=1e-12)
    np.testing.assert_allclose(turned["se"], first["se"], rtol=1e-10)
    stretched = time_dependent_auc(2 * time, event, np.exp(marker), [700, 182])
    np.testing.assert_allclose(stretched[["auc", "se"]], first[["auc", "se"]], rtol=1e-12)
    order = np.random.default_rng(0).permutation(80)
    again = time_dependent_auc(time[order], event[order], marker[order], [350, 91])
    np.testing.assert_allclose(again[["auc", "se"]], first[["auc", "se"]], rtol=1e-10)


def test_censoring_after_the_horizon_changes_nothing():
    time, event, marker = follow_up()
    cut = time_dependent_auc(np.minimum(time, 200), np.where(time > 200, 0, event), marker, [150])
    whole = time_dependent_auc(time, event, marker, [150])
    np.testing.assert_allclose(cut[["auc", "se"]], whole[["auc", "se"]], rtol=1e-12)


def test_the_interval_covers():
    truth_rows = follow_up(seed=9, n=200_000)
    rng = np.random.default_rng(4)
    marker = rng.standard_normal(400_000)
    event_time, other = rng.exponential(300 * np.exp(-marker)), rng.exponential(900, 400_000)
    case = (event_time <= 182) & (event_time < other)
    control = np.minimum(event_time, other) > 182
    keep = case | control
    truth = auc(case[keep], marker[keep]).value
    big = time_dependent_auc(*truth_rows, [182]).iloc[0]
    assert abs(big["auc"] - truth) < 4 * big["se"]
    lines = [time_dependent_auc(*follow_up(seed=s, n=100), [182]).iloc[0] for s in range(400)]
    covered = np.mean([line["ci_low"] <= truth <= line["ci_high"] for line in lines])
    assert 0.92 <= covered <= 0.98  # 0.95 within 2.75 Monte-Carlo standard errors
    spread = np.std([line["auc"] for line in lines], ddof=1)
    assert np.mean([line["se"] for line in lines]) == pytest.approx(spread, rel=0.1)


def test_what_cannot_be_estimated_says_so():
    time, event, marker = follow_up()
    assert "no event by 91" in time_dependent_auc(time, 0 * event, marker, [91]).at[0, "note"]
    late = time_dependent_auc(time, event, marker, [1e6]).iloc[0]
    assert np.isnan(late["auc"]) and "outside follow-up" in late["note"]
    perfect = time_dependent_auc([1, 2, 3, 4], [1, 1, 0, 0], [4, 3, 2, 1], [2.5]).iloc[0]
    assert perfect["auc"] == 1 and np.isnan(perfect["se"]) and "AUC of 1" in perfect["note"]
    flat = time_dependent_auc(time, event, 0 * marker, [91]).iloc[0]
    assert flat["auc"] == pytest.approx(0.5, abs=1e-12) and "constant marker" in flat["note"]
    single = time_dependent_auc([1, 2, 3, 4], [1, 0, 0, 0], [2.5, 3, 2, 1], [1.5]).iloc[0]
    assert single["auc"] == pytest.approx(2 / 3) and "single case" in single["note"]
    assert time_dependent_auc([1], [1], [0.2], [2]).at[0, "note"].startswith("time outside")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"marker": [1, np.nan, 2]}, "marker has missing"),
        ({"marker": [1, np.inf, 2]}, "marker has infinite"),
        ({"time": [1, np.nan, 2]}, "time has missing"),
        ({"time": [0, 1, 2]}, "time must be above 0"),
        ({"event": [0, 1, 3]}, "event must be 0"),
        ({"event": [0, 1]}, "differ in length"),
        ({"times": [0]}, "times must be finite"),
        ({"times": [np.nan]}, "times must be finite"),
        ({"times": []}, "times must be finite"),
        ({"times": ["soon"]}, "times are not numbers"),
        ({"time": [], "event": [], "marker": []}, "no row"),
    ],
)
def test_bad_input(change, why):
    with pytest.raises(AnalysisError, match=why):
        time_dependent_auc(**({"time": [1, 2, 3], "event": [0, 1, 0], "marker": [1, 2, 3], "times": [2]} | change))


def test_unknown_options():
    for wrong in ({"competing": "case"}, {"interval": "percentile"}):
        with pytest.raises(UsageError, match="Unknown"):
            time_dependent_auc([1, 2, 3], [0, 1, 0], [1, 2, 3], [2], **wrong)
