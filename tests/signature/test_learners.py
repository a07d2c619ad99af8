from __future__ import annotations

import numpy as np
import statsmodels.api as sm

from lumier_analysis.signature.learners import LogisticLearner


def test_logistic_learner_agrees_with_statsmodels(cohort):
    x = cohort.features[["a1", "b1", "c1"]].to_numpy()
    patient = np.zeros(len(x), dtype=np.intp)
    ours = LogisticLearner()(x, cohort.event, patient, (0,))(x)
    theirs = sm.Logit(cohort.event.astype(float), sm.add_constant(x)).fit(disp=0)
    np.testing.assert_allclose(ours, sm.add_constant(x) @ theirs.params, atol=1e-6)


def test_missing_values_take_the_training_median(cohort):
    x = cohort.features[["a1", "b1"]].to_numpy().copy()
    x[:20, 1] = np.nan
    patient = np.zeros(len(x), dtype=np.intp)
    predict = LogisticLearner()(x, cohort.event, patient, (0,))
    filled = np.array([[5.0, np.nan], [5.0, np.nanmedian(x[:, 1])]])
    a, b = predict(filled)
    assert a == b


def test_separated_classes_and_constant_columns_have_finite_coefficients():
    x = np.column_stack([np.arange(20.0), np.full(20, 3.0)])
    event = np.arange(20) >= 10
    predict = LogisticLearner()(x, event, np.arange(20), (0,))
    scores = predict(x)
    assert np.isfinite(scores).all() and (np.diff(scores) > 0).all()
    np.testing.assert_array_equal(predict(x), predict(np.column_stack([x[:, 0], x[:, 1] + 100.0])))
