from __future__ import annotations

import numpy as np

from lumier_analysis.signature.preparation import learn_preparation


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
