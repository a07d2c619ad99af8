from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.simulation.expression import gene_index, interferon_score, sample_ct
from lumier_analysis.simulation.panel import GENES, INTERFERON_MODULES, MODULES, REFERENCE_GENES

WANTED = (*REFERENCE_GENES, *(g for m in INTERFERON_MODULES for g in MODULES[m]))


def test_measured_score_follows_the_level():
    rng = np.random.default_rng(1)
    n = 2000
    levels = np.zeros((n, 11))
    levels[:, :3] = rng.standard_normal((n, 1))
    genes = gene_index(WANTED)
    score = interferon_score(sample_ct(levels, np.arange(n), rng, genes), genes, np.ones(n, bool))
    assert np.corrcoef(score, levels[:, 0])[0, 1] > 0.97
    assert score.mean() == pytest.approx(0, abs=1e-9)


def test_more_rna_is_a_lower_ct():
    rng = np.random.default_rng(2)
    levels = np.zeros((4000, 11))
    levels[2000:, 0] = 2.0
    ct = sample_ct(levels, np.arange(4000), rng)
    ifi44l, hprt = GENES.index("IFI44L"), GENES.index("HPRT1")
    assert ct[2000:, ifi44l].mean() < ct[:2000, ifi44l].mean() - 1.5
    assert ct[2000:, hprt].mean() == pytest.approx(ct[:2000, hprt].mean(), abs=0.1)


def test_input_shifts_all_genes_and_leaves_the_score():
    rng = np.random.default_rng(3)
    genes = gene_index(WANTED)
    ct = np.minimum(sample_ct(rng.standard_normal((50, 11)), np.arange(50), rng, genes), 20.0)
    everyone = np.ones(50, bool)
    shifted = interferon_score(ct + rng.normal(0, 0.5, (50, 1)), genes, everyone)
    np.testing.assert_allclose(shifted, interferon_score(ct, genes, everyone), atol=1e-9)
