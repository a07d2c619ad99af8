import math

import numpy as np
import pytest
from scipy.stats import chi2
from scipy.stats import f as fisher

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.small_sample import (
    check_method,
    kenward_roger_covariance,
    kenward_roger_f,
    normal_f,
    satterthwaite_df,
    satterthwaite_f,
)

#: Rounding of two ways to the same number.
TIGHT = 1e-9


@pytest.fixture
def least_squares():
    """Ordinary least squares: V = s2 I has one parameter, and every exact answer is known."""
    rng = np.random.default_rng(6)
    n, p, s2 = 24, 4, 1.7
    x = np.column_stack([np.ones(n), rng.standard_normal((n, p - 1))])
    cross = x.T @ x
    phi, slopes = s2 * np.linalg.inv(cross), -cross[None] / s2**2
    curves, w = cross[None, None] / s2**3, np.array([[2 * s2**2 / (n - p)]])
    return n, p, rng.standard_normal(p), phi, slopes, w, curves


def test_least_squares_has_its_own_degrees_of_freedom(least_squares):
    n, p, _, phi, slopes, w, _ = least_squares
    for contrast in np.eye(p):
        assert satterthwaite_df(contrast, phi, slopes, w) == pytest.approx(n - p, rel=TIGHT)


@pytest.mark.parametrize("q", [1, 2, 3])
def test_least_squares_has_the_exact_f_test(least_squares, q):
    n, p, beta, phi, slopes, w, curves = least_squares
    contrasts = np.eye(p)[1 : 1 + q]
    wald = float(beta[1 : 1 + q] @ np.linalg.solve(phi[1 : 1 + q, 1 : 1 + q], beta[1 : 1 + q])) / q
    adjusted = kenward_roger_covariance(phi, slopes, w, curves)
    np.testing.assert_allclose(adjusted, phi, rtol=TIGHT)
    for found in (
        satterthwaite_f(contrasts, beta, phi, slopes, w),
        kenward_roger_f(contrasts, beta, phi, slopes, w, adjusted),
    ):
        assert found.statistic == pytest.approx(wald, rel=1e-7)
        assert found.df_den == pytest.approx(n - p, rel=1e-7)
        assert found.df_num == q
        assert found.p_value == pytest.approx(float(fisher.sf(wald, q, n - p)), rel=1e-6)
    plain = normal_f(contrasts, beta, phi)
    assert plain.p_value == pytest.approx(float(chi2.sf(q * wald, q)), rel=TIGHT) and math.isinf(plain.df_den)


@pytest.fixture
def general():
    """Arrays of a model with three variance parameters, from a real covariance structure."""
    rng = np.random.default_rng(11)
    n, p = 30, 3
    x = np.column_stack([np.ones(n), rng.standard_normal((n, p - 1))])
    parts = [np.kron(np.eye(6), np.ones((5, 5))), np.diag((np.arange(n) % 5 < 2) * 1.0), np.eye(n)]
    v = 0.8 * parts[0] + 0.5 * parts[1] + 0.4 * parts[2]
    inverse = np.linalg.inv(v)
    phi = np.linalg.inv(x.T @ inverse @ x)
    slopes = np.stack([-x.T @ inverse @ part @ inverse @ x for part in parts])
    curves = np.stack([np.stack([x.T @ inverse @ a @ inverse @ b @ inverse @ x for b in parts]) for a in parts])
    project = inverse - inverse @ x @ phi @ x.T @ inverse
    information = [[float(np.trace(project @ a @ project @ b)) / 2 for b in parts] for a in parts]
    return rng.standard_normal(p), phi, slopes, np.linalg.inv(information), curves


def test_one_contrast_has_one_answer(general):
    beta, phi, slopes, w, curves = general
    adjusted = kenward_roger_covariance(phi, slopes, w, curves)
    assert (np.diag(adjusted) > np.diag(phi)).all(), "the plain covariance is too small"
    row = np.array([0.0, 1.0, -1.0])
    df = satterthwaite_df(row, phi, slopes, w)
    scaled = kenward_roger_f(row[None], beta, phi, slopes, w, adjusted)
    assert scaled.df_den == pytest.approx(df, rel=TIGHT)
    assert scaled.statistic == pytest.approx((row @ beta) ** 2 / (row @ adjusted @ row), rel=TIGHT)
    assert satterthwaite_f(row[None], beta, phi, slopes, w).df_den == pytest.approx(df, rel=TIGHT)


def test_tests_do_not_depend_on_how_a_hypothesis_is_written(general):
    beta, phi, slopes, w, curves = general
    adjusted = kenward_roger_covariance(phi, slopes, w, curves)
    rows = np.array([[0.0, 1, 0], [0, 0, 1]])
    mixed = np.array([[0.0, 2, 1], [0, 1, -3], [0, 3, -2]])  # the last follows from the first two
    for test in (
        lambda r: satterthwaite_f(r, beta, phi, slopes, w),
        lambda r: kenward_roger_f(r, beta, phi, slopes, w, adjusted),
        lambda r: normal_f(r, beta, phi),
    ):
        one, other = test(rows), test(mixed)
        assert one.df_num == other.df_num == 2
        assert other.statistic == pytest.approx(one.statistic, rel=1e-6)
    # The scaled F of Kenward and Roger is invariant in its df too; the averaged df of Satterthwaite need not be.
    kr = [kenward_roger_f(r, beta, phi, slopes, w, adjusted).df_den for r in (rows, mixed)]
    assert kr[1] == pytest.approx(kr[0], rel=1e-6)


def test_the_gradient_is_that_of_the_variance(general):
    """The df of a contrast from finite differences of its variance."""
    _, phi, slopes, w, _ = general
    row, step = np.array([1.0, 0.5, 0.0]), 1e-6
    inverse = np.linalg.inv(phi)
    gradient = np.array([
        (row @ np.linalg.inv(inverse + step * s) @ row - row @ np.linalg.inv(inverse - step * s) @ row) / (2 * step)
        for s in slopes
    ])  # fmt: skip
    want = 2 * (row @ phi @ row) ** 2 / (gradient @ w @ gradient)
    assert satterthwaite_df(row, phi, slopes, w) == pytest.approx(want, rel=1e-6)


def test_known_variances_give_the_normal_test(general):
    beta, phi, slopes, w, _ = general
    assert math.isinf(satterthwaite_df(np.array([1.0, 0, 0]), phi, slopes, 0 * w))
    rows = np.eye(3)[:2]
    found, plain = satterthwaite_f(rows, beta, phi, slopes, 0 * w), normal_f(rows, beta, phi)
    assert found.p_value == pytest.approx(plain.p_value, rel=TIGHT) and math.isinf(found.df_den)
    assert kenward_roger_f(rows, beta, phi, slopes, 0 * w, phi).p_value == pytest.approx(plain.p_value, rel=TIGHT)


def test_names_of_methods():
    assert check_method("Kenward_Roger") == "kenward-roger"
    with pytest.raises(UsageError, match="one of satterthwaite"):
        check_method("containment")
