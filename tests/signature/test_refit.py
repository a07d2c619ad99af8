from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature import Settings, refit_elastic_net

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
