"""Time one mixed model beside its peers: `python benchmarks/mixed.py [--peer-python PYTHON]`.

1,500 rows of 300 patients, random intercept and slope, one thread, processor time, best of several repetitions, all in
one run. R (lmerTest, pbkrtest) reads its data before its clock starts. mixedlm-rs is timed in the interpreter that
--peer-python names, if it is installed there. Formula and tests are part of `lmm`, `lmer` and `summary`; the fit from
design matrices is timed apart. Where a peer is missing its line says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  the number of threads is set before
import pandas as pd  # noqa: E402

FORMULA, SEED = "score ~ month * arm", 5

R_SCRIPT = """
suppressPackageStartupMessages({library(lmerTest); library(pbkrtest)})
d <- read.csv(commandArgs(trailingOnly = TRUE)[1])
best <- function(f, n) { f(); min(sapply(1:5, function(i) { gc(); sum(system.time(for (k in 1:n) f())[1:2]) / n })) }
f <- function() lmer(score ~ month * arm + (1 + month | patient), d)
m <- f()
cat("lmer", best(function() lme4::lmer(score ~ month * arm + (1 + month | patient), d), 5),
    "satterthwaite", best(function() coef(summary(f())), 5),
    "kenward-roger", best(function() coef(summary(m, ddf = "Kenward-Roger")), 2),
    "log_likelihood", format(as.numeric(logLik(m)), digits = 15),
    "versions", paste("lme4", packageVersion("lme4"), "lmerTest", packageVersion("lmerTest"),
                      "pbkrtest", packageVersion("pbkrtest")), "\\n", sep = "|")
"""

PEER_SCRIPT = """
import sys, time, numpy as np
from mixedlm_rs import MixedLM
a = np.load(sys.argv[1])
def fit():
    return MixedLM(a["y"], a["x"], groups=a["codes"], exog_re=a["z"]).fit(reml=True)
r = fit()
seconds = []
for _ in range(5):
    start = time.process_time()
    for _ in range(20):
        fit()
    seconds.append((time.process_time() - start) / 20)
print(min(seconds), repr(float(r.llf)))
"""


def study() -> pd.DataFrame:
    """Return 300 patients with five visits each, at irregular months, in two arms."""
    rng = np.random.default_rng(SEED)
    patient = np.repeat(np.arange(300), 5)
    month = np.tile([0, 3, 6, 9, 12], 300) + rng.uniform(-0.6, 0.6, 1500) * np.tile([0, 1, 1, 1, 1], 300)
    arm = (patient % 2).astype(float)
    effects = rng.multivariate_normal([0, 0], [[0.6, 0.02], [0.02, 0.006]], 300)[patient]
    score = 0.2 + 0.3 * arm + 0.01 * month + effects[:, 0] + effects[:, 1] * month + 0.5 * rng.standard_normal(1500)
    labels = np.array([f"P{i:03d}" for i in range(300)])[patient]
    return pd.DataFrame({"patient": labels, "month": month, "arm": arm, "score": score})


def best(function: Callable[[], Any], runs: int = 20) -> float:
    """Return the shortest time of a call, in processor seconds."""
    function()
    seconds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(runs):
            function()
        seconds.append((time.process_time() - start) / runs)
    return min(seconds)


def in_r(data: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Return R's seconds and versions; empty where R or a package is missing."""
    if shutil.which("Rscript") is None:
        return {}
    path, script = folder / "data.csv", folder / "mixed.R"
    data.to_csv(path, index=False)
    script.write_text(R_SCRIPT, encoding="utf-8")
    done = subprocess.run(["Rscript", str(script), str(path)], capture_output=True, text=True, check=False)
    parts = done.stdout.strip().strip("|").split("|")
    return dict(zip(parts[::2], parts[1::2], strict=True)) if done.returncode == 0 else {}


def in_peer(python: str | None, arrays: dict[str, Any], folder: Path) -> tuple[float, float] | None:
    """Return mixedlm-rs's seconds and log likelihood, from design matrices; None where it is missing."""
    if not python:
        return None
    path = folder / "arrays.npz"
    np.savez(path, **arrays)
    done = subprocess.run([python, "-c", PEER_SCRIPT, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    seconds, log_likelihood = done.stdout.split()
    return float(seconds), float(log_likelihood)


def main() -> None:
    """Print the table."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    from lumier_analysis.mixed import fit_lmm, lmm
    from lumier_analysis.mixed.design import build_design, group_codes, random_columns

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", metavar="PYTHON", help="an interpreter with mixedlm-rs")
    peer_python = parser.parse_args().peer_python
    data = study()
    design = build_design(FORMULA, data, others=["patient"], random=["1 + month"])
    codes, _ = group_codes(design.used["patient"], "patient")
    z, _ = random_columns("1 + month", design.used)
    options = {"groups": "patient", "random": "1 + month"}
    own = {
        "lmm, Satterthwaite": best(lambda: lmm(FORMULA, data, **options).coefficients),
        "lmm, Kenward-Roger": best(lambda: lmm(FORMULA, data, df="kenward-roger", **options).coefficients),
        "fit from design matrices": best(lambda: fit_lmm(design.y, design.x, z, codes)),
        "formula to design matrices": best(
            lambda: build_design(FORMULA, data, others=["patient"], random=["1 + month"])
        ),
    }
    llf = lmm(FORMULA, data, **options).log_likelihood
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels doubts its own optimum
        slow = best(lambda: MixedLM(design.y, design.x, groups=codes, exog_re=z).fit(reml=True), runs=1)
    with tempfile.TemporaryDirectory() as made:
        r = in_r(data, Path(made))
        peer = in_peer(peer_python, {"y": design.y, "x": design.x, "z": z, "codes": codes.astype(np.int64)}, Path(made))
    print(f"One random-slope model, {len(data):,} rows, 300 patients; milliseconds of processor time, one thread")
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}; {r.get('versions', 'R or its packages missing')}")

    def line(name: str, seconds: float, beside: float | None = None) -> None:
        ratio = f"{seconds / beside:8.1f} x" if beside else ""
        print(f"  {name:<48}{1e3 * seconds:10.2f}{ratio}")

    for name, seconds in own.items():
        line(f"here: {name}", seconds)
    if r:
        line("lme4: lmer alone", float(r["lmer"]), own["fit from design matrices"])
        line("lmerTest: lmer and its summary", float(r["satterthwaite"]), own["lmm, Satterthwaite"])
        line("pbkrtest: Kenward-Roger summary, fit excluded", float(r["kenward-roger"]), own["lmm, Kenward-Roger"])
        print(f"  log likelihood here - lme4: {llf - float(r['log_likelihood']):.1e}")
    if peer:
        line("mixedlm-rs: fit from design matrices", peer[0], own["fit from design matrices"])
        print(f"  log likelihood here - mixedlm-rs: {llf - peer[1]:.1e}")
    else:
        print("  mixedlm-rs: not found (name an interpreter that has it with --peer-python)")
    line("statsmodels: fit from design matrices", slow, own["fit from design matrices"])


if __name__ == "__main__":
    main()
