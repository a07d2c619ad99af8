"""What the derivation must show, in few runs here and in full by `make proof`; docs/derivation_evidence.md holds it."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lumier_analysis.signature import nested_cv

ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs" / "derivation_evidence.json"
PARTS = ("noise", "leaks", "signal", "stop")


@pytest.fixture
def evidence(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("derivation_evidence")


def check(part, lines):
    table = pd.DataFrame(lines)
    if part == "stop":
        assert table["left early"].sum() > 0.5 * table["paths"].sum()
        for rule in ("minimum", "one_standard_error"):
            assert table[f"early: other choice, {rule}"].sum() == 0
        # The look at the tail has work to do: the rise alone would have deceived.
        assert table["rise alone: other choice, minimum"].sum() > 0
        return
    off = table.set_index("AUC")["in SEs"]
    if part == "noise":
        assert abs(off["nested, pairs within a fold"]) <= 3
    elif part == "leaks":
        leaks = off.index.str.startswith("LEAK")
        assert leaks.sum() == 2 and (off[leaks] > 3).all() and (off[~leaks].abs() <= 3).all()
    else:
        assert off[["new patients, like the study", "new patients, plainly"]].abs().max() <= 2


@pytest.mark.parametrize(("part", "share"), [("noise", 0.02), ("leaks", 0.015), ("signal", 0.012), ("stop", 0.02)])
def test_few_runs(evidence, part, share):
    check(part, evidence.run_part(part, share, 1)["lines"])


@pytest.mark.proof
@pytest.mark.parametrize("part", PARTS)
def test_all_runs(evidence, part):
    made = evidence.run_part(part, 1.0, -1)
    assert made["runs"] == evidence.RUNS[part]
    check(part, made["lines"])


@pytest.mark.parametrize("part", PARTS)
def test_the_page_shows_all_runs_and_they_hold(evidence, part):
    summary = json.loads(STORED.read_text(encoding="utf-8"))
    assert summary[part]["runs"] == evidence.RUNS[part] and summary[part]["seed"] == evidence.SEED
    check(part, summary[part]["lines"])
    assert STORED.with_suffix(".md").read_text(encoding="utf-8") == evidence.as_markdown(summary)


def test_the_simulated_study_is_judged_by_the_nested_auc_itself(evidence):
    c = evidence.SIGNAL.draw(evidence.PATIENTS, evidence.rng_of("signal", 3))
    nested = nested_cv(pd.DataFrame(c.x), c.event, c.patient, settings=evidence.NET_5, seed=3).auc.value
    assert evidence.signal_run(3)["nested"] == pytest.approx(nested, rel=1e-12)


@pytest.mark.proof
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_faster_than_glmnet_with_the_same_choices():
    script = ROOT / "benchmarks" / "derivation.py"
    done = subprocess.run([sys.executable, script, "--boot", "40"], capture_output=True, text=True, check=True)
    if "only Python's times" in done.stdout:
        pytest.skip("R has no glmnet")
    found = re.findall(
        r"(nested|bootstrap) +(\d+) +[\d.]+ +[\d.]+ +([\d.]+) +\d+x  (\d+) of \d+ \w+ \w+, (\d+) of", done.stdout
    )
    assert [part for part, *_ in found] == ["nested", "bootstrap"]
    for part, n, ratio, minimum, one_se in found:
        assert float(ratio) >= {"nested": 15, "bootstrap": 5}[part]
        assert n == minimum == one_se
