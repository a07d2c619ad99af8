"""Type I error of the tests of fixed effects, by simulation: `python benchmarks/mixed_type_one.py [--studies N]`.

Writes docs/mixed_type_one.json, cell by cell (a run that was stopped goes on where it was), and docs/mixed_type_one.md
from it.

Patients of two arms (as many in each) have five visits at months 0, 3, 6, 9, 12, up to 0.6 months early or late. After
the first, a visit is missing with probability 0.10, and follow-up ends before a visit with probability 0.06. Random
intercept (SD 0.77) and slope a month (SD 0.08, correlation 0.3), residual SD 0.5: about what a module score shows.
Nothing depends on the arm or on the flare.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  the number of threads is set before
from scipy.stats import chi2  # noqa: E402

from lumier_analysis.errors import AnalysisError  # noqa: E402
from lumier_analysis.mixed.fit_lmm import fit_lmm  # noqa: E402
from lumier_analysis.mixed.lmm_spread import kenward_roger_spread, satterthwaite_spread  # noqa: E402
from lumier_analysis.mixed.small_sample import (  # noqa: E402
    kenward_roger_covariance,
    kenward_roger_f,
    satterthwaite_f,
)

ROOT = Path(__file__).resolve().parents[1]
SEED, STUDIES, LEVEL = 20251125, 10_000, 0.05
PATIENTS = (20, 50, 150)
HYPOTHESES = {
    "slope": "month x arm, random intercept and slope: does the score rise faster in one arm? (1 contrast)",
    "visits": "visit x arm, random intercept and slope: does the course differ between arms? (4 contrasts)",
    "flare": "the visit before a flare (one visit of 30 % of patients), random intercept alone, as is true here "
    "(1 contrast, within patients)",
}
TESTS = ("satterthwaite", "kenward-roger", "wald")
BOUNDS = (4.3, 5.7)


class Cell(NamedTuple):
    """A hypothesis and a number of patients."""

    hypothesis: str
    patients: int


def simulate(rng: np.random.Generator, cell: Cell) -> tuple[Any, ...]:
    """Return y, x, z, codes and the rows of the hypothesis in one study."""
    n = cell.patients
    gone = rng.random((n, 4)) < 0.06
    there = np.column_stack([np.ones(n, bool), (np.cumsum(gone, axis=1) == 0) & (rng.random((n, 4)) >= 0.10)])
    patient, visit = np.nonzero(there)
    month = 3.0 * visit + rng.uniform(-0.6, 0.6, visit.size) * (visit > 0)
    arm = (patient % 2).astype(float)
    root = np.linalg.cholesky([[0.6, 0.3 * 0.77 * 0.08], [0.3 * 0.77 * 0.08, 0.0064]])
    effects = rng.standard_normal((n, 2)) @ root.T
    y = effects[patient, 0] + 0.02 * month + 0.5 * rng.standard_normal(visit.size)
    one = np.ones(visit.size)
    if cell.hypothesis == "flare":
        flare = np.zeros(visit.size)
        for i in rng.choice(n, max(2, round(0.3 * n)), replace=False):
            flare[rng.choice(np.flatnonzero(patient == i))] = 1.0
        return y, np.column_stack([one, month, flare]), one[:, None], patient, np.array([[0.0, 0, 1]])
    y = y + effects[patient, 1] * month
    z = np.column_stack([one, month])
    if cell.hypothesis == "slope":
        return y, np.column_stack([one, month, arm, month * arm]), z, patient, np.array([[0.0, 0, 0, 1]])
    visits = (visit[:, None] == np.arange(1, 5)).astype(float)
    return y, np.column_stack([one, visits, arm, visits * arm[:, None]]), z, patient, np.eye(10)[6:]


def p_values(study: tuple[Any, ...]) -> tuple[dict[str, float], bool]:
    """Return the p-value of each test, and whether a variance was estimated as zero."""
    y, x, z, codes, rows = study
    fit = fit_lmm(y, x, z, codes)
    s, k = satterthwaite_spread(fit), kenward_roger_spread(fit)
    adjusted = kenward_roger_covariance(k.phi, k.slopes, k.w, k.curves)
    wald = float(rows @ fit.beta @ np.linalg.solve(rows @ s.phi @ rows.T, rows @ fit.beta))
    found = {
        "satterthwaite": satterthwaite_f(rows, fit.beta, s.phi, s.slopes, s.w).p_value,
        "kenward-roger": kenward_roger_f(rows, fit.beta, k.phi, k.slopes, k.w, adjusted).p_value,
        "wald": float(chi2.sf(wald, len(rows))),
    }
    return found, fit.singular


def run_cell(cell: Cell, studies: int) -> dict[str, Any]:
    """Return how often each test rejects, over `studies` studies."""
    rng = np.random.default_rng([SEED, cell.patients, list(HYPOTHESES).index(cell.hypothesis)])
    rejected, singular, unfitted = dict.fromkeys(TESTS, 0), 0, 0
    for _ in range(studies):
        try:
            found, at_boundary = p_values(simulate(rng, cell))
        except AnalysisError:
            unfitted += 1
            continue
        singular += at_boundary
        for name, p in found.items():
            rejected[name] += p < LEVEL
    return {**cell._asdict(), "studies": studies, "singular": singular, "unfitted": unfitted, **rejected}


def page(cells: list[dict[str, Any]], seconds: float) -> str:
    """Return docs/mixed_type_one.md."""
    studies = cells[0]["studies"]
    lines = []
    outside = []
    for c in cells:
        texts = []
        for name in TESTS:
            share = c[name] / (c["studies"] - c["unfitted"])
            se = 100 * math.sqrt(share * (1 - share) / c["studies"])
            mark = "" if name == "wald" or BOUNDS[0] <= 100 * share <= BOUNDS[1] else " !"
            if mark:
                outside.append(f"{c['hypothesis']}, {c['patients']} patients, {name}")
            texts.append(f"{100 * share:.2f} ({se:.2f}){mark}")
        lines.append(
            f"| {c['hypothesis']} | {c['patients']} | {' | '.join(texts)} | {c['singular']} | {c['unfitted']} |"
        )
    said = "none" if not outside else "; ".join(outside)
    intro = (__doc__ or "").split("\n\n", 2)[2].strip()
    hypotheses = "\n".join(f"- *{name}*: {text}" for name, text in HYPOTHESES.items())
    return f"""# Type I error of the mixed model's tests

