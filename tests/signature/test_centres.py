from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc, stratified_auc
from lumier_analysis.signature import Settings, leave_one_centre_out
from lumier_analysis.signature.centres import MERGED, merge_small
from lumier_analysis.signature.folds import patient_codes
from lumier_analysis.signature.tuning import tune_elastic_net

SMALL = Settings(alphas=(0.5,), n_lambdas=15, inner_folds=3, tuning="minimum")


@pytest.fixture
def centres(cohort):
    number = np.array([int(p[1:]) for p in cohort.patients])
    return np.array(["Lille", "Metz", "Nice", "Nice"])[number % 4]


def run(cohort, centres, **more):
    return leave_one_centre_out(
        cohort.features, cohort.event, cohort.patients, centres, settings=SMALL, seed=7, minimum_events=3, **more
    )


def test_each_centre_is_predicted_by_a_model_of_the_others(cohort, centres):
    result = run(cohort, centres)
    assert list(result.by_centre) == ["Lille", "Metz", "Nice"] == result.fits["centre"].tolist()
    train = centres != "Metz"
    codes, _ = patient_codes(cohort.patients)
    x = cohort.features.to_numpy()
    fit = tune_elastic_net(x[train], cohort.event[train], codes[train], SMALL, (7, 1))
    mine = result.out_of_centre.set_index("row").loc[cohort.features.index[~train], "linear_predictor"]
    np.testing.assert_array_equal(mine, fit.linear_predictor(x[~train]))
    expected = auc(cohort.event[~train], mine.to_numpy(), cluster=cohort.patients[~train])
    assert result.by_centre["Metz"].value == pytest.approx(expected.value)
    assert result.by_centre["Metz"].n_patients == 20


def test_pooled_auc_counts_pairs_within_a_centre(cohort, centres):
    result = run(cohort, centres)
    score = result.out_of_centre.set_index("row").loc[cohort.features.index, "linear_predictor"].to_numpy()
    expected = stratified_auc(cohort.event, score, centres, cluster=cohort.patients)
    assert result.pooled.value == expected.value > 0.6 and result.pooled.se == expected.se
    assert "leave one centre out" in result.pooled.method and result.note == ""


def test_number_of_jobs_does_not_matter(cohort, centres):
    done = []
    a, b = run(cohort, centres), run(cohort, centres, n_jobs=2, progress=lambda i, n: done.append((i, n)))
    pd.testing.assert_frame_equal(a.out_of_centre, b.out_of_centre, check_exact=True)
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_small_centres_are_left_out_together():
    event = np.ones(20, bool)
    centre = np.array(["a"] * 9 + ["b"] * 6 + ["c"] * 3 + ["d"] * 2)
    merged = merge_small(event, np.arange(20), centre, 5)
    assert dict(zip(*np.unique(merged, return_counts=True), strict=True)) == {"a": 9, "b": 6, MERGED: 5}
    # One small centre alone is joined by the smallest of the others.
    merged = merge_small(event, np.arange(20), np.array(["a"] * 9 + ["b"] * 9 + ["c"] * 2), 5)
    assert sorted(np.unique(merged)) == ["b", MERGED]
    with pytest.raises(AnalysisError, match="may be called"):
        merge_small(event, np.arange(20), np.array([MERGED] * 20), 5)


def test_merging_is_said(cohort, centres):
    result = leave_one_centre_out(
        cohort.features, cohort.event, cohort.patients, centres, settings=SMALL, minimum_events=13
    )
    assert MERGED in result.by_centre and "fewer than 13 event patients" in result.pooled.note


def test_one_centre_is_a_stated_result(cohort):
    result = run(cohort, np.full(240, "Lille"))
    assert math.isnan(result.pooled.value) and "one group of centres" in result.pooled.note
    assert result.by_centre == {} and result.fits.empty and result.out_of_centre.empty


def test_too_few_events_outside_a_centre_are_a_stated_result(cohort, centres):
    event = cohort.event & (centres == "Lille")
    event[np.flatnonzero((centres == "Metz") & cohort.event)[:1]] = True
    result = leave_one_centre_out(cohort.features, event, cohort.patients, centres, settings=SMALL, minimum_events=1)
    assert math.isnan(result.pooled.value) and "1 event patients outside a centre" in result.pooled.note


def test_a_patient_in_two_centres_is_refused(cohort, centres):
    centres = centres.copy()
    centres[0] = "Metz" if centres[0] != "Metz" else "Nice"
    with pytest.raises(AnalysisError, match="one centre"):
        run(cohort, centres)


def test_empty_models_have_no_interval(cohort, centres):
    # Noise under the one-standard-error rule: models without a gene, whose AUC of 1/2 has no sampling error.
    noise = pd.DataFrame(np.random.default_rng(3).normal(size=(len(cohort.event), 3)), columns=list("abc"))
    result = leave_one_centre_out(
        noise, cohort.event, cohort.patients, centres, settings=Settings(inner_folds=3, n_lambdas=20)
    )
    assert (result.fits["n_genes"] == 0).any()
    assert np.isnan(result.pooled.ci_low) and np.isnan(result.pooled.se)
    assert "selected no gene" in result.pooled.note
