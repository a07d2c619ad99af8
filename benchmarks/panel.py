"""Time one mixed model a gene, and check it: `python benchmarks/panel.py [--genes N] [--peers PYTHON] [--real DIR]`.

All in one run, one thread. The peers fit a part of the genes in a loop, and their time is scaled up; so is lmer's.
R reads its data before its clock starts. `--peers` names an interpreter that has lme-python and mixedlm-rs (none of
them is needed here); where it, R or a package is missing, the page says so and the other ratios stand alone.
`--real` names the folder of the public series GSE65391 (GSE65391_series_matrix.txt.gz): every probe over all visits.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  the number of threads is set before
import pandas as pd  # noqa: E402

from lumier_analysis.mixed import lmm_panel  # noqa: E402
from lumier_analysis.readers.geo import read_series_matrix  # noqa: E402

SEED, PATIENTS, VISITS = 65391, 300, 5
FORMULA = "month * arm"

R_SCRIPT = """
suppressPackageStartupMessages(library(lme4))
a <- commandArgs(trailingOnly = TRUE)
d <- read.csv(a[1])
genes <- setdiff(names(d), c("patient", "month", "arm"))
s <- list(); f <- list()
t <- system.time(for (g in genes) {
    m <- suppressMessages(suppressWarnings(lmer(as.formula(sprintf("%s ~ month * arm + (%s | patient)", g, a[2])), d)))
    f[[g]] <- as.numeric(logLik(m))
})
suppressPackageStartupMessages(library(lmerTest))
t2 <- system.time(for (g in genes[1:min(20, length(genes))]) {
    m <- suppressMessages(suppressWarnings(lmer(as.formula(sprintf("%s ~ month * arm + (%s | patient)", g, a[2])), d)))
    coef(summary(m))
}) / min(20, length(genes))
cat(sum(t[1:2]) / length(genes), sum(t2[1:2]), as.character(packageVersion("lme4")),
    paste(sprintf("%.12g", unlist(f)), collapse = ","), "\\n")
"""

# Runs in the interpreter of the peers: prints a JSON object of name -> [seconds a gene, log-likelihoods or reason].
PEER_SCRIPT = """
import json, sys, time
import pandas as pd
d = pd.read_csv(sys.argv[1])
random = sys.argv[2]
genes = [c for c in d if c not in ("patient", "month", "arm")]
out = {}
try:
    import lme_python
    import polars as pl
    wide = pl.DataFrame({c: d[c].to_list() for c in d})
    wide = wide.with_columns(pl.col("patient").cast(pl.Utf8))
    p = lme_python.prepare_lmer(f"{genes[0]} ~ month * arm + ({random} | patient)", wide)
    ys = [d[g].to_list() for g in genes]
    found = []
    p.fit(y=ys[0], reml=True)
    start = time.process_time()
    for y in ys:
        found.append(p.fit(y=y, reml=True).log_likelihood)
    out["lme-python"] = [(time.process_time() - start) / len(genes), found]
except Exception as error:
    out["lme-python"] = f"{type(error).__name__}: {error}"
try:
    import mixedlm_rs as mlm
    options = {} if random == "1" else {"re_formula": "~month"}
    found = []
    mlm.mixedlm(f"{genes[0]} ~ month * arm", d, groups="patient", **options).fit()
    start = time.process_time()
    for g in genes:
        found.append(mlm.mixedlm(f"{g} ~ month * arm", d, groups="patient", **options).fit().llf)
    out["mixedlm-rs"] = [(time.process_time() - start) / len(genes), found]
except Exception as error:
    out["mixedlm-rs"] = f"{type(error).__name__}: {error}"
print(json.dumps(out))
"""


def simulated(genes: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return patients and genes; a third have no variance of intercepts, a third none of slopes, correlations to 1."""
    rng = np.random.default_rng(SEED)
    patient = np.repeat(np.arange(PATIENTS), VISITS)
    n = patient.size
    month = np.tile(3.0 * np.arange(VISITS), PATIENTS) + rng.uniform(-0.5, 0.5, n)
    data = pd.DataFrame({"patient": patient, "month": month.round(2), "arm": (patient % 2).astype(float)})
    s0, s1 = rng.choice([0, 0.3, 1.0], genes), rng.choice([0, 0.02, 0.08], genes)
    rho = rng.choice([-1, -0.3, 0, 0.5, 1], genes)
    u, v = rng.standard_normal((2, PATIENTS, genes))
    slope = rho * u + np.sqrt(1 - rho**2) * v
    y = 8 + (u * s0)[patient] + (slope * s1)[patient] * month[:, None] + 0.5 * rng.standard_normal((n, genes))
    return data, pd.DataFrame(y.round(6), columns=[f"g{i}" for i in range(genes)])


def own(responses: pd.DataFrame, data: pd.DataFrame, random: str, formula: str = FORMULA) -> tuple[float, pd.DataFrame]:
    """Return the shortest of three times in processor seconds, and the table."""
    lmm_panel(responses.iloc[:, :4], formula, data, groups="patient", random=random)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        table = lmm_panel(responses, formula, data, groups="patient", random=random)
        seconds.append(time.process_time() - start)
    return min(seconds), table


