from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.elastic_net import fit_path
from lumier_analysis.signature.folds import grouped_folds, patient_codes
from lumier_analysis.signature.preparation import learn_preparation
from lumier_analysis.signature.tuning import Settings, choose_penalty, tune_elastic_net
from lumier_analysis.simulation.cohort import Population

SMALL = Settings(alphas=(0.5, 1.0), n_lambdas=20, inner_folds=4)


def tuned(cohort, **changes):
    settings = Settings(**({f: getattr(SMALL, f) for f in SMALL.__slots__} | changes))
    codes, _ = patient_codes(cohort.patients)
    return tune_elastic_net(cohort.features.to_numpy(), cohort.event, codes, settings, (1,))


def test_one_standard_error_is_sparser_than_the_minimum(cohort):
    least, rule = tuned(cohort, tuning="minimum"), tuned(cohort)
    row = SMALL.alphas.index(least.alpha)
    best = int(np.nanargmin(least.deviance[row]))
    assert least.deviance[row, best] == np.nanmin(least.deviance)
    assert least.lambda_ == least.lambdas[row, best]
    assert rule.alpha == least.alpha and rule.lambda_ >= least.lambda_
    at = int(np.flatnonzero(rule.lambdas[row] == rule.lambda_)[0])
    limit = least.deviance[row, best] + least.deviance_se[row, best]
    assert rule.deviance[row, at] <= limit
    assert (rule.deviance[row, :at] > limit).all()
    assert (rule.coef != 0).sum() <= (least.coef != 0).sum()


def test_deviance_is_that_of_left_out_patients(cohort):
    fit = tuned(cohort)
    x, (codes, _) = cohort.features.to_numpy(), patient_codes(cohort.patients)
    fold, at = grouped_folds(codes, cohort.event, 4, (1,)), 7
    total = 0.0
    for k in range(4):
        prepared = learn_preparation(x[fold != k])
        path = fit_path(prepared.apply(x[fold != k]), cohort.event[fold != k], 1.0, fit.lambdas[1])
        eta = path.intercepts[at] + prepared.apply(x[fold == k]) @ path.coefs[at]
        p = 1 / (1 + np.exp(-eta))
        y = cohort.event[fold == k]
        total += -2 * np.log(np.where(y, p, 1 - p)).sum()
    assert fit.deviance[1, at] == pytest.approx(total / len(x), rel=1e-10)


def test_unit_and_origin_of_expression_do_not_matter(cohort):
    moved = cohort._replace(features=3 * cohort.features - 40)
    np.testing.assert_allclose(tuned(moved).coef, tuned(cohort).coef, atol=1e-6)


def test_too_few_event_patients_are_refused(cohort):
    with pytest.raises(AnalysisError, match="event patients"):
        tuned(cohort._replace(event=np.arange(len(cohort.event)) == 0))


def test_the_smallest_penalty_follows_glmnet_unless_it_is_stated(cohort):
    def ratio(fit):
        return fit.lambdas[0, -1] / fit.lambdas[0, 0]

    assert ratio(tuned(cohort)) == pytest.approx(1e-4)
    assert ratio(tuned(cohort, lambda_min_ratio=0.02)) == pytest.approx(0.02)
    wide = cohort.features.iloc[:12].T.reset_index(drop=True)
    few = cohort._replace(features=wide, event=np.arange(9) % 2 == 0, patients=np.arange(9))
    assert ratio(tuned(few)) == pytest.approx(0.01)


@pytest.mark.parametrize("rule", ["one_standard_error", "minimum"])
def test_full_paths_give_the_same_model(rule):
    # Forty genes for some fifty event rows: the end of the path is far above its least deviance.
    c = Population(genes=40, modules=4, effect=0.4, rate=0.2).draw(60, np.random.default_rng(1))
    settings = Settings(alphas=(0.5, 1.0), n_lambdas=60, inner_folds=4, tuning=rule)
    early, full = (
        tune_elastic_net(c.x, c.event, c.patient, replace(settings, full_path=path), (1,)) for path in (False, True)
    )
    assert np.isnan(early.deviance).any() and not np.isnan(full.deviance).any()
    assert (early.alpha, early.lambda_) == (full.alpha, full.lambda_)
    np.testing.assert_array_equal(early.coef, full.coef)
    np.testing.assert_array_equal(early.inner_predictor, full.inner_predictor)


def test_inner_predictions_are_those_of_the_chosen_penalty(cohort):
    fit = tuned(cohort)
    x, (codes, _) = cohort.features.to_numpy(), patient_codes(cohort.patients)
    fold, row = grouped_folds(codes, cohort.event, 4, (1,)), SMALL.alphas.index(fit.alpha)
    assert fit.n_inner_folds == 4
    test = fold == 2
    prepared = learn_preparation(x[~test])
    at = int(np.flatnonzero(fit.lambdas[row] == fit.lambda_)[0])
    path = fit_path(prepared.apply(x[~test]), cohort.event[~test], fit.alpha, fit.lambdas[row, : at + 1])
    expected = path.intercepts[at] + prepared.apply(x[test]) @ path.coefs[at]
    np.testing.assert_allclose(fit.inner_predictor[test], expected, rtol=1e-10)


def test_the_least_deviance_gives_alpha_and_the_rule_lambda():
    mean = np.array([[1.0, 0.9, 0.7, np.nan], [1.0, 0.62, 0.6, 0.8]])
    se = np.full_like(mean, 0.05)
    assert choose_penalty(mean, se, "minimum") == (1, 2)
    assert choose_penalty(mean, se, "one_standard_error") == (1, 1)
    assert choose_penalty(mean, se * 10, "one_standard_error") == (1, 0)
