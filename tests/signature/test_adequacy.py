from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance.logistic import fit_logistic
from lumier_analysis.signature.adequacy import (
    adequacy_sentence,
    adequacy_table,
    expected_shrinkage,
    maximum_r2,
    r2_from_c,
    required_size,
)


@pytest.mark.parametrize(
    ("parameters", "prevalence", "r2", "sizes", "ceiling"),
    [
        # The documented binary examples of pmsampsize (R 1.1.3), and its output for a published mortality model.
        (24, 0.174, 0.288, (623, 662, 221), 0.603),
        (30, 0.47, 0.1845, (1308, 709, 383), 0.749),
    ],
)
def test_agrees_with_pmsampsize(parameters, prevalence, r2, sizes, ceiling):
    assert tuple(required_size(parameters, prevalence, r2).values()) == sizes
    assert maximum_r2(prevalence) == pytest.approx(ceiling, abs=5e-4)


# pmsampsize simulates the R² that a C statistic stands for, in a million subjects: its own error is about 1 %.
SIMULATED = 0.02


def test_r2_from_a_c_statistic_agrees_with_pmsampsize():
    """Its documented example: C 0.89 at a prevalence of 0.174 stands for the R² of 0.288."""
    assert r2_from_c(0.89, 0.174) == pytest.approx(0.288, rel=SIMULATED)


@pytest.mark.parametrize(("parameters", "units", "events"), [(1, 292, 18), (3, 876, 53), (5, 1460, 88)])
def test_sizes_of_this_design(parameters, units, events):
    """6 % events, C 0.70, shrinkage 0.9: the numbers the design was planned with, from such a simulation."""
    size = required_size(parameters, 0.06, r2_from_c(0.70, 0.06))["shrinkage"]
    assert size == pytest.approx(units, rel=SIMULATED)
    assert size * 0.06 == pytest.approx(events, rel=0.03)


def test_quadrature_is_the_limit_of_the_published_simulation():
    rng = np.random.default_rng(3)
    n, prevalence, c = 400_000, 0.1, 0.75
    event = np.arange(n) < n * prevalence
    x = rng.standard_normal(n) + np.where(event, np.sqrt(2) * norm.ppf(c), 0.0)
    design = np.column_stack([np.ones(n), x])
    coef = fit_logistic(design, event).coef
    eta = design @ coef
    model = (event * eta - np.logaddexp(0, eta)).mean()
    null = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    assert 1 - np.exp(-2 * (model - null)) == pytest.approx(r2_from_c(c, prevalence), rel=0.02)


def test_expected_shrinkage_inverts_the_first_criterion():
    r2 = r2_from_c(0.7, 0.06)
    n = required_size(3, 0.06, r2)["shrinkage"]
    assert expected_shrinkage(n, 3, r2) == pytest.approx(0.9, abs=2e-4)
    assert expected_shrinkage(500, 96, r2) < 0.3
    slopes = [expected_shrinkage(500, k, r2) for k in (1, 2, 5, 20)]
    assert slopes == sorted(slopes, reverse=True)


def test_table_and_sentence():
    table = adequacy_table(550, 33, 0.70, {"primary score": 1, "clinical model": 5, "96 genes": 96})
    assert table["adequate"].tolist() == [True, False, False]
    assert table.loc["primary score", "needed"] == table.loc["primary score"].iloc[1:4].max()
    sentence = adequacy_sentence(table)
    assert sentence.startswith("With 550 landmarks and 33 events Riley's criteria support primary score (1 parameter);")
    assert f"96 genes (96 parameters) would need {table.loc['96 genes', 'needed']} landmarks" in sentence
    assert "support none of these models; 5 parameters would need" in adequacy_sentence(
        adequacy_table(60, 4, 0.7, [2, 5]), "patients"
    )
    assert adequacy_table(550, 33, 0.7, [1, 2]).index.tolist() == ["1 parameter", "2 parameters"]


def test_impossible_input_is_refused():
    with pytest.raises(AnalysisError, match="0 events of 50"):
        adequacy_table(50, 0, 0.7)
    with pytest.raises(UsageError, match="C statistic"):
        adequacy_table(50, 5, 1.0)
    with pytest.raises(UsageError, match="R² must be above 0"):
        adequacy_table(50, 5, 0.5)
    with pytest.raises(UsageError, match="at most"):
        required_size(3, 0.1, 0.6)
    with pytest.raises(UsageError, match="at least one parameter"):
        required_size(0, 0.1, 0.1)
    with pytest.raises(UsageError, match="prevalence"):
        maximum_r2(1.0)
