import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.mmrm_fit import maximise, refuse_singular, start
from lumier_analysis.mixed.mmrm_likelihood import negative_log_likelihood
from lumier_analysis.mixed.visit_covariance import STRUCTURES, visit_covariance
from lumier_analysis.mixed.visit_patterns import visit_patterns


def patterns_of(y, has=None, x=None):
    """Patterns of a table patients x visits, with a mean for each visit or the columns given."""
    n, m = y.shape
    has = np.ones((n, m), dtype=bool) if has is None else has
    subjects, visits = np.nonzero(has)
    x = np.eye(m)[visits] if x is None else x[subjects, visits]
    return visit_patterns(np.column_stack([x, y[subjects, visits]]), subjects, visits, m)


@pytest.fixture
def y():
    rng = np.random.default_rng(12)
    return rng.standard_normal((40, 1)) + rng.standard_normal((40, 4)) * [0.5, 1, 1, 2]


def test_complete_visits_have_the_sample_covariance(y):
    for reml, want in ((True, np.cov(y.T)), (False, np.cov(y.T, ddof=0))):
        fit = maximise(patterns_of(y), "unstructured", reml=reml)
        assert fit.converged
        np.testing.assert_allclose(visit_covariance("unstructured", fit.theta, 4), want, rtol=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_no_neighbour_is_better_and_any_start_ends_there(y, structure, monkeypatch):
    has = np.random.default_rng(2).random(y.shape) < 0.8
    patterns = patterns_of(y, has)
    fit = maximise(patterns, structure)
    assert fit.converged and np.abs(fit.at.gradient).max() < 1e-3
    rng = np.random.default_rng(0)
    for move in rng.standard_normal((20, len(fit.theta))):
        assert negative_log_likelihood(patterns, structure, fit.theta + 0.02 * move) > fit.at.value
    monkeypatch.setattr("lumier_analysis.mixed.mmrm_fit.start", lambda *_: 0.1 * rng.standard_normal(len(fit.theta)))
    again = maximise(patterns, structure)
    assert again.at.value == pytest.approx(fit.at.value, abs=1e-8)


def test_the_start_is_near_the_sample_covariance(y):
    moments = np.cov(y.T, ddof=0)
    np.testing.assert_allclose(visit_covariance("unstructured", start(patterns_of(y), "unstructured"), 4), moments)


def test_visits_that_determine_each_other_are_refused(y):
    twin = np.column_stack([y[:, 0], y[:, 1], 2 * y[:, 1] + 1])
    with pytest.raises(AnalysisError, match=r"unstructured covariance.*fewer parameters"):
        maximise(patterns_of(twin), "unstructured")
    for structure in ("ar1", "compound symmetry"):
        with pytest.raises(AnalysisError, match="no maximum"):
            maximise(patterns_of(np.repeat(y[:, :1], 3, axis=1)), structure)
    with pytest.raises(AnalysisError, match="no maximum"):
        refuse_singular("ar1", np.array([0.0, 1e6]), 3)


def test_a_flat_likelihood_is_refused(y):
    """The correlation three visits apart rests on one row, which the mean of its visit absorbs."""
    has = np.ones(y.shape, dtype=bool)
    has[1:, 3] = False
    with pytest.raises(AnalysisError, match=r"do not determine the toeplitz covariance of 4 visits.*flat"):
        maximise(patterns_of(y, has), "toeplitz")


def test_a_search_that_is_cut_short_says_so(y, monkeypatch):
    monkeypatch.setattr("lumier_analysis.mixed.mmrm_fit._MAX_ITERATIONS", 1)
    has = np.random.default_rng(2).random(y.shape) < 0.8
    assert not maximise(patterns_of(y, has), "unstructured").converged
