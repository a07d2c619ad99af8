"""Scores at the limit and by imputation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.qpcr import fit_censored, fit_scaling, module_scores, not_detected_effect

MODULES = {"seen": ["A", "B"], "low": ["C", "D"]}


def data() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(9)
    level = rng.normal(0, 1, (150, 1))
    truth = pd.DataFrame(-9 + level + rng.normal(0, 0.5, (150, 4)), columns=list("ABCD"))
    bounds = pd.DataFrame(-9.2 + rng.normal(0, 0.3, (150, 1)) + np.zeros((150, 4)), columns=list("ABCD"))
    below = truth.lt(bounds) & np.array([False, False, True, True])
    return truth, truth.mask(below, bounds), below


def test_only_modules_with_censored_genes_move() -> None:
    _, log2, below = data()
    table, mean = not_detected_effect(
        log2, below, fit_censored(log2, below), MODULES, reference=log2.index, imputations=20, seed=3
    )
    assert table.loc["seen", ["mean_difference", "sd_difference", "largest_difference", "between_sd"]].tolist() == [
        0,
        0,
        0,
        0,
    ]
    assert table.loc["seen", "samples_touched"] == 0
    assert table.loc["low", "censored_share"] == pytest.approx(below[["C", "D"]].to_numpy().mean())
    assert table.loc["low", "samples_touched"] == int(below.any(axis=1).sum())
    assert table.loc["low", "sd_difference"] > 0.05
    assert table.loc["low", "between_sd"] > 0.1
    assert 0.8 < table.loc["low", "correlation"] < 1
    assert (mean < log2).where(below, True).all(axis=None)
    assert mean.mask(below).equals(log2.mask(below))


def test_imputation_restores_the_spread_that_the_limit_takes_away() -> None:
    truth, log2, below = data()
    fit = fit_censored(log2, below)
    assert fit.genes["sd"].to_numpy() == pytest.approx(truth.std().to_numpy(), rel=0.2)
    assert log2["C"].std() < 0.8 * truth["C"].std()


def test_a_new_reference_is_scaled_under_each_way() -> None:
    _, log2, below = data()
    fit = fit_censored(log2, below)
    table, _ = not_detected_effect(log2, below, fit, MODULES, reference=log2.index, imputations=5, seed=3)
    # Under each way the reference has mean nil, and so has the difference of all its samples.
    assert table["mean_difference"].to_numpy() == pytest.approx([0, 0], abs=1e-9)
    scores = module_scores(log2, MODULES, fit_scaling(log2))
    assert scores.mean().to_numpy() == pytest.approx([0, 0], abs=1e-9)
