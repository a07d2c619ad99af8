"""The 95 % interval of the clustered AUC holds the true AUC about 95 times in 100."""

from __future__ import annotations

import numpy as np

from lumier_analysis.performance import auc

N_STUDIES = 400


def test_logit_interval_covers():
    # 400 studies: Monte-Carlo standard error 1.1 percentage points; [0.91, 0.985] is 3 of them around 0.95.
    rng = np.random.default_rng(5)
    separation = 0.8

    def study(n_patients):
        """Two landmarks a patient with correlated scores; of patients with a flare the second is the event."""
        flare = rng.random(n_patients) < 0.25
        score = np.sqrt(0.6) * rng.standard_normal((n_patients, 1)) + np.sqrt(0.4) * rng.standard_normal(
            (n_patients, 2)
        )
        event = np.zeros((n_patients, 2), dtype=bool)
        event[:, 1] = flare
        score[:, 1] += separation * flare
        return event.ravel(), score.ravel(), np.repeat(np.arange(n_patients), 2)

    # The pairs of one patient are correlated, those across patients are not; in a large study they vanish.
    event, score, _ = study(200_000)
    truth = auc(event, score).value
    hits = 0
    for _ in range(N_STUDIES):
        event, score, patient = study(80)
        e = auc(event, score, cluster=patient)
        hits += e.ci_low <= truth <= e.ci_high
    assert 0.91 <= hits / N_STUDIES <= 0.985
