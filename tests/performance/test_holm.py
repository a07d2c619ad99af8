import numpy as np
from statsmodels.stats.multitest import multipletests

from lumier_analysis.performance import holm


def test_as_statsmodels_says():
    p = np.random.default_rng(1).uniform(0, 0.2, 30)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)


def test_none_and_one():
    assert holm([]).shape == (0,)
    assert holm([0.2]).tolist() == [0.2]
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
