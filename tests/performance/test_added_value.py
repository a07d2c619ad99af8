from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import added_value

REFERENCE = Path(__file__).parents[1] / "reference"
#: Both fits are iterated to convergence; R prints 15 digits.
TIGHT = 1e-7


@pytest.fixture(scope="module")
def d():
    return pd.read_csv(REFERENCE / "added_value_data.csv")


@pytest.fixture(scope="module")
def r():
    return pd.read_csv(REFERENCE / "added_value.csv", index_col="what")["value"]


def study(rng, n=150, frailty=0.0, effect=0.0, intercept=-3.2):
    """Four visits, a lasting and a passing part in both predictors; a patient leaves at her first event."""
    base = 0.7 * rng.standard_normal((n, 1)) + 0.7 * rng.standard_normal((n, 4))
    score = 0.4 * base + 0.6 * rng.standard_normal((n, 1)) + 0.7 * rng.standard_normal((n, 4))
    eta = intercept + 0.6 * base + effect * score + frailty * rng.standard_normal((n, 1))
    event = rng.random((n, 4)) < 1 / (1 + np.exp(-eta))
    seen = np.cumsum(event, axis=1) - event == 0
    return event[seen], score[seen], base[seen], np.repeat(np.arange(n)[:, None], 4, axis=1)[seen]


def test_single_base_agrees_with_r(d, r):
    a = added_value(d["event"], d["score"], d["base"], cluster=d["patient"])
    assert a.score.likelihood_ratio.value == pytest.approx(r["lr_score"], rel=TIGHT)
    assert a.score.likelihood_ratio.p_value == pytest.approx(r["p_lr_score"], rel=TIGHT)
    assert a.base.likelihood_ratio.value == pytest.approx(r["lr_base"], rel=TIGHT)
    for one, name in ((a.score, "score"), (a.base, "base")):
        assert one.coefficient.value == pytest.approx(r[f"coef_{name}"], rel=TIGHT)
        assert one.coefficient.se == pytest.approx(r[f"se_{name}"], rel=TIGHT)
    assert a.score.coefficient.p_value == pytest.approx(r["p_wald_score"], rel=TIGHT)


def test_imputed_base_agrees_with_r(d, r):
    a = added_value(d["event"], d["score"], [d[f"base{i}"] for i in range(1, 6)], cluster=d["patient"])
    for one, name in ((a.score, "score"), (a.base, "base")):
        lr = one.likelihood_ratio
        assert lr.value == pytest.approx(r[f"d3_{name}"], rel=TIGHT)
        assert lr.p_value == pytest.approx(r[f"d3_p_{name}"], rel=TIGHT)
        # The degrees of freedom rest on a difference of nearly equal likelihoods.
        assert lr.df == pytest.approx(r[f"d3_df_{name}"], rel=1e-3)
    # mice estimates the intercept anew at the pooled slopes, which moves the statistic by 1 to 2 %.
    assert a.score.likelihood_ratio.value == pytest.approx(r["mice_d3_score"], rel=0.02)
    c = a.score.coefficient
    assert (c.value, c.se, c.df) == pytest.approx(
        (r["pooled_coef_score"], r["pooled_se_score"], r["pooled_df_score"]), rel=TIGHT
    )


def test_equal_imputations_are_the_single_test(d):
    single = added_value(d["event"], d["score"], d["base"], cluster=d["patient"])
    pooled = added_value(d["event"], d["score"], [d["base"]] * 4, cluster=d["patient"])
    # The standard deviation over rows and imputations has another divisor: the scale of the base only.
    assert pooled.score.likelihood_ratio.value == pytest.approx(single.score.likelihood_ratio.value, rel=1e-9)
    assert pooled.score.likelihood_ratio.p_value == pytest.approx(single.score.likelihood_ratio.p_value, rel=1e-9)
    assert pooled.score.coefficient.se == pytest.approx(single.score.coefficient.se, rel=1e-9)


def test_units_and_calibration_of_the_base_do_not_matter(d):
    a = added_value(d["event"], d["score"], d["base"], cluster=d["patient"])
    b = added_value(d["event"], 5 + 100 * d["score"], 3 + 0.2 * d["base"], cluster=d["patient"])
    assert b.score.coefficient.value == pytest.approx(a.score.coefficient.value, rel=1e-9)
    assert b.score.likelihood_ratio.value == pytest.approx(a.score.likelihood_ratio.value, rel=1e-8)
    assert b.base.likelihood_ratio.value == pytest.approx(a.base.likelihood_ratio.value, rel=1e-8)


