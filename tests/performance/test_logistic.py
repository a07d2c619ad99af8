from __future__ import annotations

import numpy as np
import statsmodels.api as sm

from lumier_analysis.performance.logistic import fit_logistic


def test_agrees_with_statsmodels(visits):
    x = sm.add_constant(visits.score)
    codes = np.unique(visits.patient, return_inverse=True)[1]
    model = sm.GLM(visits.event.astype(float), x, family=sm.families.Binomial())
    plain, fit = model.fit(tol=1e-12), fit_logistic(x, visits.event)
    np.testing.assert_allclose(fit.coef, plain.params, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, plain.cov_params(), rtol=1e-6)
    # statsmodels' correction for clusters is K/(K-1) when its small-sample option is off for the rest.
    robust = model.fit(tol=1e-12, cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False})
    k = codes.max() + 1
    ours = fit_logistic(x, visits.event, patient=codes)
    np.testing.assert_allclose(ours.covariance, robust.cov_params() * k / (k - 1), rtol=1e-6)


def test_offset_has_coefficient_one(visits):
    one = np.ones((visits.event.size, 1))
    plain = fit_logistic(one, visits.event)
    shifted = fit_logistic(one, visits.event, offset=np.full(visits.event.size, 0.7))
    np.testing.assert_allclose(shifted.coef, plain.coef - 0.7, rtol=1e-9)


def test_separation_is_found_and_firth_answers():
    x = np.column_stack([np.ones(8), np.arange(8.0)])
    event = np.arange(8) >= 4
    assert not fit_logistic(x, event).converged
    fit = fit_logistic(x, event, firth=True)
    assert fit.converged and 0 < fit.coef[1] < 5
    # By symmetry the risk is one half in the middle.
    np.testing.assert_allclose(fit.coef[0] + 3.5 * fit.coef[1], 0, atol=1e-8)


def test_firth_intercept_adds_half_an_event_to_each_class():
    event = np.repeat([True, False], [2, 8])
    fit = fit_logistic(np.ones((10, 1)), event, firth=True)
    np.testing.assert_allclose(fit.coef[0], np.log(2.5 / 8.5), rtol=1e-8)


def test_quasi_separation_is_found():
    x = np.column_stack([np.ones(6), [0.0, 0, 0, 0, 1, 1]])
    assert not fit_logistic(x, np.array([False, False, True, False, True, True])).converged
