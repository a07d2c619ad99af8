from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import stratified_auc
from lumier_analysis.signature import Recipe, Settings, grouped_folds, nested_cv
from lumier_analysis.signature.folds import patient_codes
from lumier_analysis.signature.tuning import tune_elastic_net
from lumier_analysis.simulation.cohort import Population

SMALL = Settings(alphas=(1.0,), n_lambdas=15, inner_folds=3)


def run(cohort, tuning=SMALL, **more):
    return nested_cv(cohort.features, cohort.event, cohort.patients, outer_folds=4, settings=tuning, seed=7, **more)


@pytest.fixture(scope="module")
def result(cohort):
    return run(cohort)


def test_every_row_is_predicted_once_by_a_model_that_never_saw_its_patient(cohort, result):
    assert sorted(result.out_of_fold["row"]) == sorted(cohort.features.index)
    codes, _ = patient_codes(cohort.patients)
    fold, x = grouped_folds(codes, cohort.event, 4, (7, 0)), cohort.features.to_numpy()
    train = fold != 2
    fit = tune_elastic_net(x[train], cohort.event[train], codes[train], SMALL, (7, 0, 2))
    mine = result.out_of_fold[result.out_of_fold["fold"] == 2]
    np.testing.assert_allclose(mine["linear_predictor"], fit.linear_predictor(x[fold == 2]), rtol=1e-10)


def test_auc_uses_pairs_within_folds(cohort, result):
    frame = result.out_of_fold.set_index("row").loc[cohort.features.index]
    expected = stratified_auc(cohort.event, frame["linear_predictor"].to_numpy(), frame["fold"].to_numpy())
    assert result.auc.value == expected.value
    assert result.auc.value > 0.6 and result.auc.ci_low < result.auc.value < result.auc.ci_high
    assert (result.auc.n_patients, result.auc.n_rows, result.auc.n_events) == (80, 240, cohort.event.sum())


def test_signal_genes_are_selected_most(result):
    assert set(result.selection_frequency.index[:2]) <= {"a1", "a2", "a3", "a4"}
    assert result.folds["n_genes"].sum() == round(result.selection_frequency.sum() * 4)
    assert (result.folds["n_patients_train"] + result.folds["n_patients_test"] == 80).all()


def test_number_of_processes_does_not_matter(cohort, result):
    calls = []
    other = run(cohort, n_jobs=2, progress=lambda done, total: calls.append((done, total)))
    pd.testing.assert_frame_equal(other.out_of_fold, result.out_of_fold, check_exact=True)
    assert other.auc == result.auc
    assert calls == [(i, 4) for i in range(1, 5)]


def test_an_exception_in_progress_stops_the_work(cohort):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(cohort, progress=stop)


def test_outcomes_of_the_test_fold_cannot_change_its_predictions(cohort):
    """A leak would show: turn round the outcomes of one outer fold, its scores must stay."""
    patients = cohort.patients
    fold = grouped_folds(patients, cohort.event, 4, (7, 0))
    turned = cohort.event.copy()
    inside = fold == 0
    # Event patients stay event patients, so that the folds are the same.
    who = [p for p in np.unique(patients[inside]) if cohort.event[patients == p].any()][:2]
    for p in who:
        turned[patients == p] = turned[patients == p][::-1]
    assert (turned != cohort.event).any()
    a = run(cohort).out_of_fold
    b = run(cohort._replace(event=turned)).out_of_fold
    pd.testing.assert_frame_equal(a[a["fold"] == 0], b[b["fold"] == 0], check_exact=True)
    assert (a["linear_predictor"] != b["linear_predictor"])[a["fold"] == 1].all()


def test_noise_gives_one_half(cohort):
    # Pooling pairs over folds would be biased below 0.5; within folds it is not. 12 studies with SE about 0.06 each.
    rng, values = np.random.default_rng(1), []
    for _ in range(12):
        noise = pd.DataFrame(rng.standard_normal((120, 5)))
        event = rng.random(120) < 0.25
        r = nested_cv(
            noise,
            event,
            np.repeat(np.arange(60), 2),
            outer_folds=4,
            settings=Settings(alphas=(1.0,), n_lambdas=8, inner_folds=3, tuning="minimum"),
        )
        values.append(r.auc.value)
    assert abs(np.mean(values) - 0.5) < 3 * 0.06 / math.sqrt(12)


