import threading

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed import parametric_bootstrap
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.parametric_bootstrap import bootstrap_comparison, bootstrap_intervals, simulate

NAMES = {
    "sd Intercept | id": "sd Intercept", "sd month | id": "sd month", "sd residual": "sigma",
    "cor Intercept, month | id": "cor", "Intercept": "(Intercept)",
}  # fmt: skip


@pytest.fixture(scope="module")
def slope(fitted_data):
    return lmm("score ~ arm * month + sex + age", fitted_data, groups="id", random="1 + month", df="normal")


@pytest.fixture(scope="module")
def intercept(fitted_data):
    return lmm("score ~ month", fitted_data, groups="id", df="normal")


def test_intervals_agree_with_a_bootstrap_in_r(slope, r_says):
    table, want = bootstrap_intervals(slope, n_boot=600), r_says("bootstrap slope")
    rows = [NAMES.get(i, i.replace("[T.", "").replace("]", "")) for i in table.index]
    off = (table[["ci_low", "ci_high"]] - want.loc[rows, ["ci_low", "ci_high"]].to_numpy()).div(table["se"], axis=0)
    # The quantile of 600 draws against that of 1000: a standard error of 0.14, four of them for 24 limits.
    assert off.abs().max(axis=None) < 0.56
    # and on the average they do not drift
    assert abs(off.mean(axis=None)) < 0.1
    assert (table["n_used"] >= 590).all()


def test_the_spread_is_that_of_the_model(slope):
    table = bootstrap_intervals(slope, n_boot=400)
    # Standard errors of 400 draws: 3.5 % each.
    ratio = table.loc[list(slope.terms), "se"] / slope.coefficients["se"]
    assert ratio.between(0.85, 1.15).all()


def test_the_comparison_agrees_with_pbmodcomp(fitted_data, r_says):
    few = fitted_data[fitted_data["id"] <= "p20"]
    large, small = (lmm(f"score ~ arm {c} visit", few, groups="id", df="normal") for c in "*+")
    got, want = bootstrap_comparison(large, small, n_boot=500), r_says("bootstrap comparison").loc["arm:visit"]
    assert (got.statistic, got.df) == pytest.approx((want["statistic"], want["df"]), rel=1e-5)
    assert got.p_asymptotic == pytest.approx(want["p_chi2"], rel=1e-5)
    assert got.p_value == pytest.approx(want["p_bootstrap"], abs=3 * np.hypot(got.monte_carlo_se, 0.0065))
    assert "500 draws" in str(got)


def test_draws_of_a_variance_of_zero_follow_the_mixture():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"id": np.repeat(np.arange(30), 4), "t": np.tile(np.arange(4.0), 30)})
    data["y"] = np.repeat(rng.standard_normal(30), 4) + rng.standard_normal(120)
    small, large = (lmm("y ~ t", data, groups="id", random=r, df="normal") for r in ("1", "1 + t"))
    test = bootstrap_comparison(small, large, n_boot=300)
    share = [(test.draws > q).mean() for q in (2.0, 5.1383)]
    # 0.5 chi2(1) + 0.5 chi2(2): 0.263 and 0.05, three standard errors
    assert share[0] == pytest.approx(0.263, abs=0.076) and share[1] == pytest.approx(0.05, abs=0.038)


def test_simulated_responses_have_the_covariance_of_the_model(fitted_data, slope):
    rng = np.random.default_rng(2)
    draws = np.array([simulate(slope, slope.fit, rng) for _ in range(4000)])
    rows = np.flatnonzero(slope.design.used["id"] == "p01")[:2]
    z = np.column_stack([np.ones(2), slope.design.used["month"].to_numpy()[rows]])
    want = z @ slope.random_covariance.to_numpy() @ z.T + slope.residual_variance * np.eye(2)
    np.testing.assert_allclose(np.cov(draws[:, rows].T), want, rtol=0.12, atol=0.05)
    np.testing.assert_allclose(draws.mean(axis=0), slope.fitted_marginal, atol=0.2)


def test_it_depends_on_the_seed_and_not_on_n_jobs(intercept):
    one, two, other = (bootstrap_intervals(intercept, n_boot=100, **k) for k in ({}, {"n_jobs": 2}, {"seed": 1}))
    pd.testing.assert_frame_equal(one, two)
    assert not np.allclose(one["ci_low"], other["ci_low"])


def test_basic_limits_are_mirrored_and_stay_possible(slope):
    percentile, basic = (bootstrap_intervals(slope, n_boot=100, interval=i) for i in ("percentile", "basic"))
    np.testing.assert_allclose(
        basic.loc["month", "ci_low"], 2 * basic.loc["month", "estimate"] - percentile.loc["month", "ci_high"]
    )
    assert (basic.filter(like="sd ", axis=0)["ci_low"] >= 0).all()
    assert basic.filter(like="cor ", axis=0)["ci_high"].between(-1, 1).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_it_tells_how_far_it_is_and_can_be_stopped(intercept, n_jobs):
    seen = []
    bootstrap_intervals(intercept, n_boot=100, n_jobs=n_jobs, progress=lambda *at: seen.append(at))
    assert seen == [(20, 100), (40, 100), (60, 100), (80, 100), (100, 100)]

    def stop(done, _):
        if done >= 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bootstrap_intervals(intercept, n_boot=5000, n_jobs=n_jobs, progress=stop)
    assert threading.active_count() < 20


def test_failures_are_counted_and_too_many_refused(intercept, fitted_data, monkeypatch):
    calls = []
    plain = parametric_bootstrap.simulate

    def sometimes(model, fit, rng):
        calls.append(1)
        if len(calls) % every == 0:
            raise AnalysisError("no")
        return plain(model, fit, rng)

    monkeypatch.setattr(parametric_bootstrap, "simulate", sometimes)
    every = 20
    larger = lmm("score ~ month + age", fitted_data, groups="id", df="normal")
    test = bootstrap_comparison(intercept, larger, n_boot=100)
    assert (test.n_boot, test.n_failed) == (95, 5) and "5 not fitted" in str(test)
    every = 3
    with pytest.raises(AnalysisError, match="33 of 100"):
        calls.clear()
        bootstrap_intervals(intercept, n_boot=100)


def test_bad_requests_are_refused(intercept, least_squares, fitted_data):
    for call, said in [
        (lambda: bootstrap_intervals(intercept, n_boot=10), "100 draws"),
        (lambda: bootstrap_intervals(intercept, interval="bca"), "interval"),
        (lambda: bootstrap_intervals(intercept, level=95), "level"),
        (lambda: bootstrap_intervals(least_squares("score ~ month", fitted_data)), "lmm"),
        (lambda: bootstrap_comparison(intercept, least_squares("score ~ month", fitted_data)), "two models"),
    ]:
        with pytest.raises(UsageError, match=said):
            call()
    with pytest.raises(AnalysisError, match="the same"):
        bootstrap_comparison(intercept, intercept)
