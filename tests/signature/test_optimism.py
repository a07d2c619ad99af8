from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc
from lumier_analysis.signature.optimism import bootstrap_optimism, optimism_table, plus632, weighted_auc
from lumier_analysis.signature.patient_bootstrap import patient_bootstrap


def test_weighted_auc_counts_copies():
    rng = np.random.default_rng(0)
    event, score, weight = rng.random(60) < 0.3, rng.integers(0, 8, 60).astype(float), rng.integers(0, 4, 60)
    copies = np.repeat(np.arange(60), weight)
    assert weighted_auc(event, score, weight.astype(float)) == pytest.approx(
        auc(event[copies], score[copies]).value, abs=1e-12
    )
    assert np.isnan(weighted_auc(event, score, np.where(event, 0.0, 1.0)))
    assert weighted_auc(event, np.zeros(60), np.ones(60)) == 0.5


def test_plus632_by_hand():
    """R = (0.9 - 0.7) / (0.9 - 0.5) = 0.5; w = 0.632 / (1 - 0.368 x 0.5) = 0.7745098."""
    assert plus632(0.9, 0.7) == pytest.approx(0.9 - 0.7745098 * 0.2, abs=1e-7)
    # All the apparent AUC is overfitting: weight 1. None of it is: .632 of two equal numbers.
    assert plus632(0.9, 0.5) == pytest.approx(0.5)
    assert plus632(0.9, 0.3) == pytest.approx(0.5)
    assert plus632(0.8, 0.8) == pytest.approx(0.8)
    assert plus632(0.7, 0.75) == pytest.approx(0.368 * 0.7 + 0.632 * 0.75)
    assert plus632(0.45, 0.4) == pytest.approx(0.368 * 0.45 + 0.632 * 0.5)


def test_table_of_a_real_signal(cohort):
    fits = patient_bootstrap(cohort.features[["a1", "b1"]], cohort.event, cohort.patients, n_boot=40, seed=1)
    result = bootstrap_optimism(fits)
    assert result.apparent == auc(cohort.event, fits.apparent, cluster=fits.patient)
    assert 0 < result.apparent.value - result.harrell.value < 0.05
    assert 0.6 < result.plus632.value < result.apparent.value
    for estimate in (result.harrell, result.plus632):
        assert estimate.ci_low < estimate.value < estimate.ci_high
        assert (estimate.n_patients, estimate.n_rows, estimate.n_events) == (80, 240, int(cohort.event.sum()))
    # The definition, from the replicates.
    r = result.replicates
    assert result.harrell.value == pytest.approx(result.apparent.value - (r.auc_sample - r.auc_original).mean())
    assert result.table().index.tolist() == ["apparent", "Harrell", ".632+"]
    both = optimism_table({"two scores": result, "again": result})
    assert both.index.names == ["model", "AUC"] and len(both) == 6
    assert both.loc[("again", ".632+"), "value"] == round(result.plus632.value, 3)


def test_corrections_undo_the_optimism_of_small_models_on_noise():
    """Three noise columns, 60 studies: the apparent AUC is too high, the corrected ones are 0.5 on average."""
    values = []
    for study in range(60):
        rng = np.random.default_rng((7, study))
        patients = np.repeat(np.arange(60), 3)
        x = 0.7 * rng.standard_normal((60, 3))[patients] + 0.7 * rng.standard_normal((180, 3))
        event = rng.random(180) < 0.12
        fits = patient_bootstrap(pd.DataFrame(x), event, patients, n_boot=30, seed=study)
        result = bootstrap_optimism(fits)
        values.append([result.apparent.value, result.harrell.value, result.plus632.value])
    mean, se = np.mean(values, axis=0), np.std(values, axis=0) / np.sqrt(60)
    assert mean[0] > 0.5 + 5 * se[0]
    # A tuned-to-noise model cannot be below 0.5 for .632+, which is cut there.
    assert abs(mean[1] - 0.5) < 0.02 + 3 * se[1]
    assert abs(mean[2] - 0.5) < 0.05 + 3 * se[2]


def test_samples_without_a_model_are_counted():
    """Two event patients of ten: one sample in nine draws neither."""
    event = np.zeros(20, dtype=bool)
    event[[0, 2]] = True
    x = pd.DataFrame({"score": np.random.default_rng(1).standard_normal(20)})
    result = bootstrap_optimism(patient_bootstrap(x, event, np.repeat(np.arange(10), 2), n_boot=60, seed=3))
    void = int(result.replicates["auc_sample"].isna().sum())
    assert void > 0 and result.harrell.note == f"{void} of 60 bootstrap samples gave no model"


def test_nothing_to_judge_is_refused(cohort):
    fits = patient_bootstrap(cohort.features[["a1"]], cohort.event, cohort.patients, n_boot=3)
    nothing = replace(fits, replicates=np.full_like(fits.replicates, np.nan))
    with pytest.raises(AnalysisError, match=r"no bootstrap sample.*events in 80 patients"):
        bootstrap_optimism(nothing)
