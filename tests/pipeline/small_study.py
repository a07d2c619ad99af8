"""A study of 40 patients that goes through the real notebooks, for tests of whole runs: its plan asks for little."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from lumier_analysis.pipeline.compile_kernels import ensure_compiled
from lumier_analysis.study import project_root

PATIENTS = 40
#: Settings of the embedded study's plan that take time, and what they are here.
LIGHT = {
    "id: synthetic": "id: small",
    "end_digits: [c3, c4, neutrophils, lymphocytes]": "end_digits: [c3]",
    "centre_levels: [c3, c4, neutrophils, lymphocytes]": "centre_levels: [c3]",
    "comparators: [M1.2, M3.4, M5.12, neutrophil, plasma_cell, interferon_change, sledai, anti_dsdna, c3, c4]": (
        "comparators: [M1.2, interferon_change, sledai, c3]"
    ),
    "lower_is_risk: [c3, c4]": "lower_is_risk: [c3]",
    "outer_folds: 10": "outer_folds: 2",
    "inner_folds: 10": "inner_folds: 2",
    "alphas: [0.2, 0.5, 1.0]": "alphas: [0.5]",
    "n_lambdas: 100": "n_lambdas: 20",
    "clinical_model: [sledai, anti_dsdna, c3, c4]": "clinical_model: [sledai, c3]",
    "bootstrap: 100 ": "bootstrap: 4 ",
    "pairs: 50": "pairs: 2",
    "subgroups: {sex: [], age: [40], past_nephritis: [], prednisone: [5]}": "subgroups: {sex: [], age: [40]}",
    "bootstrap: 2000": "bootstrap: 100",
    "imputations: 20": "imputations: 2",
    "figures: {formats: [], dpi: 300}": "figures: {formats: [], dpi: 50}",
}
#: Of the rules that are tried one at a time, those that stay.
RULES = ("fixed_91", "severe")


def light_plan(text: str) -> str:
    """Return the plan of the embedded study, made light."""
    for old, new in LIGHT.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    rule = re.compile(r"^  - \{id: (\w+), title: .*set: .*\}$")
    lines = text.split("\n")
    return "\n".join(line for line in lines if not (found := rule.match(line)) or found[1] in RULES)


def lumier(root: Path, *arguments: str, **environment: str) -> str:
    """Run a command in a project; return what it printed."""
    variables = os.environ | {"LUMIER_WHO": "AB"} | environment
    done = subprocess.run(
        [sys.executable, "-m", "lumier_analysis", *arguments],
        cwd=root, env=variables, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_small_project(root: Path) -> Path:
    """Write a project with the simulated study data/small below `root`; nothing of it has run."""
    ensure_compiled()  # here and once: the copy takes the compiled kernels along
    origin = project_root()
    for folder in ("lumier_analysis", "notebooks"):
        shutil.copytree(origin / folder, root / folder, ignore=shutil.ignore_patterns(".*"))
    for file in ("pyproject.toml", "requirements.lock", "environment.yml"):
        shutil.copy(origin / file, root / file)
    study = root / "data" / "small"
    study.mkdir(parents=True)
    text = (origin / "data" / "synthetic" / "plan.yml").read_text(encoding="utf-8")
    (study / "plan.yml").write_text(light_plan(text), encoding="utf-8")
    lumier(root, "simulate", "data/small", "--patients", str(PATIENTS))
    return root


def open_small_study(root: Path) -> None:
    """Take the study through cleaning, derivation, lock and opening: what is left is the frozen run."""
    lumier(root, "run", "data/small")
    lumier(root, "lock", "data/small")
    key = "data/small/truth/identity.txt"
    lumier(root, "unseal", "data/small", "--identity", key, "--reason", "the small study")
