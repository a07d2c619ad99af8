from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.simulation.cohort import Population


def test_genes_have_the_stated_variances_and_correlations():
    c = Population().draw(20_000, np.random.default_rng(1))
    x = c.x.reshape(20_000, 4, 96)
    # 20,000 patients: standard errors are below 0.01.
    assert x.mean() == pytest.approx(0, abs=0.02) and x.var() == pytest.approx(1, abs=0.02)
    assert np.corrcoef(x[:, 0, 0], x[:, 0, 8])[0, 1] == pytest.approx(0.49, abs=0.03)
    assert np.corrcoef(x[:, 0, 0], x[:, 0, 1])[0, 1] == pytest.approx(0, abs=0.03)
    assert np.corrcoef(x[:, 0, 3], x[:, 2, 3])[0, 1] == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_event_rate_is_the_stated_one(effect):
    c = Population(effect=effect, rate=0.08).draw(20_000, np.random.default_rng(2))
    assert c.event.mean() == pytest.approx(0.08, abs=0.006)
    assert (np.std(c.risk) > 0) == (effect > 0)


def test_outcomes_of_a_patient_may_be_the_same_at_every_visit():
    c = Population(by_patient=True, rate=0.3).draw(500, np.random.default_rng(3))
    assert (np.ptp(c.event.reshape(500, 4).astype(int), axis=1) == 0).all() and 0.2 < c.event.mean() < 0.4
