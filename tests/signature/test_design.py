from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import fit_scaling, genorm, module_scores
from lumier_analysis.signature.design import column_mean_sd, learn_design
from lumier_analysis.signature.recipe import Recipe

GENES = ("a1", "a2", "a3", "b1", "r1", "r2", "r3", "r4")
MODULES = {"A": ("a1", "a2", "a3"), "B": ("b1",)}
REFERENCES = ("r1", "r2", "r3", "r4")


@pytest.fixture
def table():
    """log2 quantities with a shift of the whole sample; r1 is the unstable reference."""
    rng = np.random.default_rng(5)
    x = pd.DataFrame(rng.standard_normal((40, 8)), columns=GENES)
    x[["r2", "r3", "r4"]] *= 0.05
    return x + rng.standard_normal((40, 1)) + 7


def test_references_are_those_of_genorm_and_are_subtracted(table):
    recipe = Recipe(GENES, references=REFERENCES, n_references=2)
    design = learn_design(table.to_numpy(), recipe)
    best = genorm(table[list(REFERENCES)]).ranking[:2]
    assert set(design.reference_names) == set(best) and "r1" not in best
    made = pd.DataFrame(design.apply(table.to_numpy()), columns=recipe.columns)
    expected = table[["a1", "a2", "a3", "b1"]].sub(table[best].mean(axis=1), axis=0)
    pd.testing.assert_frame_equal(made, expected)


def test_other_training_rows_may_choose_other_references(table):
    turned = table.rename(columns={"r1": "r4", "r4": "r1"})[list(GENES)]
    recipe = Recipe(GENES, references=REFERENCES, n_references=3)
    assert "r4" in learn_design(table.to_numpy(), recipe).reference_names
    assert "r4" not in learn_design(turned.to_numpy(), recipe).reference_names


def test_a_reference_that_a_sample_lacks_does_not_shift_it(table):
    recipe = Recipe(GENES, references=REFERENCES, n_references=2)
    x = table.to_numpy()
    x[:, 6] += 5
    design = learn_design(x, recipe)
    assert design.reference_names == ("r3", "r4")
    holes = x.copy()
    holes[0, 6], holes[1, [6, 7]] = np.nan, np.nan
    whole, made = design.apply(x), design.apply(holes)
    # r3 and r4 follow the sample to 0.05.
    np.testing.assert_allclose(made[0], whole[0], atol=0.2)
    assert np.isnan(made[1]).all()
    np.testing.assert_array_equal(made[2:], whole[2:])


def test_modules_are_the_modules_scores_against_the_training_rows(table):
    recipe = Recipe(GENES, parts=("modules",), modules=MODULES)
    train, new = table.iloc[:30], table.iloc[30:].copy()
    new.iloc[0, 0], new.iloc[1, :2], new.iloc[2, 3] = np.nan, np.nan, np.nan
    made = learn_design(train.to_numpy(), recipe).apply(new.to_numpy())
    expected = module_scores(new, MODULES, fit_scaling(train))
    np.testing.assert_allclose(made, expected.to_numpy(), rtol=1e-12)
    assert np.isnan(made[1, 0]) and np.isnan(made[2, 1]) and np.isfinite(made[0]).all()


def test_a_change_is_the_value_minus_the_first_samples(table):
    recipe = Recipe(
        GENES, parts=("genes", "genes_change", "modules_change", "clinical"), modules=MODULES, clinical=("sledai",)
    )
    first = table.iloc[::-1].to_numpy()
    x = np.column_stack([table.to_numpy(), first, np.arange(40.0)])
    design = learn_design(x, recipe)
    made = pd.DataFrame(design.apply(x), columns=recipe.columns)
    np.testing.assert_allclose(made["a2_change"], table["a2"] - first[:, 1])
    np.testing.assert_allclose(made["sledai"], np.arange(40))
    z = (table["b1"] - first[:, 3]) / table["b1"].std()
    np.testing.assert_allclose(made["B_change"], z)
    # One yardstick for both samples: the change of the reversed table is the reverse.
    np.testing.assert_allclose(made["A_change"], -made["A_change"].to_numpy()[::-1])


def test_genes_alone_are_taken_as_they_come(table):
    x = table.to_numpy()
    assert learn_design(x, Recipe(GENES)).apply(x) is x


def test_a_constant_or_unmeasured_gene_leaves_its_module_to_the_others(table):
    x = table.to_numpy()
    x[:, 0], x[:, 1] = 3.0, np.nan
    recipe = Recipe(GENES, parts=("modules",), modules={"A": ("a1", "a2", "a3", "b1"), "B": ("a1",)})
    made = learn_design(x, recipe).apply(x)
    z = (x[:, [2, 3]] - x[:, [2, 3]].mean(0)) / x[:, [2, 3]].std(0, ddof=1)
    np.testing.assert_allclose(made[:, 0], z.mean(1))
    assert np.isnan(made[:, 1]).all()


def test_too_few_samples_with_all_candidates_are_refused(table):
    x = table.to_numpy()
    x[9:, 4] = np.nan
    with pytest.raises(AnalysisError, match="9 of 40 training rows"):
        learn_design(x, Recipe(GENES, references=REFERENCES))


def test_mean_and_sd_are_of_the_measured_values():
    x = np.array([[1.0, 2.0, np.nan], [3.0, 2.0, np.nan], [8.0, 2.0, 4.0], [np.nan, 2.0, np.nan]])
    mean, sd = column_mean_sd(x)
    np.testing.assert_allclose(mean, [4, 2, 4])
    np.testing.assert_allclose(sd, [np.std([1, 3, 8], ddof=1), 0, 0])
