"""The plan's rules for choosing reference genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import choose_references, genorm, normfinder

#: SD of each gene of its own, log2.
SPREAD = {"A": 0.10, "B": 0.12, "C": 0.2, "D": 0.4, "B2M": 0.9, "F": 2.0}


def quantities(spread: dict[str, float] = SPREAD, n: int = 200, seed: int = 2) -> pd.DataFrame:
    """Draw genes that share the input of RNA and vary on their own besides."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 1, n)
    return pd.DataFrame({g: -15 + shared + rng.normal(0, sd, n) for g, sd in spread.items()})


def test_fixed_uses_every_gene_and_says_what_speaks_against_it() -> None:
    choice = choose_references(quantities())
    assert choice.genes == list(SPREAD)
    assert choice.table["used"].all()
    assert choice.table.index.tolist() == genorm(quantities()).ranking
    assert choice.table["m"].to_dict() == pytest.approx(genorm(quantities()).m.to_dict())
    assert choice.table["stability"].to_dict() == pytest.approx(normfinder(quantities()).to_dict())
    assert choice.table.loc["B2M", "caution"].startswith("interferon-inducible")
    assert any(note.startswith("M above 1, kept") and "F" in note for note in choice.notes)
    assert any(note.startswith("B2M is interferon-inducible") for note in choice.notes)


@pytest.mark.parametrize("rule", ["genorm", "normfinder"])
def test_a_rule_takes_the_stable_genes_and_as_many_as_v_asks_for(rule: str) -> None:
    choice = choose_references(quantities(), rule=rule, maximum_m=1.0)
    assert any(note.startswith("F left out: M") for note in choice.notes)
    number = int(np.flatnonzero(choice.pairwise_variation.to_numpy() < 0.15)[0]) + 2
    assert set(choice.genes[:2]) == {"A", "B"}
    assert len(choice.genes) == number
    assert choice.table.index[-1] == "F"
    assert not choice.table.loc["F", "used"]
    assert choice.table["used"].sum() == number


def test_a_stricter_v_asks_for_more_genes() -> None:
    data = quantities({g: SPREAD[g] for g in ("A", "B", "C", "D")})
    v = genorm(data).pairwise_variation
    limit = float(v.iloc[0])
    assert len(choose_references(data, rule="genorm", maximum_variation=limit * 1.001).genes) == 2
    nothing = choose_references(data, rule="genorm", maximum_variation=1e-6)
    assert len(nothing.genes) == 4
    assert any("every stable candidate is used" in note for note in nothing.notes)


def test_incomplete_samples_are_left_out() -> None:
    data = quantities()
    data.iloc[:7, 0] = np.nan
    choice = choose_references(data, rule="genorm")
    assert choice.samples == 193
    assert choice.genes == choose_references(data.iloc[7:], rule="genorm").genes


def test_what_cannot_be_chosen() -> None:
    with pytest.raises(AnalysisError, match=r"by genorm needs 3 candidates.*2 candidates in 200.*fixed"):
        choose_references(quantities()[["A", "B"]], rule="genorm")
    with pytest.raises(AnalysisError, match=r"normfinder needs.*6 candidates in 5 samples"):
        choose_references(quantities(n=5), rule="normfinder")
    wild = quantities({"X": 3.0, "Y": 3.0, "Z": 3.0})
    with pytest.raises(AnalysisError, match=r"No two candidates are stable: M stays above 1.*qpcr\.maximum_m"):
        choose_references(wild, rule="genorm")
    small = choose_references(quantities()[["A", "B2M"]])
    assert small.genes == ["A", "B2M"]
    assert small.genorm is None
    assert small.table["m"].isna().all()
    assert small.notes[0] == "stability not computed: 2 candidates in 200 samples that have all of them"


def test_the_other_samples_do_not_enter() -> None:
    """Chosen on the test cohort alone: what is handed in is what decides."""
    data = quantities()
    assert choose_references(data, rule="genorm").genes == choose_references(data.copy(), rule="genorm").genes
    worse = data.assign(A=data["A"] + np.random.default_rng(1).normal(0, 3, len(data)))
    assert "A" not in choose_references(worse, rule="genorm").genes