def test_repeats_average_predictions(cohort):
    r = run(cohort, repeats=2)
    assert len(r.out_of_fold) == 2 * len(cohort.features) and len(r.linear_predictor) == len(cohort.features)
    first = r.out_of_fold[r.out_of_fold["row"] == "S000"]["linear_predictor"]
    assert r.linear_predictor["S000"] == pytest.approx(first.mean())


def test_too_few_event_patients_are_a_stated_result(cohort):
    r = run(cohort._replace(event=np.isin(np.arange(240), [0, 3, 6])))
    assert math.isnan(r.auc.value) and "3 event patients" in r.auc.note and r.folds.empty


def test_few_event_patients_mean_fewer_folds():
    rng = np.random.default_rng(0)
    event = np.zeros(60, dtype=bool)
    event[:5] = True
    r = nested_cv(pd.DataFrame(rng.standard_normal((60, 3))), event, np.arange(60), settings=SMALL)
    assert len(r.folds) == 5 and "5 outer folds instead of 10" in r.auc.note


def test_missing_features_are_imputed_and_infinite_ones_refused(cohort):
    holes = cohort.features.mask(np.random.default_rng(0).random(cohort.features.shape) < 0.1)
    assert math.isfinite(run(cohort._replace(features=holes)).auc.value)
    with pytest.raises(AnalysisError, match="infinite"):
        run(cohort._replace(features=cohort.features.replace(cohort.features.iloc[0, 0], np.inf)))


def test_rows_that_do_not_match_are_refused(cohort):
    with pytest.raises(AnalysisError, match="length"):
        run(cohort._replace(features=cohort.features.iloc[1:]))
    with pytest.raises(AnalysisError, match="doubled"):
        run(cohort._replace(features=cohort.features.set_axis(["S"] * 240)))


def test_thresholds_are_chosen_inside_the_folds(cohort):
    settings = replace(SMALL, threshold="sensitivity", threshold_target=0.7)
    r = run(cohort, tuning=settings)
    at = r.folds["threshold"].to_numpy()
    assert np.isfinite(at).all() and np.unique(at).size == 4
    frame = r.out_of_fold
    np.testing.assert_array_equal(frame["positive"], frame["linear_predictor"] >= at[frame["fold"]])
    event = pd.Series(cohort.event, index=cohort.features.index).loc[frame["row"]].to_numpy()
    assert r.flagging is not None
    assert r.flagging.loc["sensitivity", "value"] == frame["positive"][event].mean()
    assert r.flagging.loc["specificity", "denominator"] == (~event).sum()
    assert run(cohort).flagging is None and run(cohort).out_of_fold["positive"].isna().all()


def test_folds_with_an_empty_model_flag_nobody(cohort):
    noise = cohort.features * 0 + np.random.default_rng(3).standard_normal(cohort.features.shape)
    r = run(cohort._replace(features=noise), tuning=replace(SMALL, threshold="youden"))
    empty = r.folds.loc[r.folds["n_genes"] == 0, "fold"]
    assert len(empty) and r.folds.loc[r.folds["n_genes"] == 0, "threshold"].isna().all()
    assert r.out_of_fold.loc[r.out_of_fold["fold"].isin(empty), "positive"].isna().all()
    assert (r.flagging is None) == (len(empty) == 4)


