from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.signature.preparation import learn_preparation
from lumier_analysis.signature.recipe import Recipe


def test_learns_from_training_rows_alone():
    train = np.array([[1.0, 5.0], [3.0, np.nan], [8.0, 7.0]])
    prepared = learn_preparation(train)
    assert prepared.median.tolist() == [3.0, 6.0]
    z = prepared.apply(train)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1)
    new = prepared.apply(np.array([[np.nan, 6.0]]))
    np.testing.assert_allclose(new, [[(3 - 4) / prepared.sd[0], 0.0]])


def test_empty_and_constant_columns_carry_nothing():
    prepared = learn_preparation(np.column_stack([np.full(5, np.nan), np.full(5, 0.1 + 0.2), np.arange(5.0)]))
    z = prepared.apply(np.array([[2.0, 9.0, 2.0]]))
    assert z.tolist() == [[0.0, 0.0, 0.0]]
    assert prepared.sd[0] == prepared.sd[1] == 0


def test_screening_keeps_the_columns_that_go_with_the_outcome():
    rng = np.random.default_rng(0)
    event = rng.random(80) < 0.4
    x = rng.standard_normal((80, 5))
    x[:, 3] += 2 * event
    # The unit of a column does not matter, and a constant one is never kept.
    x[:, 1] = -50 * event + 25 * rng.standard_normal(80)
    x[:, 4] = 7.0
    recipe = Recipe(tuple("abcde"), screen=2)
    z = learn_preparation(x, event, recipe).apply(x)
    assert np.flatnonzero(z.any(axis=0)).tolist() == [1, 3]
    np.testing.assert_allclose(z[:, [1, 3]], learn_preparation(x).apply(x)[:, [1, 3]])
    assert learn_preparation(x, ~event, recipe).sd[3] > 0
    with pytest.raises(UsageError, match="screening"):
        learn_preparation(x, recipe=recipe)


def test_without_gaps_the_medians_are_left_out_and_nothing_else_changes():
    x = np.random.default_rng(0).standard_normal((9, 3))
    a, b = learn_preparation(x), learn_preparation(x, gaps=False)
    np.testing.assert_array_equal(a.apply(x), b.apply(x))
    assert a.median.all() and not b.median.any()


def test_missing_columns_of_a_recipe_are_imputed():
    x = np.random.default_rng(0).standard_normal((30, 3))
    x[0, :2] = np.nan
    recipe = Recipe(("a1", "a2", "b"), parts=("modules",), modules={"A": ("a1", "a2"), "B": ("b",)})
    prepared = learn_preparation(x, recipe=recipe)
    z = prepared.apply(x)
    assert z.shape == (30, 2) and z[0, 0] == (prepared.median[0] - prepared.mean[0]) / prepared.sd[0]
