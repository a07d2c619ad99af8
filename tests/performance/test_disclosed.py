from __future__ import annotations

from collections import defaultdict
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.performance import aalen_johansen, kaplan_meier
from lumier_analysis.performance.disclosed import disclosed_curves, shown_at_risk, shown_days
from lumier_analysis.performance.survival import censor_after, risk_groups

DAYS = [91, 182, 273, 350]


def drawn(n=200, seed=0, hazard=1 / 900, competing=0.0):
    rng = np.random.default_rng(seed)
    flare = rng.exponential(1 / hazard, n)
    other = rng.exponential(1 / competing, n) if competing else np.full(n, np.inf)
    lost = np.minimum(rng.exponential(3000, n), rng.normal(362, 8, n))
    time = np.maximum(1, np.ceil(np.minimum(np.minimum(flare, other), lost)))
    event = np.where(flare <= np.minimum(other, lost), 1, np.where(other <= lost, 2, 0))
    group = np.where(rng.random(n) < 0.4, "high", "low")
    return time, event, group


def cells(time, event, kind=1):
    edges = [0, *DAYS, np.inf]
    return np.array([((time > a) & (time <= b) & (event == kind)).sum() for a, b in pairwise(edges)])


def steps(table, kind="survival"):
    """Return the intervals between the days shown, as positions of DAYS."""
    places = [0, *(DAYS.index(t) + 1 for t in table["time"][1:])]
    return [*pairwise([*places, len(DAYS) + 1])]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("curve", [kaplan_meier, aalen_johansen])
def test_every_interval_shown_holds_no_or_many_events(seed, curve):
    rng = np.random.default_rng(seed)
    time, event, group = drawn(int(rng.integers(12, 220)), seed, competing=1 / 2000)
    shown, at_risk, _ = disclosed_curves(curve(time, event, group=group), DAYS, minimum=5)
    for name, part in shown.groupby("group"):
        mine = group == name
        found = cells(time[mine], event[mine])
        others = cells(time[mine], event[mine], 2)
        for a, b in steps(part):
            total = found[a:b].sum()
            assert total == 0 or total >= 5
            if curve is aalen_johansen and others.sum() >= 5:
                assert others[a:b].sum() == 0 or others[a:b].sum() >= 5
        for day in part["time"][1:]:
            assert (time[mine] >= day).sum() >= 10
    known = at_risk.to_numpy()[:, 1:]
    known = known[~np.isnan(known)]
    assert ((known == 0) | (known >= 5)).all()


@pytest.mark.parametrize("seed", range(6))
def test_moving_patients_within_an_interval_moves_nothing(seed):
    """What is shown cannot give a day away: it is the same whatever the days within the intervals."""
    rng = np.random.default_rng(seed)
    time, event, group = drawn(160, seed)
    edges = np.array([0, *DAYS, 500])
    place = np.searchsorted(edges[1:], time)
    other_days = np.ceil(edges[place] + rng.random(time.size) * (edges[place + 1] - edges[place]))
    # Who is censored on a day shown counts as followed to it, and stays there.
    kept = np.where(np.isin(time, DAYS), time, np.minimum(other_days, edges[place + 1] - 1))
    other_days = np.where(event == 0, kept, other_days)
    names = pd.Categorical(group, ["high", "low"], ordered=True)
    first = disclosed_curves(kaplan_meier(time, event, group=names), DAYS)
    second = disclosed_curves(kaplan_meier(other_days, event, group=names), DAYS)
    pd.testing.assert_frame_equal(first.curves, second.curves)
    pd.testing.assert_frame_equal(first.at_risk, second.at_risk)
    assert first.note == second.note


def test_losses_of_one_and_of_none_look_the_same():
    """One patient lost, or nobody: the numbers at risk are shown alike, and the curve rests on those."""
    time, event = np.r_[np.arange(1, 11), np.full(70, 300.0)], np.r_[np.ones(10), np.zeros(70)].astype(int)
    shown = []
    for lost in range(3):
        t = time.copy()
        t[10 : 10 + lost] = 50
        shown.append(disclosed_curves(kaplan_meier(t, event), [91, 182]))
    for other in shown[1:]:
        pd.testing.assert_frame_equal(shown[0].curves, other.curves)
        pd.testing.assert_frame_equal(shown[0].at_risk, other.at_risk)


