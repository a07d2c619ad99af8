"""The simulation behind docs/optimism_evidence.md: reduced here, in full by `make proof`."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from lumier_analysis.performance import auc
from lumier_analysis.study import project_root


@pytest.fixture(scope="module")
def study():
    path = project_root() / "benchmarks" / "optimism.py"
    spec = importlib.util.spec_from_file_location("optimism_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_truth_is_the_auc_in_new_patients(study):
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(study.GENES)
    weights[: study.SIGNAL] += 2
    parts = [study.draw_study((1, i)) for i in range(60)]
    event = np.concatenate([p[1] for p in parts])
    score = np.concatenate([p[0].to_numpy() @ weights for p in parts])
    patient = np.concatenate([p[2] + 1000 * i for i, p in enumerate(parts)])
    estimate = auc(event, score, cluster=patient)
    assert abs(estimate.value - study.true_auc(weights)) < 3 * estimate.se
    assert study.true_auc(np.zeros(study.GENES)) == 0.5
    assert 0.04 < event.mean() < 0.07


def test_a_reduced_run_fills_the_page(study):
    table = study.run(2, 4)
    assert len(table) == 7 and table.loc[(study.SMALL, "Harrell"), "truth"] > 0.6
    page = study.markdown(table, 2, 4, 60.0)
    assert page.count("| elastic net, 96 genes |") == 4 and "2 simulated studies" in page
    assert not np.isnan(table[["estimate", "truth", "bias", "rmse"]].to_numpy()).any()


@pytest.mark.proof
def test_harrell_fails_with_a_panel_and_nested_does_not(study):
    table = study.run(200, 50, n_jobs=-1)
    bias, se = table["bias"], table["mc_se"]
    assert bias[(study.NET, "Harrell")] > 0.05
    # Models of nine tenths of the patients are judged: somewhat low is right, high is not.
    assert -0.05 < bias[(study.NET, "nested")] < 3 * se[(study.NET, "nested")]
    for name in ("Harrell", ".632+"):
        assert abs(bias[(study.SMALL, name)]) < 0.01 + 3 * se[(study.SMALL, name)]
    assert bias[(study.SMALL, "apparent")] > bias[(study.SMALL, "Harrell")]
