"""Time the derivation against R's glmnet on one core: `python benchmarks/derivation.py [--boot 200] [--smallest 1e-4]`.

Both sides get the same rows, folds and penalties. Nested: the full nested cross-validation of 96 genes in 150 patients
x 4 visits, alpha 0.2 / 0.5 / 1, 10 x 10 folds, 100 penalties down to 1e-4 of the largest, glmnet's default (with
--smallest 0.01 there is little tail to spare, and the ratio falls to about 8); R's side is the loop of cv.glmnet over
outer folds and alphas. Bootstrap: the derivation (alpha 0.5, 5 folds, 100 penalties) on samples of patients, whose
copies share an inner fold. Times are CPU seconds of one process on one thread, data reading and the one compilation of
the Python kernels apart. Without Rscript or glmnet only Python's times are printed.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lumier_analysis.signature import Settings, nested_cv
from lumier_analysis.signature.elastic_net import lambda_grid
from lumier_analysis.signature.folds import grouped_folds
from lumier_analysis.signature.preparation import learn_preparation
from lumier_analysis.signature.tuning import ElasticNetFit, choose_penalty, tune_elastic_net
from lumier_analysis.simulation.cohort import Cohort, Population

HERE = Path(__file__).resolve().parent
SEED = 20160911
WANTED = {"nested": 15, "bootstrap": 5}
RULES = ("minimum", "one_standard_error")


class Task(NamedTuple):
    """Training rows of one derivation, and how it is tuned."""

    rows: np.ndarray
    settings: Settings
    seed: tuple[int, ...]


def nested_tasks(c: Cohort, smallest: float) -> list[Task]:
    """Return the training rows of each outer fold, as `nested_cv` takes them."""
    settings = Settings(lambda_min_ratio=smallest)
    fold = grouped_folds(c.patient, c.event, 10, (SEED, 0))
    return [Task(np.flatnonzero(fold != k), settings, (SEED, 0, k)) for k in range(10)]


def bootstrap_tasks(c: Cohort, samples: int, smallest: float) -> list[Task]:
    """Return samples of patients with replacement, all visits of each."""
    settings = Settings(alphas=(0.5,), inner_folds=5, lambda_min_ratio=smallest)
    rng = np.random.default_rng(SEED)
    visits = np.arange(c.event.size).reshape(c.patient.max() + 1, -1)
    drawn = [visits[rng.integers(0, len(visits), len(visits))].ravel() for _ in range(samples)]
    return [Task(rows, settings, (SEED, b)) for b, rows in enumerate(drawn)]


def write_tasks(folder: Path, part: str, c: Cohort, tasks: list[Task], smallest: float) -> None:
    """Write rows, inner folds and penalties of each task for R."""
    for i, task in enumerate(tasks, start=1):
        x, event, patient = c.x[task.rows], c.event[task.rows], c.patient[task.rows]
        flaring = np.unique(patient[event]).size
        fold = grouped_folds(patient, event, min(task.settings.inner_folds, flaring), task.seed)
        z = learn_preparation(x).apply(x)
        grids = [lambda_grid(z, event, a, task.settings.n_lambdas, smallest) for a in task.settings.alphas]
        np.savetxt(folder / f"{part}_{i}_rows.csv", task.rows + 1, fmt="%d")
        np.savetxt(folder / f"{part}_{i}_fold.csv", fold + 1, fmt="%d")
        np.savetxt(folder / f"{part}_{i}_lambda.csv", grids, fmt="%.17g", delimiter=",")
    words = [" ".join(str(a) for a in task.settings.alphas) for task in tasks]
    (folder / f"{part}.txt").write_text("\n".join(words) + "\n")


def derive(c: Cohort, tasks: list[Task]) -> Iterator[ElasticNetFit]:
    """Tune and refit on the rows of each task."""
    for rows, settings, seed in tasks:
        yield tune_elastic_net(c.x[rows], c.event[rows], c.patient[rows], settings, seed)


def python_side(c: Cohort, parts: dict[str, list[Task]]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the choices and the CPU seconds of each part."""
    seconds, lines = {}, []
    for part, tasks in parts.items():
        with threadpool_limits(limits=1):
            start = time.process_time()
            fits = list(derive(c, tasks))
            seconds[part] = time.process_time() - start
        for i, fit in enumerate(fits, start=1):
            chosen = [choose_penalty(fit.deviance, fit.deviance_se, rule) for rule in RULES]
            lines.append((part, i, chosen[0][0] + 1, *(column + 1 for _, column in chosen)))
    return pd.DataFrame(lines, columns=["part", "task", "alpha", *RULES]), seconds


