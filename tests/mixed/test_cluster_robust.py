from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.cluster_robust import cr2

#: Rounding of two ways to the same sum.
TIGHT = 1e-10


@pytest.fixture
def reference():
    return Path(__file__).parents[1] / "reference"


@pytest.fixture
def clusters():
    """Twelve clusters of one to five rows, intercept, slope and a cluster-level covariate; exchangeable covariance."""
    rng = np.random.default_rng(8)
    sizes = np.array([1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 3, 4])
    codes = np.repeat(np.arange(sizes.size), sizes)
    x = np.column_stack([np.ones(codes.size), rng.standard_normal(codes.size), (codes % 2).astype(float)])
    covariances = [0.6 * np.ones((n, n)) + np.diag(0.4 + 0.3 * rng.random(n)) for n in sizes]
    return x, codes, covariances


def gls(x, codes, covariances, y):
    v = np.zeros((codes.size, codes.size))
    for i, part in enumerate(covariances):
        v[np.ix_(codes == i, codes == i)] = part
    model = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    return model @ x.T @ np.linalg.solve(v, y), model, v


def test_it_is_unbiased_where_the_model_is_right(clusters):
    """E[covariance] = (X' V^-1 X)^-1 exactly: the mean over residuals of the covariance V - X M X', by its root."""
    x, codes, covariances = clusters
    _, model, v = gls(x, codes, covariances, np.zeros(codes.size))
    values, vectors = np.linalg.eigh(v - x @ model @ x.T)
    total = sum(
        cr2(x, np.sqrt(max(s, 0.0)) * u, codes, covariances).covariance for s, u in zip(values, vectors.T, strict=True)
    )
    np.testing.assert_allclose(total, model, rtol=1e-8, atol=1e-12)


def test_single_rows_give_hc2():
    rng = np.random.default_rng(2)
    n = 25
    x = np.column_stack([np.ones(n), rng.standard_normal(n)])
    y = rng.standard_normal(n) * (1 + x[:, 1] ** 2)
    inverse = np.linalg.inv(x.T @ x)
    residual = y - x @ inverse @ x.T @ y
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    want = inverse @ (x.T * (residual**2 / (1 - leverage))) @ x @ inverse
    found = cr2(x, residual, np.arange(n), [np.eye(1)] * n)
    np.testing.assert_allclose(found.covariance, want, rtol=TIGHT)


def test_degrees_of_freedom_of_a_group_mean_are_those_of_its_clusters():
    """Two groups of equal clusters: the df of the difference of their means, k/2 - 1 each."""
    k, n = 14, 3
    codes = np.repeat(np.arange(k), n)
    x = np.column_stack([np.ones(k * n), np.repeat(np.arange(k) % 2, n)]).astype(float)
    v = 0.5 * np.ones((n, n)) + np.eye(n)
    rng = np.random.default_rng(4)
    y = rng.standard_normal(k * n)
    beta, _, _ = gls(x, codes, [v] * k, y)
    found = cr2(x, y - x @ beta, codes, [v] * k)
    assert found.df(np.array([0.0, 1.0])) == pytest.approx(k - 2, rel=1e-9)
    means = y.reshape(k, n).mean(axis=1)
    want = means[::2].var(ddof=1) / (k / 2) + means[1::2].var(ddof=1) / (k / 2)
    assert found.covariance[1, 1] == pytest.approx(want, rel=TIGHT)


def test_scale_and_order_of_clusters_do_not_matter(clusters):
    x, codes, covariances = clusters
    rng = np.random.default_rng(1)
    residual = rng.standard_normal(codes.size)
    found = cr2(x, residual, codes, covariances)
    big = cr2(x, 1e6 * residual, codes, [1e12 * v for v in covariances])
    np.testing.assert_allclose(big.covariance, 1e12 * found.covariance, rtol=1e-7)
    contrast = np.array([0.0, 1.0, 0.0])
    assert big.df(contrast) == pytest.approx(found.df(contrast), rel=1e-7)
    assert 1 < found.df(contrast) < len(covariances)


def test_a_cluster_that_a_coefficient_uses_up_says_nothing_and_breaks_nothing():
    """A cluster with its own dummy has residuals of 0 and no part in the covariance."""
    codes = np.repeat(np.arange(6), 3)
    x = np.column_stack([codes != 5, codes == 5]).astype(float)
    y = np.random.default_rng(3).standard_normal(18)
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    found = cr2(x, y - x @ beta, codes, [np.ones((3, 3)) + np.eye(3)] * 6)
    assert np.isfinite(found.covariance).all() and found.df(np.array([1.0, 0.0])) == pytest.approx(4)


def test_refusals(clusters):
    x, codes, covariances = clusters
    with pytest.raises(AnalysisError, match="two clusters"):
        cr2(x[:1], np.zeros(1), codes[:1], covariances[:1])
    with pytest.raises(AnalysisError, match="another size"):
        cr2(x, np.zeros(codes.size), codes, covariances[::-1][1:] + covariances[:1])


def test_against_club_sandwich(reference):
    """At the variance parameters that R found, so that only this step is compared."""
    data = pd.read_csv(reference / "cluster_robust_data.csv")
    want = pd.read_csv(reference / "cluster_robust.csv")
    fit = pd.read_csv(reference / "cluster_robust_fit.csv").set_index("name")["value"]
    g11, g21, g22, sigma2 = (float(fit[name]) for name in ("g11", "g21", "g22", "sigma2"))
    month, arm = data["month"].to_numpy(), data["arm"].to_numpy(dtype=float)
    x = np.column_stack([np.ones(len(data)), month, arm, month * arm])
    codes = data["patient"].to_numpy() - 1
    parts = []
    for i in range(codes.max() + 1):
        z = x[codes == i][:, :2]
        parts.append(z @ np.array([[g11, g21], [g21, g22]]) @ z.T + sigma2 * np.eye(len(z)))
    y = data["score"].to_numpy()
    beta, _, _ = gls(x, codes, parts, y)
    found = cr2(x, y - x @ beta, codes, parts).table(np.eye(4), beta, want["term"])
    np.testing.assert_allclose(found["estimate"], want["estimate"], rtol=1e-7)
    np.testing.assert_allclose(found["se"], want["se"], rtol=1e-7)
    np.testing.assert_allclose(found["df"], want["df"], rtol=1e-7)
    np.testing.assert_allclose(found["p_value"], want["p_value"], rtol=1e-6)
