from __future__ import annotations

import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.signature.recipe import Recipe

GENES = ("a1", "a2", "b1", "r1", "r2", "r3")


def test_columns_are_named_in_the_order_of_the_parts():
    recipe = Recipe(
        GENES,
        parts=("modules", "genes", "modules_change", "genes_change", "clinical"),
        modules={"A": ("a1", "a2")},
        clinical=("sledai",),
        references=("r1", "r2", "r3"),
        n_references=2,
    )
    assert recipe.columns == (
        *("A", "a1", "a2", "b1", "A_change"),
        *("a1_change", "a2_change", "b1_change", "sledai"),
    )
    assert recipe.part_of_columns[:2] == ("modules", "genes") and recipe.part_of_columns[-1] == "clinical"
    assert recipe.n_features == 13
    assert Recipe(GENES).columns == GENES and Recipe(GENES).n_features == 6


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"parts": ("gene",)}, "unknown candidate features"),
        ({"parts": ()}, "unknown candidate features"),
        ({"references": ("r1", "r9", "r2")}, "r9"),
        ({"references": ("r1", "r2", "r3"), "n_references": 4}, "4 of 3"),
        ({"references": ("r1", "r2"), "n_references": 2}, "three candidates"),
        ({"screen": 0}, "at least one column"),
        ({"parts": ("modules",)}, "no module named"),
        ({"parts": ("modules",), "modules": {"A": ("a1",), "Z": ("z1",)}}, "no measured gene. Found: Z"),
        ({"parts": ("modules",), "modules": {"R": ("r1",)}, "references": ("r1", "r2", "r3")}, "no measured gene"),
        ({"parts": ("clinical",)}, "clinical columns"),
    ],
)
def test_what_cannot_be_made_is_refused(more, message):
    with pytest.raises(UsageError, match=message):
        Recipe(GENES, **more)
