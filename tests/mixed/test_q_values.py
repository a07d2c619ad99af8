import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.q_values import benjamini_hochberg, q_values


def test_it_is_the_step_up_procedure():
    """A test is declared at level alpha exactly where Benjamini and Hochberg's step-up procedure rejects it."""
    rng = np.random.default_rng(4)
    p = np.round(rng.uniform(size=60) ** 2, 2)  # with ties
    q = benjamini_hochberg(p)
    for alpha in (0.01, 0.05, 0.2, 0.5):
        ordered = np.sort(p)
        below = np.flatnonzero(ordered <= alpha * np.arange(1, 61) / 60)
        limit = ordered[below.max()] if below.size else -1.0
        np.testing.assert_array_equal(q <= alpha * (1 + 1e-12), p <= limit)


def test_a_missing_p_value_stays_missing_and_does_not_count():
    p = [0.01, np.nan, 0.04, 0.5]
    q = benjamini_hochberg(p)
    assert np.isnan(q[1])
    np.testing.assert_allclose(q[[0, 2, 3]], benjamini_hochberg([0.01, 0.04, 0.5]))
    np.testing.assert_allclose(q[0], 0.03)


def test_families_are_adjusted_apart():
    p = pd.Series([0.01, 0.02, 0.03, 0.04, 0.05])
    term, kind = ["a", "a", "b", "b", "b"], ["x", "y", "x", "x", "x"]
    np.testing.assert_allclose(q_values(p, term, kind), [0.01, 0.02, 0.05, 0.05, 0.05])
    np.testing.assert_allclose(q_values(p), benjamini_hochberg(p))


def test_what_is_no_p_value_is_refused():
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        benjamini_hochberg([0.1, 1.2])
    assert benjamini_hochberg([]).size == 0
    assert np.isnan(benjamini_hochberg([np.nan])).all()
