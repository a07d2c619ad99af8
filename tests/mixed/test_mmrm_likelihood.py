import numpy as np
import pytest
from scipy.stats import multivariate_normal

from lumier_analysis.mixed import mmrm_likelihood
from lumier_analysis.mixed.mmrm_likelihood import evaluate, kenward_roger_parts, negative_log_likelihood
from lumier_analysis.mixed.visit_covariance import STRUCTURES, n_parameters, visit_covariance, visit_derivatives
from lumier_analysis.mixed.visit_patterns import visit_patterns

#: Sums of a few dozen rows in two orders.
TIGHT = 1e-9
#: Central differences of step 1e-5.
DIFFERENCE = 1e-6


@pytest.fixture
def rows():
    """Fifteen patients, three visits in any pattern, three columns and a response."""
    rng = np.random.default_rng(7)
    has = rng.random((15, 3)) < 0.7
    has[has.sum(axis=1) == 0, 1] = True
    subjects, visits = np.nonzero(has)
    x = np.column_stack([np.ones(len(subjects)), visits, rng.standard_normal(len(subjects))])
    return x, rng.standard_normal(len(subjects)) + 0.5 * visits, subjects, visits


def patterns_of(rows):
    x, y, subjects, visits = rows
    return visit_patterns(np.column_stack([x, y]), subjects, visits, 3)


def parameters(structure):
    return np.random.default_rng(3).uniform(-0.3, 0.5, n_parameters(structure, 3))


def spread_out(sigma, subjects, visits):
    """Return the matrix of all rows from that of the visits."""
    return sigma[np.ix_(visits, visits)] * (subjects[:, None] == subjects)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_value_is_the_density_of_the_rows(rows, structure):
    x, y, subjects, visits = rows
    theta = parameters(structure)
    v = spread_out(visit_covariance(structure, theta, 3), subjects, visits)
    vx = np.linalg.solve(v, x)
    beta = np.linalg.solve(x.T @ vx, vx.T @ y)
    full = multivariate_normal.logpdf(y, x @ beta, v)
    restricted = full + 1.5 * np.log(2 * np.pi) - np.linalg.slogdet(x.T @ vx)[1] / 2
    patterns = patterns_of(rows)
    assert negative_log_likelihood(patterns, structure, theta, reml=False) == pytest.approx(-full, rel=TIGHT)
    assert negative_log_likelihood(patterns, structure, theta) == pytest.approx(-restricted, rel=TIGHT)
    at = evaluate(patterns, structure, theta)
    np.testing.assert_allclose(at.beta, beta, rtol=1e-8)
    np.testing.assert_allclose(at.phi, np.linalg.inv(x.T @ vx), rtol=1e-8)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_derivatives_are_those_of_differences(rows, structure, reml):
    patterns, theta, step = patterns_of(rows), parameters(structure), 1e-5
    at = evaluate(patterns, structure, theta, reml=reml)
    for i, move in enumerate(step * np.eye(len(theta))):
        ahead, behind = (evaluate(patterns, structure, theta + s * move, reml=reml) for s in (1, -1))
        assert at.gradient[i] == pytest.approx((ahead.value - behind.value) / (2 * step), abs=DIFFERENCE)
        np.testing.assert_allclose(at.observed[i], (ahead.gradient - behind.gradient) / (2 * step), atol=DIFFERENCE)
        slope = (np.linalg.inv(ahead.phi) - np.linalg.inv(behind.phi)) / (2 * step)
        np.testing.assert_allclose(at.slopes[i], slope, atol=DIFFERENCE)


@pytest.mark.parametrize("structure", ["unstructured", "toeplitz"])
def test_expected_information_and_kenward_roger_are_their_formulas(rows, structure, monkeypatch):
    """From matrices of all rows: half of tr(P V_i P V_j); X'V^-1 V_i V^-1 V_j V^-1 X; X'V^-1 V_ij V^-1 X."""
    x, _, subjects, visits = rows
    theta = parameters(structure)
    sigma, first, second = visit_derivatives(structure, theta, 3)
    inverse = np.linalg.inv(spread_out(sigma, subjects, visits))
    projected = inverse - inverse @ x @ np.linalg.solve(x.T @ inverse @ x, x.T @ inverse)
    by = [spread_out(s, subjects, visits) for s in first]
    patterns = patterns_of(rows)
    want = [[0.5 * np.trace(projected @ a @ projected @ b) for b in by] for a in by]
    np.testing.assert_allclose(evaluate(patterns, structure, theta).expected, want, atol=TIGHT)
    monkeypatch.setattr(mmrm_likelihood, "_AT_ONCE", 200)  # in several parts
    root = np.random.default_rng(6).standard_normal((len(theta), len(theta)))
    curves, bends = kenward_roger_parts(patterns, structure, theta, root)
    for k in range(len(theta)):
        a = np.einsum("i,iab->ab", root[:, k], by)
        c = spread_out(np.einsum("i,j,ijab->ab", root[:, k], root[:, k], second), subjects, visits)
        np.testing.assert_allclose(curves[k], x.T @ inverse @ a @ inverse @ a @ inverse @ x, rtol=TIGHT)
        np.testing.assert_allclose(bends[k], x.T @ inverse @ c @ inverse @ x, rtol=TIGHT, atol=TIGHT)


def test_what_is_no_covariance_has_no_likelihood(rows):
    patterns = patterns_of(rows)
    theta = np.array([0.0, -5.0, -5.0])  # two correlations near -1 among three visits
    assert negative_log_likelihood(patterns, "toeplitz", theta) == np.inf
    assert evaluate(patterns, "toeplitz", theta) is None
    assert negative_log_likelihood(patterns, "ar1", np.array([1e4, 0.0])) == np.inf