Written by `python benchmarks/mixed_type_one.py` (seed {SEED}): {studies:,} studies a cell, {seconds / 60:.0f} minutes.

{intro}

{hypotheses}

Rejections at 5 %, in percent; in brackets their Monte-Carlo standard error. Wald: the chi-square (for one contrast z)
test, which takes the variances as known. *singular*: fits with a variance of zero or a correlation of 1, which are
results and take part; *unfitted*: studies that could not be fitted, left out.

Bounds set before the run for Satterthwaite and Kenward-Roger: {BOUNDS[0]} to {BOUNDS[1]}. Outside, marked !: {said}.

| hypothesis | patients | Satterthwaite | Kenward-Roger | Wald | singular | unfitted |
|---|---|---|---|---|---|---|
{chr(10).join(lines)}
"""


def main() -> None:
    """Run the cells that are not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    kept = ROOT / "docs" / "mixed_type_one.json"
    content = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {"seconds": 0.0, "cells": []}
    content["cells"] = [c for c in content["cells"] if c["studies"] == given.studies]
    done = {(c["hypothesis"], c["patients"]) for c in content["cells"]}
    todo = [Cell(h, n) for h in HYPOTHESES for n in PATIENTS if (h, n) not in done]
    start = time.perf_counter()
    with ProcessPoolExecutor(given.jobs) as pool:
        for cell in pool.map(run_cell, todo, [given.studies] * len(todo)):
            content["cells"].append(cell)
            now = time.perf_counter()
            content["seconds"], start = content["seconds"] + now - start, now
            kept.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            print(cell, flush=True)
    order = {(h, n): i for i, (h, n) in enumerate((h, n) for h in HYPOTHESES for n in PATIENTS)}
    content["cells"].sort(key=lambda c: order[c["hypothesis"], c["patients"]])
    kept.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    kept.with_suffix(".md").write_text(page(content["cells"], content["seconds"]), encoding="utf-8")


if __name__ == "__main__":
    main()