def test_no_small_cell_is_unique_to_what_is_shown_even_for_who_knows_the_rule():
    """All tables of events in two intervals and the rest, of losses in two: what does a reader learn who is told the
    days shown, the events between them, the total and the numbers at risk shown, and who knows the code?"""
    least, size = 3, 16
    consistent = defaultdict(list)
    for events in product(range(9), repeat=3):
        if 0 < sum(events) < least or sum(events) > 8:
            continue  # no curve at all; beyond 8 in all nothing new
        for lost in product(range(size + 1), repeat=2):
            n = [size, size - events[0] - lost[0]]
            n.append(n[1] - events[1] - lost[1])
            if n[2] < events[2]:
                continue
            kept = shown_days(n, [events], least)
            sums = tuple(sum(events[a:b]) for a, b in pairwise([*kept, 3]))
            at_risk = tuple(np.nan_to_num(shown_at_risk(n, events, kept, least), nan=-1))
            consistent[tuple(kept), sums, at_risk].append((*events, *lost, *n[1:]))
    assert len(consistent) > 50
    for shown, tables in consistent.items():
        for column in np.array(tables).T:
            values = set(column.tolist())
            assert len(values) > 1 or values.pop() not in (1, 2), shown


@pytest.mark.parametrize("seed", range(8))
def test_it_lies_close_to_kaplan_meier_and_its_limits_are_no_narrower(seed):
    time, event, group = drawn(300, seed, hazard=1 / 600)
    km = kaplan_meier(time, event, group=group)
    shown = disclosed_curves(km, DAYS).curves
    for name, part in shown.groupby("group"):
        for line in part.iloc[1:].itertuples():
            want = km[(km["group"] == name) & (km["time"] <= line.time)].iloc[-1]
            assert line.survival == pytest.approx(want["survival"], abs=0.015)
            assert line.ci_low < want["ci_low"] + 0.012 and line.ci_high > want["ci_high"] - 0.012
            assert line.ci_high - line.ci_low > 0.98 * (want["ci_high"] - want["ci_low"])


def test_without_losses_it_is_the_proportion():
    time, event = np.r_[np.full(20, 50.0), np.full(20, 150.0), np.full(60, 400.0)], np.r_[np.ones(40), np.zeros(60)]
    shown = disclosed_curves(kaplan_meier(time, event), [91, 182]).curves
    assert shown["survival"].tolist() == pytest.approx([1, 0.8, 0.6], abs=0.01)
    low, high = kaplan_meier(time, event).iloc[2][["ci_low", "ci_high"]]
    # The upper limit is that of nobody lost, which is the truth here.
    assert low - 0.02 < shown["ci_low"].iloc[2] < low
    assert shown["ci_high"].iloc[2] == pytest.approx(high, abs=1e-12)
    plain = disclosed_curves(kaplan_meier(time, event), [91, 182], minimum=1).curves
    assert plain["survival"].tolist() == pytest.approx([1, 0.8, 0.6], rel=1e-12)
    assert plain["ci_low"].iloc[2] == pytest.approx(low, abs=1e-12) and plain["ci_low"].iloc[2] < 0.6


def test_incidence_with_competing_events():
    time, event, _ = drawn(2000, 3, hazard=1 / 500, competing=1 / 500)
    aj = aalen_johansen(time, event)
    shown = disclosed_curves(aj, DAYS, minimum=1).curves
    for line in shown.iloc[1:].itertuples():
        want = aj[aj["time"] <= line.time].iloc[-1]
        assert line.incidence == pytest.approx(want["incidence"], abs=0.01)
        assert line.ci_high - line.ci_low == pytest.approx(want["ci_high"] - want["ci_low"], rel=0.05)


def test_few_competing_events_are_named_and_cannot_be_read_off():
    time, event, _ = drawn(150, 5)
    deaths = np.flatnonzero(event == 0)[:2]
    shown = []
    for kind in (0, 2):
        e = event.copy()
        e[deaths[0]] = 2
        e[deaths[1]] = kind
        shown.append(disclosed_curves(aalen_johansen(time, e), DAYS))
    assert "fewer than 5 competing events, counted as censored" in shown[0].note
    pd.testing.assert_frame_equal(shown[0].curves, shown[1].curves)
    assert shown[0].note == shown[1].note


