from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.signature import Settings
from lumier_analysis.signature.learners import ElasticNetLearner, LogisticLearner
from lumier_analysis.signature.patient_bootstrap import patient_bootstrap


class Recorder:
    """A learner that keeps what it is given."""

    name = "recorder"

    def __init__(self):
        self.seen = []

    def __call__(self, x, event, patient, seed):
        self.seen.append((x, event, patient, seed))
        return lambda rows: rows[:, 0]


def test_whole_patients_are_drawn_and_copies_keep_their_code(cohort):
    learner = Recorder()
    fits = patient_bootstrap(cohort.features, cohort.event, cohort.patients, learner=learner, n_boot=5)
    assert len(learner.seen) == 6  # all rows first
    for b, (x, event, patient, _) in enumerate(learner.seen[1:]):
        drawn = np.bincount(patient, minlength=80)
        np.testing.assert_array_equal(drawn, 3 * fits.times[b])  # three visits each
        assert fits.times[b].sum() == 80 and (fits.times[b] == 0).any() and len(x) == len(event) == 240


def test_the_number_of_processes_does_not_matter(cohort, monkeypatch):
    monkeypatch.setattr("lumier_analysis.signature.parallel.START_SECONDS", 0.0)  # so that processes are started
    options = {"n_boot": 6, "seed": 5}
    features = cohort.features[["a1", "b1", "c1"]]
    one = patient_bootstrap(features, cohort.event, cohort.patients, n_jobs=1, **options)
    two = patient_bootstrap(features, cohort.event, cohort.patients, n_jobs=2, **options)
    np.testing.assert_array_equal(one.replicates, two.replicates)
    other = patient_bootstrap(features, cohort.event, cohort.patients, n_boot=6, seed=6)
    assert not np.array_equal(one.times, other.times)


def test_progress_and_interruption(cohort):
    calls = []
    patient_bootstrap(
        cohort.features[["a1"]], cohort.event, cohort.patients, n_boot=4, progress=lambda *c: calls.append(c)
    )
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        patient_bootstrap(cohort.features[["a1"]], cohort.event, cohort.patients, n_boot=4, progress=stop)


def test_the_elastic_net_learns_all_its_steps_anew(cohort):
    learner = ElasticNetLearner(Settings(alphas=(0.5,), n_lambdas=15, inner_folds=3))
    fits = patient_bootstrap(cohort.features, cohort.event, cohort.patients, learner=learner, n_boot=3)
    assert fits.usable.all() and fits.learner == "elastic net"
    assert np.ptp(fits.replicates, axis=0).max() > 0


def test_unusable_input_is_refused(cohort):
    with pytest.raises(UsageError, match="n_boot"):
        patient_bootstrap(cohort.features, cohort.event, cohort.patients, n_boot=1)
    with pytest.raises(AnalysisError, match="one finite row"):
        patient_bootstrap(cohort.features[["a1"]].iloc[1:], cohort.event, cohort.patients)
    with pytest.raises(AnalysisError, match="1 to 5 columns"):
        patient_bootstrap(cohort.features, cohort.event, cohort.patients, learner=LogisticLearner())
    with pytest.raises(AnalysisError, match="one class"):
        patient_bootstrap(cohort.features[["a1"]], np.zeros(240), cohort.patients)
    twice = pd.DataFrame({"a": cohort.features["a1"], "b": cohort.features["a1"]})
    with pytest.raises(AnalysisError, match="collinear"):
        patient_bootstrap(twice, cohort.event, cohort.patients)
