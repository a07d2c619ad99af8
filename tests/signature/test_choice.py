from __future__ import annotations

import math

import pytest

from lumier_analysis.estimate import Estimate
from lumier_analysis.signature import choose_signature


@pytest.mark.parametrize(
    ("nested", "primary", "n_genes", "kind", "words"),
    [
        (0.70, 0.60, 5, "elastic_net", "more than the margin"),
        (0.64, 0.60, 5, "module_score", "within the margin"),
        (0.50, 0.60, 5, "module_score", "-0.100"),
        (0.90, 0.60, 0, "module_score", "no gene"),
        (math.nan, 0.60, 5, "module_score", "could not be assessed (3 event patients)"),
        (0.70, math.nan, 5, "module_score", "not estimable"),
    ],
)
def test_rule(nested, primary, n_genes, kind, words):
    choice = choose_signature(
        Estimate(nested, note="3 event patients"), Estimate(primary), margin=0.05, n_genes=n_genes, primary_name="ifn"
    )
    assert choice.kind == kind and words in choice.sentence and str(choice) == choice.sentence


def test_exactly_the_margin_is_not_more():
    choice = choose_signature(Estimate(0.75), Estimate(0.5), margin=0.25, n_genes=3, primary_name="ifn")
    assert choice.kind == "module_score"


def test_what_cannot_be_locked_is_said_after_the_rule():
    options = {"n_genes": 3, "primary_name": "ifn", "obstacle": "it needs two samples."}
    choice = choose_signature(Estimate(0.8), Estimate(0.6), margin=0.05, **options)
    assert choice.kind == "module_score"
    assert choice.sentence.startswith("Locked: the pre-specified ifn module score; nested AUC 0.800 against 0.600")
    assert choice.sentence.endswith("cannot be locked: it needs two samples.")
    assert "cannot be locked" not in choose_signature(Estimate(0.61), Estimate(0.6), margin=0.05, **options).sentence
