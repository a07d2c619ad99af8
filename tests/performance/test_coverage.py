"""The 95 % interval of the clustered AUC holds the true AUC about 95 times in 100, the paired test errs 5 times."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from lumier_analysis.performance import auc, compare_auc

ROOT = Path(__file__).resolve().parents[2]


def load(name):
    """Import a script of benchmarks/."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


coverage = load("auc_coverage")


@pytest.mark.parametrize("cell", [coverage.Cell("A", 0.7, 30, 0.6), coverage.Cell("B", 0.85, 30, 0.9)], ids=str)
def test_the_simulation_measures_the_functions_of_the_package(cell):
    s = coverage.simulate(np.random.default_rng(1), cell, 0.4, coverage.cutoff(cell), 5, cell.patients)
    r = coverage.analyse(s)
    for i in range(5):
        kept = s.present[i]
        patient = np.repeat(np.arange(cell.patients), coverage.LANDMARKS).reshape(kept.shape)[kept]
        event, a, b = s.event[i][kept], s.a[i][kept], s.b[i][kept]
        assert cell.design == "B" or np.bincount(patient[event]).max() == 1
        e, d = auc(event, a, cluster=patient), compare_auc(event, a, b, cluster=patient).difference
        assert e.value == pytest.approx(r.auc[i], abs=1e-14)
        assert e.se == pytest.approx(r.clustered[i] ** 0.5, abs=1e-14)
        assert auc(event, a).se == pytest.approx(r.naive[i] ** 0.5, abs=1e-14)
        assert (d.value, d.se) == pytest.approx((r.difference[i], r.variance[i] ** 0.5), abs=1e-14)
        for truth in (e.ci_low + 1e-9, e.ci_low - 1e-9, e.ci_high - 1e-9, e.ci_high + 1e-9):
            inside = e.ci_low <= truth <= e.ci_high
            assert coverage.covered(r.auc[i : i + 1], r.clustered[i : i + 1], truth)[0] == inside


@pytest.mark.parametrize("design", ["A", "B"])
def test_reduced_run(design):
    # 1,000 studies: Monte-Carlo standard error 0.7 points, of the truth of 40,000 patients less than 0.3.
    cell = coverage.Cell(design, 0.7, 60, 0.9 if design == "B" else 0.6)
    r = coverage.run_cell(cell, 1000, 40_000)
    shares = {name: r[name] / r["estimable"] for name in ("clustered", "naive", "student")}
    assert 0.905 <= shares["clustered"] <= 0.985
    assert 0.92 <= shares["student"] <= 0.985
    assert 0.02 <= r["student_rejected"] / r["tested"] <= 0.08
    if design == "B":
        assert shares["naive"] < 0.85
    else:
        assert abs(shares["naive"] - shares["clustered"]) < 0.03


def test_the_page_is_the_table_of_the_kept_cells():
    found = json.loads((ROOT / "docs" / "auc_coverage.json").read_text("utf-8"))
    results = [found[c.key] for c in coverage.cells()]
    assert (ROOT / "docs" / "auc_coverage.md").read_text("utf-8") == coverage.table(results)


@pytest.mark.proof
@pytest.mark.parametrize("cell", coverage.cells(), ids=lambda c: c.key)
def test_full_run(cell):
    r = {"events_expected": cell.events} | coverage.run_cell(cell, coverage.STUDIES, coverage.TRUTH)
    assert coverage.verdicts(r, "student") == (True, True)
    if cell.design == "A":
        assert coverage.verdicts(r) == (True, True)
