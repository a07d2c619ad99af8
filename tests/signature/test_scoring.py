from __future__ import annotations

import numpy as np

from lumier_analysis.signature.scoring import composite_score, linear_score, module_mean, z_scores

NA = np.nan


def test_module_mean_needs_half_of_the_genes():
    z = np.array([[1.0, 2, 3, 6], [1, NA, 3, NA], [1, NA, NA, NA], [NA, NA, NA, NA]])
    np.testing.assert_allclose(module_mean(z, 0.5), [3.0, 2.0, NA, NA])
    np.testing.assert_allclose(module_mean(z, 0.0), [3.0, 2.0, 1.0, NA])


def test_composite_is_the_weighted_sum_when_all_is_there():
    z, module = np.random.default_rng(0).standard_normal((6, 5)), np.array([0, 0, 0, 1, 1])
    weights = np.array([1 / 6] * 3 + [1 / 4] * 2)
    score, short = composite_score(z, weights, module, 0.5)
    np.testing.assert_allclose(score, z @ weights, atol=1e-14)
    assert not short.any()


def test_composite_names_the_module_that_falls_short():
    z = np.array([[1.0, 1, NA, 2, NA], [1, NA, NA, 2, 2]])
    score, short = composite_score(z, np.array([1 / 6] * 3 + [1 / 4] * 2), np.array([0, 0, 0, 1, 1]), 0.5)
    np.testing.assert_allclose(score, [0.5 * 1 + 0.5 * 2, NA])
    assert short.tolist() == [[False, False], [True, False]]


def test_linear_score_takes_missing_genes_as_average():
    z = np.array([[1.0, 2, 3, 4, 5], [1, 2, 3, 4, NA], [1, 2, 3, NA, NA]])
    score, missing = linear_score(z, np.ones(5), 0.2)
    np.testing.assert_allclose(score, [15, 10, NA])
    np.testing.assert_allclose(missing, [0, 0.2, 0.4])


def test_z_scores():
    np.testing.assert_allclose(z_scores(np.array([[7.0, NA]]), np.array([5.0, 1]), np.array([2.0, 1])), [[1.0, NA]])