def test_the_reverse_is_the_exchange(d):
    a = added_value(d["event"], d["score"], d["base"], cluster=d["patient"])
    b = added_value(d["event"], d["base"], d["score"], cluster=d["patient"])
    assert a.base.coefficient.value == pytest.approx(b.score.coefficient.value, rel=1e-9)
    assert a.base.likelihood_ratio.value == pytest.approx(b.score.likelihood_ratio.value, rel=1e-9)


def test_rows_after_an_event_or_several_events_leave_the_wald_test_alone(d):
    first = d["patient"].iloc[np.flatnonzero(d["event"])[0]]
    own = d[d["patient"] == first]
    after = pd.concat([d, own.assign(event=0)], ignore_index=True)
    again = pd.concat([d, own.tail(1)], ignore_index=True)
    for rows, why in ((after, "1 patients have rows after their event"), (again, "1 patients have several events")):
        a = added_value(rows["event"], rows["score"], rows["base"], cluster=rows["patient"])
        for one in (a.score, a.base):
            assert one.likelihood_ratio.p_value is None and why in one.likelihood_ratio.note
            assert one.coefficient.p_value > 0 and one.likelihood_ratio.value > 0
        assert why in a.table()["note"].iloc[0]
    # Without patients every row stands alone and the likelihood is that of independent rows.
    assert added_value(after["event"], after["score"], after["base"]).score.likelihood_ratio.p_value > 0


def test_repeating_rows_inside_patients_changes_no_wald_test(d):
    once = added_value(d["event"], d["score"], d["base"], cluster=d["patient"]).score
    twice = pd.concat([d, d])
    both = added_value(*(twice[c].to_numpy() for c in ("event", "score", "base")), cluster=twice["patient"].to_numpy())
    # The divisor n - 1 of the standard deviation is all that differs.
    assert both.score.coefficient.p_value == pytest.approx(once.coefficient.p_value, rel=1e-9)
    assert both.score.likelihood_ratio.p_value is None


def test_what_cannot_be_estimated_is_stated():
    rng = np.random.default_rng(3)
    event, score, base, patient = study(rng)
    n = event.size
    only_one = np.zeros(n, dtype=int)
    only_one[np.flatnonzero(event)[0]] = 1
    cases = {
        "an event": (0 * event, score, base),
        "a row without": (0 * event + 1, score, base),
        "two patients have an event": (only_one, score, base),
        "score is constant": (event, 0 * score, base),
        "predictor is constant": (event, score, 0 * base),
        "collinear": (event, 2 * base + 1, base),
        "separated": (event, event + 0.1 * score / np.abs(score).max(), base),
        "separated in 2 of 2": (event, score, [event + 0.1 * base / np.abs(base).max()] * 2),
    }
    for why, columns in cases.items():
        a = added_value(*columns, cluster=patient)
        for one in (a.score, a.base):
            for e in (one.coefficient, one.likelihood_ratio):
                assert (
                    math.isnan(e.value) and e.p_value is None and "separated" in e.note
                    if "sep" in why
                    else why in e.note
                )
        assert "separated" in a._repr_html_() or why in a._repr_html_()


def test_bad_input():
    event, score, base, patient = study(np.random.default_rng(3))
    gap = score.copy()
    gap[:3] = np.nan
    with pytest.raises(AnalysisError, match=r"score has missing.*3 of"):
        added_value(event, gap, base, cluster=patient)
    with pytest.raises(AnalysisError, match="base_linear_predictor of imputation 2 has missing"):
        added_value(event, score, [base, gap], cluster=patient)
    with pytest.raises(AnalysisError, match="two imputations"):
        added_value(event, score, [base], cluster=patient)
    with pytest.raises(AnalysisError, match="differ in length"):
        added_value(event, score[1:], base, cluster=patient)


def rejections(studies, seed, **how):
    rng, lr, wald = np.random.default_rng(seed), 0, 0
    for _ in range(studies):
        event, score, base, patient = study(rng, **how)
        a = added_value(event, score, base, cluster=patient).score
        lr, wald = lr + (a.likelihood_ratio.p_value < 0.05), wald + (a.coefficient.p_value < 0.05)
    return lr / studies, wald / studies


def test_type_one_error_small():
    # 400 studies of 25 events: Monte-Carlo error 1.1 %, limits three of it.
    for share in rejections(400, 8):
        assert 0.05 - 0.033 < share < 0.05 + 0.033


def test_power_is_not_the_level():
    assert min(rejections(60, 9, effect=1.0)) > 0.7


@pytest.mark.proof
@pytest.mark.parametrize("frailty", [0.0, 1.0])
def test_type_one_error(frailty):
    # 4000 studies of 25 to 32 events: Monte-Carlo error 0.34 %; three of it, and 0.5 % for the size of the sample.
    for share in rejections(4000, 10, frailty=frailty):
        assert abs(share - 0.05) < 0.0155
