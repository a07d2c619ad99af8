from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from lumier_analysis.simulation import panel

PLAN = Path(__file__).parents[2] / "data" / "synthetic" / "plan.yml"


def test_panel_is_the_plans_panel():
    plan = yaml.safe_load(PLAN.read_text(encoding="utf-8"))["panel"]
    assert list(panel.REFERENCE_GENES) == plan["reference_genes"]
    assert {m: list(g) for m, g in panel.MODULES.items()} == plan["modules"]
    assert list(panel.OTHER_GENES) == plan["other_genes"]
    assert list(panel.INTERFERON_MODULES) == plan["scores"]["interferon"]


def test_ninety_six_different_assays():
    assert len(panel.ASSAYS) == len(set(panel.ASSAYS)) == 96


def test_gene_constants_are_in_range_and_repeat():
    first, second = panel.gene_constants(), panel.gene_constants()
    np.testing.assert_array_equal(first.mean_ct, second.mean_ct)
    assert first.mean_ct.min() >= 8 and first.mean_ct.max() <= 24
    references = first.module == -1
    assert references.sum() == 6
    assert first.loading[references].max() == 0 and first.loading[~references].min() > 0.7
    assert first.spread[references].max() <= 0.3 < first.spread[~references].min()
