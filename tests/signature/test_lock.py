from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.signature import Recipe, Settings, lock_elastic_net, lock_module_score, refit_elastic_net
from lumier_analysis.signature.lock import lock_obstacle


def test_module_score_is_the_mean_of_module_means(cohort, context):
    signature = lock_module_score(context, "ab")
    z = (cohort.features - context.mean) / context.sd
    expected = (z[["a1", "a2", "a3", "a4"]].mean(axis=1) + z[["b1", "b2", "b3"]].mean(axis=1)) / 2
    np.testing.assert_allclose(signature.score(cohort.features)["score"], expected, atol=1e-12)
    weighted = sum(signature.weights[g] * z[g] for g in signature.genes)
    np.testing.assert_allclose(weighted, expected, atol=1e-12)


def test_elastic_net_scores_as_the_refit_did(cohort, context):
    refit = refit_elastic_net(*cohort, settings=Settings(alphas=(0.5,), n_lambdas=20, inner_folds=3))
    # Another reference than the training rows: only the scale of the weights may change.
    elsewhere = replace(context, mean=context.mean + 1.3, sd=2 * context.sd)
    signature = lock_elastic_net(elsewhere, refit)
    expected = refit.fit.linear_predictor(cohort.features.to_numpy())
    np.testing.assert_allclose(signature.score(cohort.features)["score"], expected, atol=1e-10)
    assert set(signature.genes) == set(refit.selected.index)
    assert lock_obstacle(elsewhere, refit) == ""


def test_an_elastic_net_of_modules_is_locked_as_weights_of_genes(cohort, context):
    modules = {m: tuple(g) for m, g in context.modules.items()}
    recipe = Recipe(genes=tuple(cohort.features), parts=("modules",), modules=modules)
    refit = refit_elastic_net(*cohort, recipe=recipe, settings=Settings(alphas=(0.5,), n_lambdas=20, inner_folds=3))
    signature = lock_elastic_net(replace(context, mean=context.mean - 0.4, sd=3 * context.sd), refit)
    expected = refit.fit.linear_predictor(cohort.features.to_numpy())
    np.testing.assert_allclose(signature.score(cohort.features)["score"], expected, atol=1e-10)


def test_references_chosen_by_the_model_must_be_the_frozen_ones(cohort, context):
    recipe = Recipe(genes=tuple(cohort.features), references=("b1", "b2", "b3", "c1"), n_references=2)
    settings = Settings(alphas=(0.5,), n_lambdas=20, inner_folds=3, tuning="minimum")
    refit = refit_elastic_net(*cohort, recipe=recipe, settings=settings)
    chosen = refit.fit.preparation.design.reference_names
    with pytest.raises(SignatureError, match=r"own choice.*frozen are r1, r2"):
        lock_elastic_net(context, refit)
    alike = replace(context.measurement, reference_levels=pd.Series(dict.fromkeys(chosen, 12.0)))
    assert set(lock_elastic_net(replace(context, measurement=alike), refit).reference_genes) == set(chosen)


def test_a_model_that_needs_two_samples_is_not_locked(cohort, context):
    first = cohort.features.groupby(cohort.patients).transform("first").add_suffix(" (first)")
    recipe = Recipe(genes=tuple(cohort.features), parts=("genes_change",))
    refit = refit_elastic_net(
        pd.concat([cohort.features, first], axis=1), cohort.event, cohort.patients, recipe=recipe,
        settings=Settings(alphas=(0.5,), n_lambdas=20, inner_folds=3, tuning="minimum"),
    )  # fmt: skip
    assert not refit.selected.empty
    with pytest.raises(AnalysisError, match="more than the expression of one sample"):
        lock_elastic_net(context, refit)
    assert lock_obstacle(context, refit).startswith("the model needs more than the expression of one sample (")


def test_test_vectors_cover_the_missing_gene_rule(context):
    signature = lock_module_score(context, "ab")
    assert len(signature.test_vectors) == 10
    scores = [v["score"] for v in signature.test_vectors]
    assert None not in scores[:9] and scores[9] is None
    assert len(signature.test_vectors[8]["expression"]) == len(signature.genes) - 1


def test_genes_without_scaling_are_left_out_and_said(cohort, context):
    sd = context.sd.copy()
    sd["a1"], sd["b2"] = 0.0, np.nan
    signature = lock_module_score(replace(context, sd=sd), "ab")
    assert signature.genes_left_out == ("a1", "b2")
    assert signature.weights == pytest.approx({"a2": 1 / 6, "a3": 1 / 6, "a4": 1 / 6, "b1": 1 / 4, "b3": 1 / 4})
    # The share is of the genes as listed: two of four are half, one is too few.
    two = cohort.features.iloc[:1].assign(a4=np.nan)
    assert signature.score(two)["scorable"].item()
    assert not signature.score(two.assign(a3=np.nan))["scorable"].item()


def test_what_cannot_be_locked_is_refused(cohort, context):
    with pytest.raises(SignatureError, match="no score xyz"):
        lock_module_score(context, "xyz")
    with pytest.raises(SignatureError, match="module B"):
        lock_module_score(replace(context, mean=context.mean.drop(["b1", "b2"])), "ab")
    refit = refit_elastic_net(*cohort, settings=Settings(alphas=(0.5,), n_lambdas=20, inner_folds=3))
    with pytest.raises(SignatureError, match="no usable scaling"):
        lock_elastic_net(replace(context, sd=context.sd * 0), refit)
    empty = replace(refit, fit=replace(refit.fit, coef=np.zeros(9)))
    with pytest.raises(SignatureError, match="no gene"):
        lock_elastic_net(context, empty)
    assert lock_obstacle(context, empty) == ""


def test_without_calibration_and_threshold(cohort, context):
    table = lock_module_score(replace(context, calibration=None, threshold=None), "ab").score(cohort.features)
    assert table["scorable"].all() and table["risk"].isna().all() and table["flag"].isna().all()
    assert isinstance(table["flag"].dtype, pd.BooleanDtype)
