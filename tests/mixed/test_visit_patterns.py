import numpy as np
import pytest

from lumier_analysis.mixed.visit_patterns import visit_patterns


@pytest.fixture
def rows():
    """Twenty patients with visits of four in any pattern, rows in disorder."""
    rng = np.random.default_rng(4)
    has = rng.random((20, 4)) < 0.6
    has[has.sum(axis=1) == 0, 0] = True
    subjects, visits = np.nonzero(has)
    order = rng.permutation(len(subjects))
    return rng.standard_normal((len(subjects), 3)), subjects[order], visits[order]


def test_patterns_count_the_patients(rows):
    patterns = visit_patterns(*rows, 4)
    assert patterns.counts.sum() == 20
    assert patterns.counts @ patterns.present.sum(axis=1) == len(rows[0])
    assert len(np.unique(patterns.present, axis=0)) == len(patterns.counts) < 20


def test_sums_are_those_of_the_patients_one_by_one(rows):
    z, subjects, visits = rows
    patterns = visit_patterns(z, subjects, visits, 4)
    rng = np.random.default_rng(1)
    kernels = rng.standard_normal((len(patterns.counts), 2, 4, 4))
    kernels = kernels + kernels.swapaxes(-1, -2)
    weight = rng.standard_normal((3, 3))
    weight = weight + weight.T
    total, moments = np.zeros((2, 3, 3)), np.zeros((len(patterns.counts), 4, 4))
    for i in range(20):
        seen = visits[subjects == i]
        number = int(np.flatnonzero((patterns.present == np.isin(np.arange(4), seen)).all(axis=1))[0])
        own = z[subjects == i]
        for k in range(2):
            total[k] += own.T @ kernels[number, k][np.ix_(seen, seen)] @ own
        moments[number][np.ix_(seen, seen)] += own @ weight @ own.T
    np.testing.assert_allclose(patterns.summed(kernels), total, atol=1e-12)
    np.testing.assert_allclose(patterns.moments(weight), moments, atol=1e-12)
    parts = [patterns.part(s).summed(kernels[s]) for s in (slice(0, 2), slice(2, 5), slice(5, None))]
    np.testing.assert_allclose(sum(parts), total, atol=1e-12)