def main() -> None:
    """Run both sides and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boot", type=int, default=200, help="bootstrap samples")
    parser.add_argument("--smallest", type=float, default=1e-4, help="smallest penalty as a share of the largest")
    arguments = parser.parse_args()
    smallest = arguments.smallest
    c = Population(effect=0.35).draw(150, np.random.default_rng(SEED))
    parts = {"nested": nested_tasks(c, smallest), "bootstrap": bootstrap_tasks(c, arguments.boot, smallest)}
    start = time.perf_counter()
    nested_cv(pd.DataFrame(c.x), c.event, c.patient, settings=Settings(n_lambdas=30, inner_folds=3), outer_folds=2)
    print(f"first call, with the kernels compiled or read from disk: {time.perf_counter() - start:.1f} s")
    mine, seconds = python_side(c, parts)
    packages = ", ".join(f"{p} {version(p)}" for p in ("numpy", "numba"))
    print(f"{c.event.size} rows, {c.event.sum()} events; Python {platform.python_version()}, {packages}")

    rscript = shutil.which("Rscript")
    absent = "Rscript was not found"
    if rscript:
        probe = [rscript, "-e", 'cat(requireNamespace("glmnet", quietly = TRUE))']
        if subprocess.run(probe, capture_output=True, text=True, check=False).stdout.endswith("TRUE"):
            absent = ""
        else:
            absent = "R has no glmnet (Debian: apt install r-cran-glmnet)"
    if absent:
        print(f"{absent}: only Python's times")
        for part, tasks in parts.items():
            print(f"{part:>10}: {len(tasks)} derivations in {seconds[part]:.1f} s of CPU")
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        np.savetxt(folder / "x.csv", c.x, fmt="%.17g", delimiter=",")
        np.savetxt(folder / "y.csv", c.event, fmt="%d")
        for part, tasks in parts.items():
            write_tasks(folder, part, c, tasks, smallest)
        done = subprocess.run(
            [str(rscript), str(HERE / "derivation.R"), place], capture_output=True, text=True, check=True
        )
        r, glmnet = done.stdout.split()
        theirs = pd.read_csv(folder / "choices.csv")
        r_seconds = pd.read_csv(folder / "times.csv").set_index("part")["cpu"]
    print(f"R {r}, glmnet {glmnet}, the same rows, folds and penalties")
    print(f"{'':>10} {'derivations':>11} {'Python s':>9} {'R s':>8} {'ratio':>6} {'wanted':>6}  same (alpha, lambda)")
    both = mine.merge(theirs, on=["part", "task"], suffixes=("", "_r"))
    for part, tasks in parts.items():
        own = both[both["part"] == part]
        alpha = own["alpha"] == own["alpha_r"]
        same = {
            rule: int((alpha & (own[rule] == own[f"{rule}_r"])).sum()) for rule in ("minimum", "one_standard_error")
        }
        ratio = r_seconds[part] / seconds[part]
        words = ", ".join(f"{n} of {len(own)} by {rule.replace('_', ' ')}" for rule, n in same.items())
        print(
            f"{part:>10} {len(tasks):>11} {seconds[part]:>9.2f} {r_seconds[part]:>8.1f} {ratio:>6.1f}"
            f" {WANTED[part]:>5}x  {words}"
        )


if __name__ == "__main__":
    main()
