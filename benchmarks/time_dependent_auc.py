"""Time the time-dependent AUC with SE beside R's riskRegression: `python benchmarks/time_dependent_auc.py`.

Processor time of one thread, best of several repetitions, all in one run; R reads its data before its clock starts.
scikit-survival has no standard error: its time is that of the AUC alone. Where R or riskRegression is missing the
Python ratio stands alone, and the page says so.
"""

from __future__ import annotations

import os
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
import pandas as pd  # noqa: E402
from sksurv.metrics import cumulative_dynamic_auc  # noqa: E402
from sksurv.util import Surv  # noqa: E402

from lumier_analysis.performance import time_dependent_auc  # noqa: E402

SEED, ROWS, TIMES, RUNS = 7, 300, [91, 182, 273, 350], 50

R_SCRIPT = """
suppressPackageStartupMessages({library(survival); library(riskRegression); library(prodlim); library(data.table)})
setDTthreads(1)
a <- commandArgs(trailingOnly = TRUE)
d <- read.csv(a[1])
ts <- as.numeric(strsplit(a[2], ",")[[1]])
f <- function() Score(list(m = d$marker), formula = Hist(time, event) ~ 1, data = d, times = ts, metrics = "auc",
    cause = 1, cens.model = "km", se.fit = TRUE, summary = NULL, contrasts = FALSE, null.model = FALSE)
invisible(f())
# The clock of R has steps of milliseconds: ten calls a reading.
best <- min(sapply(1:5, function(i) { gc(); sum(system.time(for (k in 1:10) f())[1:2]) / 10 }))
s <- f()$AUC$score
cat(best, as.character(packageVersion("riskRegression")),
    paste(s$AUC, collapse = ","), paste(s$se, collapse = ","), "\\n")
"""


def best(function: Callable[[], Any]) -> float:
    """Return the shortest time of a call, in processor seconds."""
    function()
    seconds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(RUNS):
            function()
        seconds.append((time.process_time() - start) / RUNS)
    return min(seconds)


def study() -> pd.DataFrame:
    """Return follow-up with competing events and censoring."""
    rng = np.random.default_rng(SEED)
    marker = rng.standard_normal(ROWS)
    causes = np.column_stack(
        [rng.exponential(300 * np.exp(-marker)), rng.exponential(900, ROWS), rng.exponential(500, ROWS)]
    )
    event = np.array([1, 2, 0])[causes.argmin(axis=1)]
    return pd.DataFrame({"time": causes.min(axis=1), "event": event, "marker": marker})


def in_r(rows: pd.DataFrame) -> tuple[float, str, list[float], list[float]] | str:
    """Return seconds, version, AUCs and standard errors of riskRegression, or why there are none."""
    if shutil.which("Rscript") is None:
        return "R is missing"
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder) / "rows.csv", Path(folder) / "score.R"
        rows.to_csv(data, index=False, float_format="%.17g")
        script.write_text(R_SCRIPT)
        call = ["Rscript", str(script), str(data), ",".join(map(str, TIMES))]
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[0]
    seconds, version, auc, se = done.stdout.split()
    return float(seconds), version, [float(v) for v in auc.split(",")], [float(v) for v in se.split(",")]


def main() -> None:
    """Print the table."""
    rows = study()
    own = best(lambda: time_dependent_auc(rows["time"], rows["event"], rows["marker"], TIMES, competing="control"))
    y = Surv.from_arrays(rows["event"] == 1, rows["time"])
    sksurv = best(lambda: cumulative_dynamic_auc(y, y, rows["marker"], TIMES))
    print(f"time-dependent AUC, n = {ROWS}, {len(TIMES)} times, milliseconds of processor time, one thread")
    print(f"  here, with standard errors              {1e3 * own:8.2f}")
    print(f"  scikit-survival, no standard error      {1e3 * sksurv:8.2f}  {sksurv / own:6.1f} x")
    found = in_r(rows)
    if isinstance(found, str):
        print(f"  riskRegression: not compared ({found})")
        return
    seconds, version, auc, se = found
    print(f"  riskRegression {version}::Score, with SE {1e3 * seconds:7.2f}  {seconds / own:6.1f} x")
    mine = time_dependent_auc(rows["time"], rows["event"], rows["marker"], TIMES, competing="control")
    print(f"  largest relative difference: AUC {np.max(np.abs(mine['auc'] / auc - 1)):.1e}, "
          f"SE {np.max(np.abs(mine['se'] / se - 1)):.1e}")  # fmt: skip


if __name__ == "__main__":
    main()