def test_few_events_in_one_group_hide_another_too():
    time = np.r_[np.full(3, 50.0), np.full(47, 360.0), np.full(12, 60.0), np.full(40, 360.0)]
    event = np.r_[np.ones(3), np.zeros(47), np.ones(12), np.zeros(40)].astype(int)
    group = np.repeat(["low", "high"], [50, 52])
    shown, at_risk, note = disclosed_curves(kaplan_meier(time, event, group=group), DAYS)
    assert shown.empty and "Curves of 2 groups withheld" in note and at_risk.iloc[:, 1:].isna().all().all()
    third = np.r_[time, np.full(20, 70.0), np.full(30, 360.0)]
    event3 = np.r_[event, np.ones(20), np.zeros(30)].astype(int)
    group3 = np.r_[group, np.repeat("third", 50)]
    shown = disclosed_curves(kaplan_meier(third, event3, group=group3), DAYS).curves
    assert shown["group"].unique().tolist() == ["third"]


def test_small_empty_and_eventless_groups():
    shown, at_risk, note = disclosed_curves(kaplan_meier([5, 6, 7, 8], [1, 0, 1, 0]), [91])
    assert shown.empty and at_risk.isna().all().all() and "fewer than 5 patients" in note
    one = disclosed_curves(kaplan_meier([5.0], [1]), [91])
    assert one.curves.empty and one.at_risk.isna().all().all()
    time, group = np.full(23, 360.0), np.repeat(["low", "high"], [20, 3])
    shown, at_risk, note = disclosed_curves(kaplan_meier(time, np.zeros(23), group=group), DAYS)
    assert shown.empty and at_risk.isna().all().all(), "20 of 23 would tell the 3"
    flat = disclosed_curves(kaplan_meier(np.full(20, 360.0), np.zeros(20)), DAYS).curves
    assert flat["survival"].eq(1).all() and flat["ci_low"].isna().all() and flat["note"].ne("").all()
    assert flat["time"].tolist() == [0, *DAYS]
    score = pd.Series(np.linspace(1, 2, 20))
    alone = kaplan_meier(np.full(20, 360.0), np.zeros(20), group=risk_groups(score, 0.5))
    assert disclosed_curves(alone, DAYS).at_risk.index.tolist() == ["Score at or above"]


def test_the_curve_ends_where_few_are_left():
    time = np.r_[np.full(10, 50.0), np.full(37, 120.0), np.full(3, 400.0)]
    event = np.r_[np.ones(10), np.zeros(40)].astype(int)
    shown, at_risk, _ = disclosed_curves(kaplan_meier(time, event), DAYS)
    assert shown["time"].tolist() == [0, 91]
    assert at_risk.iloc[0].tolist()[:2] == [50, 38] and at_risk.iloc[0, 2:].isna().all()


def test_days_are_chosen_to_reach_far():
    assert shown_days([50, 45, 43, 40], [[5, 2, 3, 0]], 5) == [0, 1, 3]
    assert shown_days([50, 48, 43, 40], [[2, 5, 5, 0]], 5) == [0, 2, 3]
    assert shown_days([50, 45, 40, 38], [[5, 5, 2, 0]], 5) == [0, 1, 3]
    assert shown_days([50, 45, 40, 38], [[5, 5, 0, 2]], 5) == [0, 1], "the two at the end hide with five more"
    assert shown_days([50, 45], [[2, 0]], 5) == [0]


def test_events_after_the_last_day_call_for_an_end_of_follow_up():
    time = np.r_[np.full(10, 50.0), np.full(2, 355.0), np.full(40, 360.0)]
    event = np.r_[np.ones(12), np.zeros(40)].astype(int)
    assert disclosed_curves(kaplan_meier(time, event), DAYS).curves["time"].tolist() == [0]
    cut = censor_after(time, event, 350)
    assert disclosed_curves(kaplan_meier(*cut), DAYS).curves["time"].tolist() == [0, *DAYS]


def test_what_is_refused():
    km = kaplan_meier([5, 6], [1, 0])
    with pytest.raises(UsageError, match="no n_events"):
        disclosed_curves(km.drop(columns="n_events"), DAYS)
    with pytest.raises(UsageError, match="several rows"):
        disclosed_curves(kaplan_meier([5, 6], [1, 0], cluster=["a", "a"]), DAYS)
    with pytest.raises(UsageError, match="1 or more"):
        disclosed_curves(km, DAYS, minimum=0)