def test_every_step_of_a_recipe_is_learned_from_the_training_rows(cohort):
    """Rows of one outer fold are made absurd: the models that predict it cannot know, and the others do."""
    recipe = Recipe(
        tuple(cohort.features.columns),
        parts=("genes", "modules"),
        modules={"A": ("a1", "a2", "a3", "a4")},
        references=("b1", "b2", "b3", "c1", "c2"),
        n_references=3,
        screen=4,
    )
    first = run(cohort, recipe=recipe)
    fold = grouped_folds(cohort.patients, cohort.event, 4, (7, 0))
    absurd = cohort.features.copy()
    scale = np.random.default_rng(0).standard_normal(absurd.shape) * 100
    absurd[fold == 1] += scale[fold == 1]
    second = run(cohort._replace(features=absurd), recipe=recipe)
    same = ["alpha", "lambda", "n_genes", "references"]
    assert first.folds.loc[1, same].equals(second.folds.loc[1, same])
    assert not first.folds.loc[0, same].equals(second.folds.loc[0, same])
    assert first.folds["references"].str.count(",").eq(2).all()
    assert list(first.selection_frequency.sort_index().index) == sorted(recipe.columns)
    assert math.isfinite(first.auc.value)


def test_folds_may_be_balanced_by_centre(cohort):
    centres = np.where(np.arange(240) < 60, "Lille", "Metz")
    r = run(cohort, centres=centres)
    expected = grouped_folds(cohort.patients, cohort.event, 4, (7, 0), centre=centres)
    got = r.out_of_fold.set_index("row").loc[cohort.features.index, "fold"]
    np.testing.assert_array_equal(got, expected)


def test_one_event_is_a_stated_result(cohort):
    r = run(cohort._replace(event=np.arange(240) == 5))
    assert math.isnan(r.auc.value) and "1 event patients" in r.auc.note


def test_only_events_are_a_stated_result(cohort):
    r = run(cohort._replace(event=np.ones(240, bool)))
    assert math.isnan(r.auc.value) and "every row is an event" in r.note


def test_a_fold_without_events_is_a_stated_degradation(cohort):
    """Five event patients in five folds, one of whom has only event rows: that fold has no pair."""
    event = np.zeros(240, bool)
    event[[3, 30, 60, 90]] = True
    event[120:123] = True
    alone = cohort.features.iloc[[3, 4, 30, 31, 60, 61, 90, 91, 120, 121, 122]]
    r = nested_cv(
        alone,
        event[[3, 4, 30, 31, 60, 61, 90, 91, 120, 121, 122]],
        cohort.patients[[3, 4, 30, 31, 60, 61, 90, 91, 120, 121, 122]],
        settings=SMALL,
        seed=7,
    )
    assert "1 of 5 strata hold no pair" in r.auc.note and math.isfinite(r.auc.value)


def test_constant_features_are_named_and_never_selected(cohort):
    r = run(cohort._replace(features=cohort.features.assign(b1=3.0)))
    assert "1 features are constant or empty and cannot be selected: b1" in r.note
    assert r.selection_frequency["b1"] == 0 and r.note in r.auc.note


def test_perfect_separation_is_a_stated_degradation(cohort):
    turned = cohort.features.assign(a1=np.where(cohort.event, 900.0, 1.0))
    r = run(cohort._replace(features=turned), tuning=replace(SMALL, tuning="minimum"))
    assert r.auc.value == 1 and "4 of 4 outer fits separate their training rows" in r.auc.note
    assert np.isfinite(r.linear_predictor).all()


@pytest.mark.proof
def test_ten_repeats_of_the_full_nested_cross_validation():
    """Ten repeats share their patients, so they spread less than the standard error over patients says."""
    c = Population(effect=0.5).draw(150, np.random.default_rng(1))
    r = nested_cv(pd.DataFrame(c.x), c.event, c.patient, settings=Settings(tuning="minimum"), repeats=10, n_jobs=-1)
    assert len(r.folds) == 100 and len(r.out_of_fold) == 6000 and "10 x 10 folds" in r.auc.method
    event = c.event[r.out_of_fold["row"]]
    each = [
        stratified_auc(event[one], part["linear_predictor"].to_numpy(), part["fold"].to_numpy()).value
        for _, part in r.out_of_fold.groupby("repeat")
        for one in [part.index]
    ]
    # Pairs of a repeat differ a little in number; the pooled AUC is their mean but for that.
    assert r.auc.value == pytest.approx(np.mean(each), abs=0.002)
    assert 0 < np.std(each, ddof=1) < r.auc.se
    assert (r.auc.n_rows, r.auc.n_events) == (600, c.event.sum())