def run(command: list[str]) -> str | None:
    """Return what a command prints, or None where it fails; the reason goes to the page."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode:
        print(f"  not compared: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        return None
    return done.stdout


def statsmodels_loop(responses: pd.DataFrame, data: pd.DataFrame, random: str) -> tuple[float, list[float]]:
    """Return seconds a gene and log-likelihoods of statsmodels."""
    import warnings

    from statsmodels.regression.mixed_linear_model import MixedLM

    found = []
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for gene in responses:
            model = MixedLM.from_formula(
                f"{gene} ~ {FORMULA}", data.assign(**{gene: responses[gene]}), groups="patient",
                re_formula="1" if random == "1" else "month",
            )  # fmt: skip
            try:
                found.append(float(model.fit().llf))
            except np.linalg.LinAlgError:
                found.append(float("nan"))
    return (time.process_time() - start) / responses.shape[1], found


def compare(data: pd.DataFrame, responses: pd.DataFrame, random: str, peers: str | None, part: int) -> None:
    """Print times and ratios for one kind of random effects."""
    genes = responses.shape[1]
    seconds, table = own(responses, data, random)
    fits = table.drop_duplicates("response")
    print(
        f"({random} | patient), {len(data):,} rows, {PATIENTS} patients, {genes:,} genes: processor seconds, one thread"
    )
    print(f"  lmm_panel, df, p and q included {seconds:10.2f}   {fits['singular'].mean():.0%} singular, "
          f"{fits['converged'].mean():.1%} converged")  # fmt: skip
    likelihood = fits["log_likelihood"].to_numpy()

    def show(name: str, each: float, found: list[float], used: int) -> None:
        theirs = np.array([np.nan if f is None else f for f in found], dtype=float)
        above = np.nanmax(theirs - likelihood[:used])
        below = float(np.mean(~(theirs > likelihood[:used] - 1e-6)))
        print(f"  {name:30s} {each * genes:10.1f}   {each * genes / seconds:8.0f} x; its log-likelihood is at most "
              f"{above:.1e} above, and more than 1e-6 below in {below:.0%} of {used} genes")  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.csv"
        pd.concat([data, responses.iloc[:, :part]], axis=1).to_csv(path, index=False, float_format="%.17g")
        if shutil.which("Rscript") is None:
            print("  lmer: not compared (R is missing)")
        else:
            script = Path(folder) / "loop.R"
            script.write_text(R_SCRIPT)
            if said := run(["Rscript", str(script), str(path), random]):
                each, with_df, version, found = said.split()
                show(f"loop of lmer {version}", float(each), [float(v) for v in found.split(",")], part)
                print(f"  {'with lmerTest summary(), 20 genes':30s} {float(with_df) * genes:7.1f}   "
                      f"{float(with_df) * genes / seconds:8.0f} x")  # fmt: skip
        if peers is None:
            print("  lme-python, mixedlm-rs: not compared (no --peers)")
        else:
            script = Path(folder) / "peers.py"
            script.write_text(PEER_SCRIPT)
            if said := run([peers, str(script), str(path), random]):
                for name, result in json.loads(said).items():
                    if isinstance(result, str):
                        print(f"  {name}: not compared ({result})")
                    else:
                        show(f"loop of {name}", result[0], result[1], part)
    few = min(part, 40)
    each, found = statsmodels_loop(responses.iloc[:, :few], data, random)
    show("loop of statsmodels", each, found, few)


def real(folder: Path) -> None:
    """Print the time of every probe of GSE65391 over all visits of its patients."""
    start = time.perf_counter()
    series = read_series_matrix(folder / "GSE65391_series_matrix.txt.gz")
    sick = (series.samples["disease state"] == "SLE").to_numpy()
    samples = series.samples[sick].reset_index(drop=True)
    values = series.expression.to_numpy()[:, sick].T
    # The depositors' values are on a linear scale with a floor of 10.
    log2 = pd.DataFrame(np.log2(np.maximum(values, 10.0)) if np.nanmax(values) > 50 else values)
    log2.columns = series.expression.index
    data = pd.DataFrame({
        "patient": samples["subject"].astype(str),
        "year": pd.to_numeric(samples["cumulative_time"], errors="coerce") / 365.25,
        "sledai": pd.to_numeric(samples["sledai"], errors="coerce"),
    })  # fmt: skip
    print(f"GSE65391: {log2.shape[1]:,} probes, {len(data)} visits, {data['patient'].nunique()} patients "
          f"(read in {time.perf_counter() - start:.1f} s)")  # fmt: skip
    for random in ("1", "1 + year"):
        seconds, table = own(log2, data, random, "sledai + year")
        term = table[table["term"] == "sledai"]
        print(f"  ({random} | patient): {seconds:.2f} processor seconds; {term['converged'].sum():,} converged, "
              f"{term['singular'].sum():,} singular, {term['estimate'].isna().sum()} not fitted; "
              f"n {term['n'].min()} to {term['n'].max()}; "
              f"{(term['q_value'] < 0.05).sum():,} with sledai at q < 0.05")  # fmt: skip


def main(arguments: list[str]) -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=5000)
    parser.add_argument("--part", type=int, default=100, help="genes that the loops fit")
    parser.add_argument("--peers", help="a Python interpreter that has lme-python and mixedlm-rs")
    parser.add_argument("--real", type=Path, help="folder of GSE65391")
    chosen = parser.parse_args(arguments)
    data, responses = simulated(chosen.genes)
    for random in ("1", "1 + month"):
        compare(data, responses, random, chosen.peers, min(chosen.part, chosen.genes))
    if chosen.real is not None:
        real(chosen.real)
    peak: Any = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak / 2**20:.2f} GiB")


if __name__ == "__main__":
    main(sys.argv[1:])
