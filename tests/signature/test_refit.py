from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature import Recipe, Settings, first_values, refit_elastic_net

GENES = ("a1", "a2", "a3", "a4", "b1", "b2", "b3", "c1", "c2")
MODULES = {"A": ("a1", "a2", "a3", "a4"), "B": ("b1", "b2", "b3")}

SMALL = Settings(alphas=(1.0,), n_lambdas=15, inner_folds=3)


def test_finds_the_genes_that_carry_the_risk(cohort):
    refit = refit_elastic_net(*cohort, settings=SMALL)
    assert refit.genes == tuple(cohort.features.columns)
    assert len(refit.selected) and (refit.selected.filter(like="a") > 0).any()
    assert refit.selected.equals(refit_elastic_net(*cohort, settings=SMALL).selected)


def test_noise_may_select_nothing(cohort):
    shuffled = np.random.default_rng(0).permutation(cohort.event)
    assert refit_elastic_net(cohort.features, shuffled, cohort.patients, settings=SMALL).selected.empty


def test_rows_must_match(cohort):
    with pytest.raises(AnalysisError, match="length"):
        refit_elastic_net(cohort.features.iloc[1:], cohort.event, cohort.patients)


@pytest.mark.parametrize(
    "recipe",
    [
        None,
        Recipe(GENES, parts=("modules", "genes"), modules=MODULES),
        Recipe(
            GENES, parts=("modules",), modules={"A": ("a1", "a2"), "B": ("b1",)}, references=("b2", "b3", "c1", "c2")
        ),
    ],
)
def test_modules_and_references_dissolve_into_weights_of_genes(cohort, recipe):
    refit = refit_elastic_net(*cohort, settings=replace(SMALL, tuning="minimum"), recipe=recipe)
    weights, intercept = refit.gene_weights()
    expression = cohort.features
    if recipe and recipe.references:
        chosen = list(refit.fit.preparation.design.reference_names)
        expression = expression.sub(expression[chosen].mean(axis=1), axis=0)
    assert len(weights) and not set(weights.index) & set(recipe.references if recipe else ())
    by_hand = intercept + expression[weights.index] @ weights
    np.testing.assert_allclose(by_hand, refit.fit.linear_predictor(cohort.features.to_numpy()), atol=1e-10)


def test_a_score_that_needs_two_samples_has_no_gene_weights(cohort):
    recipe = Recipe(GENES, parts=("genes", "genes_change"))
    days = np.tile([0, 91, 182], 80)
    first = first_values(cohort.features, cohort.patients, days).add_suffix("_first")
    both = pd.concat([cohort.features + 3 * cohort.event[:, None] * (days > 0)[:, None], first], axis=1)
    refit = refit_elastic_net(
        both, cohort.event, cohort.patients, settings=replace(SMALL, tuning="minimum"), recipe=recipe
    )
    assert refit.selected.index.str.contains("change").any()
    with pytest.raises(AnalysisError, match="more than the expression of one sample"):
        refit.gene_weights()


def test_perfect_separation_gives_a_finite_model(cohort):
    turned = cohort.features.copy()
    turned["a1"] = np.where(cohort.event, 9.0, 1.0)
    refit = refit_elastic_net(turned, cohort.event, cohort.patients, settings=SMALL)
    assert list(refit.selected.index) == ["a1"] and np.isfinite(refit.fit.coef).all()
    score = refit.fit.linear_predictor(turned.to_numpy())
    assert score[cohort.event].min() > score[~cohort.event].max()


def test_one_event_is_refused(cohort):
    with pytest.raises(AnalysisError, match=r"two event patients and a non-event\. Found: 1 event patients"):
        refit_elastic_net(cohort.features, np.arange(240) == 5, cohort.patients)
