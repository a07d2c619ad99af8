"""Time the AUC beside scikit-learn and R's pROC: `python benchmarks/auc.py`.

Everything is measured on this machine in one run: processor time of one thread, so that a busy machine favours nobody,
the best of several repetitions. The data of pROC are read from a
file before its clock starts. Where R or pROC is missing the Python ratios stand alone, and the page says so.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  the number of threads is set before
import scipy  # noqa: E402
import sklearn  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from lumier_analysis.performance import auc  # noqa: E402

SEED = 7
LARGE, SHARE = 1_000_000, 0.1
PATIENTS, VISITS, RESAMPLES = 150, 4, 10_000
SKLEARN_RESAMPLES = 500
PROC_RESAMPLES = 2_000

R_SCRIPT = """
suppressPackageStartupMessages(library(pROC))
arguments <- commandArgs(trailingOnly = TRUE)
best <- function(f, n) min(sapply(seq_len(n), function(i) { gc(); sum(system.time(f())[1:2]) }))
raw <- file(arguments[1], "rb"); n <- as.integer(arguments[2])
y <- readBin(raw, "double", n); s <- readBin(raw, "double", n); close(raw)
cat("large", best(function() ci.auc(roc(y, s, levels = c(0, 1), direction = "<", quiet = TRUE),
    method = "delong"), 2), "\\n")
raw <- file(arguments[3], "rb"); n <- as.integer(arguments[4])
y <- readBin(raw, "double", n); s <- readBin(raw, "double", n); close(raw)
set.seed(1)
small <- roc(y, s, levels = c(0, 1), direction = "<", quiet = TRUE)
cat("boot", best(function() ci.auc(small, method = "bootstrap", boot.n = as.integer(arguments[5]),
    boot.stratified = FALSE, progress = "none"), 1), "\\n")
cat("version", as.character(packageVersion("pROC")), paste(R.version$major, R.version$minor, sep = "."), "\\n")
"""


def best(function: Callable[[], Any], times: int) -> float:
    """Return the shortest of several runs, in processor seconds."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


def large_study(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return outcome and score of independent rows."""
    rng = np.random.default_rng(SEED)
    event = rng.random(n) < SHARE
    return event, rng.standard_normal(n) + event


def small_study() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcome, score and patient of repeated visits."""
    rng = np.random.default_rng(SEED)
    patient = np.repeat(np.arange(PATIENTS), VISITS)
    score = rng.standard_normal(PATIENTS)[patient] + rng.standard_normal(patient.size)
    return rng.random(patient.size) < 1 / (1 + np.exp(3 - score)), score, patient


def sklearn_loop(event: np.ndarray, score: np.ndarray, patient: np.ndarray, times: int) -> list[float]:
    """Resample patients and call roc_auc_score, one resample after the other."""
    rng = np.random.default_rng(SEED)
    rows = np.arange(patient.size).reshape(PATIENTS, VISITS)
    values = []
    for _ in range(times):
        take = rows[rng.integers(0, PATIENTS, PATIENTS)].ravel()
        if 0 < event[take].sum() < take.size:
            values.append(roc_auc_score(event[take], score[take]))
    return values


def in_r(large: tuple[np.ndarray, np.ndarray], small: tuple[np.ndarray, np.ndarray]) -> dict[str, list[str]] | None:
    """Return pROC's seconds and version, or None where R or pROC is missing."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None
    with tempfile.TemporaryDirectory() as place:
        names = []
        for name, columns in (("large", large), ("small", small)):
            path = Path(place) / f"{name}.bin"
            path.write_bytes(b"".join(np.asarray(c, dtype="<f8").tobytes() for c in columns))
            names += [str(path), str(columns[0].size)]
        done = subprocess.run(
            [rscript, "-e", R_SCRIPT, *names, str(PROC_RESAMPLES)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        return None
    return {word: rest for word, *rest in (line.split() for line in done.stdout.splitlines() if line.strip())}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=LARGE, help="rows of the large study")
    rows = parser.parse_args().rows
    event, score = large_study(rows)
    y, s, patient = small_study()

    auc(event, score), auc(y, s, cluster=patient, interval="percentile", n_boot=10)  # first calls load libraries
    ours = best(lambda: auc(event, score), 7)
    theirs = best(lambda: roc_auc_score(event, score), 5)
    boot = best(lambda: auc(y, s, cluster=patient, interval="percentile", n_boot=RESAMPLES), 7)
    loop = best(lambda: sklearn_loop(y, s, patient, SKLEARN_RESAMPLES), 2) * RESAMPLES / SKLEARN_RESAMPLES
    gap = abs(auc(event, score).value - roc_auc_score(event, score))
    r = in_r((event, score), (y, s))

    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
    versions += f"scikit-learn {sklearn.__version__}"
    print(versions + (f", pROC {r['version'][0]}, R {r['version'][1]}" if r else ""))
    print(f"Processor seconds, best of several; the AUC differs from scikit-learn's by {gap:.0e}")
    print(f"\nAUC of {rows:,} rows, {int(event.sum()):,} events")
    lines = [("lumier: AUC, DeLong SE, interval", ours, None), ("scikit-learn: AUC alone", theirs, ours)]
    if r:
        lines.append(("pROC: roc + ci.auc, DeLong", float(r["large"][0]), ours))
    show(lines)
    print(f"\nBootstrap, {PATIENTS} patients x {VISITS} visits, {RESAMPLES:,} resamples, {int(y.sum())} events")
    lines = [
        ("lumier: whole patients", boot, None),
        (f"scikit-learn loop, whole patients, extrapolated from {SKLEARN_RESAMPLES}", loop, boot),
    ]
    if r:
        whole = float(r["boot"][0]) * RESAMPLES / PROC_RESAMPLES
        lines.append((f"pROC, rows (no clusters), extrapolated from {PROC_RESAMPLES:,}", whole, boot))
    show(lines)
    if not r:
        print("\nR with pROC was not found: its lines are missing.")


def show(lines: list[tuple[str, float, float | None]]) -> None:
    """Print names, seconds and ratios."""
    for name, seconds, unit in lines:
        print(f"  {name:<62} {seconds:>9.4f} s" + (f"  {seconds / unit:>7.1f} x" if unit else ""))


if __name__ == "__main__":
    main()
