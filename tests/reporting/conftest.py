"""A study folder with the embedded study's plan and nothing else, and ledger entries made of little."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lumier_analysis.estimate import Estimate
from lumier_analysis.reporting import Entry, Ledger, Results
from lumier_analysis.study import Study, load_plan, project_root

MakeEntry = Callable[..., Entry]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Return an empty study below a project folder of its own."""
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    shutil.copy(project_root() / "data" / "synthetic" / "plan.yml", folder / "plan.yml")
    return Study(folder=folder, raw=folder / "raw", plan=load_plan(folder / "plan.yml"), root=tmp_path)


@pytest.fixture
def make_entry() -> MakeEntry:
    """Return a function that makes an AUC of 300 rows of 100 patients with 20 events, or what it is told."""

    def make(id: str = "validation.primary.auc", value: float = 0.66, **changes) -> Entry:
        defaults = {
            "label": "AUC of the locked score", "kind": "estimate", "se": 0.05, "ci_low": 0.55, "ci_high": 0.76,
            "level": 0.95, "p_value": 0.004, "n_patients": 100, "n_rows": 300, "n_events": 20,
            "estimator": "AUC, Obuchowski clustered; logit interval", "unit": "", "note": "",
            "plan_item": "primary", "notebook": "03_locked_validation", "cell": "auc",
        }  # fmt: skip
        if changes.get("kind", "estimate") != "estimate":
            defaults |= {"se": math.nan, "ci_low": math.nan, "ci_high": math.nan, "level": None, "p_value": None}
            defaults |= {"n_patients": None, "n_rows": None, "n_events": None, "estimator": ""}
        return Entry(id=id, value=float(value), **(defaults | changes))

    return make


@pytest.fixture
def make_results() -> Callable[..., Results]:
    """Return a function that puts entries together as if they were read from ledgers."""
    return lambda *entries, inputs=None: Results(entries, inputs or {})


@pytest.fixture
def estimate() -> Estimate:
    return Estimate(
        0.66, 0.05, 0.55, 0.76, method="AUC, Obuchowski clustered; logit interval",
        n_patients=100, n_rows=300, n_events=20, p_value=0.004,
    )  # fmt: skip


@pytest.fixture
def ledger(study: Study) -> Ledger:
    return Ledger(study, "03_locked_validation")
