from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.mixed.random_intercept import profile_reml, variance_is_zero


def test_profile_is_the_dense_restricted_likelihood():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2, 3], [2, 5, 1, 4])
    x, y = np.column_stack([np.ones(12), rng.standard_normal(12)]), rng.standard_normal(12)

    def dense(ratio):
        v = np.eye(12) + ratio * (group[:, None] == group)
        inverse = np.linalg.inv(v)
        xvx = x.T @ inverse @ x
        r = y - x @ np.linalg.solve(xvx, x.T @ inverse @ y)
        return -0.5 * (10 * np.log(r @ inverse @ r) + np.linalg.slogdet(v)[1] + np.linalg.slogdet(xvx)[1])

    for ratio in (0.0, 0.3, 4.0):
        assert profile_reml(y, x, group, ratio) == pytest.approx(dense(ratio), rel=1e-10)


def test_zero_variance_is_told_from_a_positive_one():
    rng = np.random.default_rng(1)
    group, x = np.repeat(np.arange(20), 4), np.ones((80, 1))
    noise = rng.standard_normal(80)
    centred = noise - (np.bincount(group, weights=noise) / 4)[group]
    assert variance_is_zero(centred, x, group)
    assert not variance_is_zero(noise + rng.standard_normal(20)[group], x, group)
