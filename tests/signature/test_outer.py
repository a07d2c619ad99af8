from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lumier_analysis.signature.features import check_features
from lumier_analysis.signature.outer import OuterJob, fold_threshold, outer_fit, run_outer
from lumier_analysis.signature.threshold import choose_threshold
from lumier_analysis.signature.tuning import Settings, tune_elastic_net

SETTINGS = Settings(alphas=(0.5,), n_lambdas=20, inner_folds=4, tuning="minimum", threshold="youden")


@pytest.fixture
def data(cohort):
    return check_features(*cohort, None)


@pytest.fixture
def job(data):
    test = data.patient >= 60
    return OuterJob(~test, test, (1, 2))


def test_the_fit_is_that_of_the_training_rows_and_scores_the_others(data, job):
    fit = outer_fit(data, job, SETTINGS)
    alone = tune_elastic_net(data.x[job.train], data.event[job.train], data.patient[job.train], SETTINGS, (1, 2))
    np.testing.assert_array_equal(fit.scores, alone.linear_predictor(data.x[job.test]))
    assert fit.line["n_patients_train"] == 60 and fit.line["n_patients_test"] == 20
    assert fit.line["n_genes"] == np.count_nonzero(fit.coef) > 0 and not fit.separated


def test_the_threshold_is_chosen_on_inner_predictions_of_the_training_rows(data, job):
    train = job.train
    fit = tune_elastic_net(data.x[train], data.event[train], data.patient[train], SETTINGS, (1, 2))
    expected = choose_threshold(data.event[train], fit.inner_predictor, rule="youden").value
    assert fold_threshold(fit, data.event[train], SETTINGS) == outer_fit(data, job, SETTINGS).threshold == expected
    # Not the fitted scores, which are too sure of themselves.
    assert expected != choose_threshold(data.event[train], fit.linear_predictor(data.x[train]), rule="youden").value


def test_no_threshold_where_none_is_asked_for_or_nothing_is_selected(data, job):
    assert math.isnan(outer_fit(data, job, Settings(alphas=(1.0,), n_lambdas=10, inner_folds=3)).threshold)
    noise = data.x * 0 + np.random.default_rng(0).standard_normal(data.x.shape)
    fit = tune_elastic_net(
        noise, data.event, data.patient, Settings(alphas=(1.0,), n_lambdas=10, threshold="youden"), (1,)
    )
    assert not fit.coef.any() and math.isnan(fold_threshold(fit, data.event, Settings(threshold="youden")))


def test_separated_training_rows_are_said_to_be(data, job):
    x = data.x + 100 * data.event[:, None]
    fit = outer_fit(replace(data, x=x), job, SETTINGS)
    assert fit.separated and np.isfinite(fit.scores).all()


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_fits_come_in_the_order_of_the_jobs(data, job, n_jobs):
    jobs = [job._replace(seed=(s,)) for s in range(4)]
    done = []
    fits = run_outer(data, jobs, SETTINGS, n_jobs=n_jobs, progress=lambda i, n: done.append((i, n)))
    for one, fit in zip(jobs, fits, strict=True):
        np.testing.assert_array_equal(fit.scores, outer_fit(data, one, SETTINGS).scores)
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
