import numpy as np
import pytest
from scipy.stats import t as student

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.multiplicity import adjusted_p_values, check_adjustment, critical_values


def test_holm_steps_down_and_keeps_the_order():
    t = student.isf(np.array([0.01, 0.04, 0.03]) / 2, 20)
    np.testing.assert_allclose(adjusted_p_values(t, np.full(3, 20.0), "holm", 3), [0.03, 0.06, 0.06])
    assert adjusted_p_values(np.array([0.0, 0.1]), np.full(2, 9.0), "holm", 2).max() == 1


def test_tukey_lies_between_no_adjustment_and_bonferroni():
    df, t = np.full(10, 15.0), np.linspace(0.5, 5, 10)
    plain, tukey = (adjusted_p_values(t, df, a, 5) for a in ("none", "tukey"))
    assert (plain < tukey).all() and (tukey < np.minimum(1, 10 * plain) + 1e-12).all()
    cut = [critical_values(df, 0.95, a, 5)[0] for a in ("none", "tukey", "holm")]
    assert cut[0] < cut[1] < cut[2] == pytest.approx(student.isf(0.0025, 15))


def test_degrees_of_freedom_may_differ_or_be_missing():
    values = critical_values(np.array([5.0, np.inf, np.nan]), 0.95, "tukey", 3)
    assert values[0] > values[1] == pytest.approx(3.3145 / np.sqrt(2), abs=1e-4) and np.isnan(values[2])


def test_unknown_adjustments_are_refused():
    with pytest.raises(UsageError, match="none, holm, tukey"):
        check_adjustment("bonferroni")
