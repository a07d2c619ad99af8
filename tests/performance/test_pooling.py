from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import pool_rubin

Q, U = [0.71, 0.74, 0.69, 0.73, 0.75], [0.0016, 0.0015, 0.0018, 0.0016, 0.0015]


def test_by_hand():
    # U = 0.0016, B = 0.00058, T = U + 1.2 B; nu_old = 4 / (1.2 B / T)^2; nu_obs = 150/152 * 149 * U / T
    total = 0.0016 + 1.2 * 0.00058
    old, observed = 4 / (1.2 * 0.00058 / total) ** 2, 150 / 152 * 149 * 0.0016 / total
    df = old * observed / (old + observed)
    e = pool_rubin(Q, U, complete_df=149)
    assert (e.value, e.se, e.df) == pytest.approx((0.724, math.sqrt(total), df), rel=1e-12)
    assert e.ci_high == pytest.approx(0.724 + student.ppf(0.975, df) * math.sqrt(total), rel=1e-12)
    r = 1.2 * 0.00058 / 0.0016
    assert e.fmi == pytest.approx((r + 2 / (df + 3)) / (1 + r), rel=1e-12)


def test_without_complete_df_they_are_rubins_of_1987():
    e = pool_rubin(Q, U)
    assert e.df == pytest.approx(4 * (1 + 0.0016 / (1.2 * 0.00058)) ** 2, rel=1e-12)
    assert e.df > pool_rubin(Q, U, complete_df=149).df


def test_logit_pools_there_and_comes_back():
    q, u = np.array(Q), np.array(U)
    there = pool_rubin(logit(q), u / (q * (1 - q)) ** 2, complete_df=149)
    e = pool_rubin(Q, U, complete_df=149, transform="logit")
    back = [expit(x) for x in (there.value, there.ci_low, there.ci_high)]
    assert [e.value, e.ci_low, e.ci_high] == pytest.approx(back)
    assert e.se == pytest.approx(there.se * e.value * (1 - e.value))
    assert (e.df, e.fmi) == (there.df, there.fmi)
    assert "logit" in e.method


def test_equal_estimates_have_no_variance_between():
    e = pool_rubin([0.7] * 20, [0.01] * 20, complete_df=98)
    assert e.se == pytest.approx(0.1) and e.df == pytest.approx(99 / 101 * 98)
    assert e.fmi == pytest.approx(2 / (e.df + 3))
    endless = pool_rubin([0.1 + 0.2] * 3, [0.01] * 3)
    assert math.isinf(endless.df) and endless.fmi == 0
    assert endless.ci_high == pytest.approx(0.3 + 1.959963984540054 * 0.1)


def test_p_value_and_interval_agree():
    for transform in (None, "logit"):
        e = pool_rubin(Q, U, complete_df=149, transform=transform)
        at_limit = pool_rubin(Q, U, complete_df=149, transform=transform, null=e.ci_low)
        assert at_limit.p_value == pytest.approx(0.05, abs=1e-9)
        assert e.p_value is None


def test_it_covers_with_values_missing():
    """Normal data, half missing at random, imputed by draws from the posterior predictive distribution."""
    rng = np.random.default_rng(8)
    hits, n, m = [], 40, 10
    for _ in range(800):
        y = rng.standard_normal(n)
        seen, k = y[:20], 20
        q, u = [], []
        for _ in range(m):
            variance = (k - 1) * seen.var(ddof=1) / rng.chisquare(k - 1)
            mean = seen.mean() + rng.standard_normal() * math.sqrt(variance / k)
            filled = np.r_[seen, mean + math.sqrt(variance) * rng.standard_normal(n - k)]
            q.append(filled.mean())
            u.append(filled.var(ddof=1) / n)
        e = pool_rubin(q, u, complete_df=n - 1)
        hits.append(e.ci_low <= 0 <= e.ci_high)
    assert 0.93 <= np.mean(hits) <= 0.97  # Monte-Carlo standard error 0.8 points


@pytest.mark.parametrize(
    ("q", "u", "options", "why"),
    [
        ([0.7], [0.01], {}, "two imputations or more"),
        ([0.7, 0.8], [0.01], {}, "two imputations or more"),
        ([], [], {}, "two imputations or more"),
        ([0.7, np.nan], [0.01, 0.01], {}, "estimates must be finite"),
        ([0.7, 0.8], [0.01, np.inf], {}, "variances must be finite"),
        ([0.7, 0.8], [0.01, -0.01], {}, "0 or more"),
        ([0.7, 0.8], [0, 0], {}, "not all 0"),
        ([0.7, 1.0], [0.01, 0.01], {"transform": "logit"}, "no logit"),
        (["a", "b"], [0.01, 0.01], {}, "estimates are not numbers"),
    ],
)
def test_bad_input(q, u, options, why):
    with pytest.raises(AnalysisError, match=why):
        pool_rubin(q, u, **options)


def test_bad_options():
    for wrong, why in (
        ({"transform": "log"}, "Unknown transform"),
        ({"complete_df": 0}, "complete_df must"),
        ({"level": 1}, "level must"),
        ({"transform": "logit", "null": 1.5}, "null must"),
    ):
        with pytest.raises(UsageError, match=why):
            pool_rubin(Q, U, **wrong)
