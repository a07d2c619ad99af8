from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.signature import Settings, candidate_features, first_values, nested_cv
from lumier_analysis.signature.candidates import coded_covariates

MODULES = {"A": ["a1", "a2", "a3", "a4", "absent"], "B": ["b1", "b2", "b3"]}


@pytest.fixture
def clinical(cohort):
    rng = np.random.default_rng(0)
    sex = np.where(rng.random(240) < 0.8, "female", "male")
    return pd.DataFrame({"sex": sex, "sledai": rng.integers(0, 5, 240)}, index=cohort.features.index)


def test_genes_alone(cohort):
    features, recipe = candidate_features(cohort.features, modules=MODULES, screen=5)
    pd.testing.assert_frame_equal(features, cohort.features)
    assert recipe.columns == tuple(cohort.features.columns) and recipe.screen == 5


def test_every_part_goes_through_nested_cross_validation(cohort, clinical):
    first = first_values(cohort.features, cohort.patients, np.tile([0, 91, 182], 80))
    features, recipe = candidate_features(
        cohort.features,
        parts=["modules", "genes_change", "modules_change", "clinical"],
        modules=MODULES,
        first=first,
        clinical=clinical,
        references=["c1", "c2", "b3"],
        n_references=2,
    )
    assert features.shape == (240, 20) == (240, recipe.n_features)
    assert recipe.columns[:2] == ("A", "B") and recipe.columns[-2:] == ("sex = male", "sledai")
    settings = Settings(alphas=(0.5,), n_lambdas=15, inner_folds=3, tuning="minimum")
    result = nested_cv(features, cohort.event, cohort.patients, outer_folds=3, settings=settings, recipe=recipe)
    assert set(result.selection_frequency.index) == set(recipe.columns)
    # Module A carries the risk.
    assert result.selection_frequency["A"] == 1 and result.auc.value > 0.65


def test_what_a_part_needs_is_asked_for(cohort, clinical):
    with pytest.raises(UsageError, match="first sample"):
        candidate_features(cohort.features, parts=["genes_change"])
    with pytest.raises(UsageError, match="clinical columns"):
        candidate_features(cohort.features, parts=["clinical"])
    with pytest.raises(UsageError, match=r"no measured gene\. Found: C"):
        candidate_features(cohort.features, parts=["modules"], modules=MODULES | {"C": ["c9"]})
    with pytest.raises(UsageError, match="c9"):
        candidate_features(cohort.features, references=["c1", "c2", "c9"])
    with pytest.raises(AnalysisError, match="same rows"):
        candidate_features(cohort.features, parts=["clinical"], clinical=clinical.iloc[1:])
    with pytest.raises(AnalysisError, match="other genes"):
        candidate_features(cohort.features, parts=["genes_change"], first=cohort.features.iloc[:, 1:])


def test_covariates_become_numbers_and_gaps_stay():
    table = pd.DataFrame(
        {
            "ethnicity": pd.Categorical(["b", "a", "c", None]),
            "nephritis": pd.array([True, False, None, True], "boolean"),
            "c3": [0.9, np.nan, 1.1, 1.0],
        }
    )
    coded = coded_covariates(table)
    assert list(coded.columns) == ["ethnicity = b", "ethnicity = c", "nephritis", "c3"]
    np.testing.assert_array_equal(coded["ethnicity = b"], [1, 0, 0, np.nan])
    np.testing.assert_array_equal(coded["nephritis"], [1, 0, np.nan, 1])
    with pytest.raises(AnalysisError, match="visit_date is neither"):
        coded_covariates(pd.DataFrame({"visit_date": pd.to_datetime(["2020-01-01"])}))
