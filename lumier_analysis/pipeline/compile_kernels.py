"""Compile the numerical kernels before the first run, in a process of their own: `python -m ...compile_kernels`.

The process in which numba compiles a function may run other machine code than the one that it keeps on disk, and a sum
may then differ in its last bit. Stages therefore never compile: every run reads the same code, the first one too.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from llvmlite.binding import get_host_cpu_name

from lumier_analysis.study.io import sha256_text, write_text_atomic

PACKAGE = Path(__file__).resolve().parents[1]
#: Rooms whose functions are compiled.
ROOMS = ("mixed", "signature")
STAMP = Path("__pycache__") / "kernels.stamp"


def stamp() -> str:
    """Return what decides the compiled code: sources of the rooms, numba, Python, processor."""
    sources = [p.read_text(encoding="utf-8") for room in ROOMS for p in sorted((PACKAGE / room).glob("*.py"))]
    machine = (platform.python_version(), version("numba"), get_host_cpu_name())
    return sha256_text("\n".join([*machine, os.environ.get("NUMBA_CACHE_DIR", ""), *sources]))


def is_compiled() -> bool:
    """Tell whether the kernels stand compiled on disk, for these sources and this machine."""
    path = PACKAGE / STAMP
    return path.is_file() and path.read_text(encoding="utf-8").strip() == stamp()


def ensure_compiled() -> bool:
    """Compile the kernels in a process of their own where that has not been done; return whether it was done now.

    Where it fails (a folder that cannot be written), stages compile for themselves, as they would without it.
    """
    if is_compiled():
        return False
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "lumier_analysis.pipeline.compile_kernels"]
    done = subprocess.run(command, cwd=PACKAGE.parent, env=os.environ | one, capture_output=True, check=False)
    return done.returncode == 0


def prepare_kernels(say: Callable[[str], object]) -> None:
    """Compile the kernels where that has not been done, and say so, as it takes half a minute.

    Parameters
    ----------
    say : function
        Gets the line to print.
    """
    if not is_compiled():
        say("Compiling numerical kernels, once on this machine ...")
        ensure_compiled()


def compile_all() -> None:
    """Fit one small model of every kind that a notebook fits."""
    import numpy as np
    import pandas as pd

    from lumier_analysis.mixed import fit_lmm, heteroscedastic_lmm, influence, lmm, lmm_panel, model_icc
    from lumier_analysis.signature import Settings, nested_cv, refit_elastic_net, stability_selection

    rng = np.random.default_rng(1)
    n = 40
    patient = np.repeat(np.arange(n), 4)
    data = pd.DataFrame(
        {
            "patient": [f"P{i:02d}" for i in patient],
            "centre": [f"C{i % 5}" for i in patient],
            "month": np.tile([0.0, 3.1, 5.9, 9.2], n),
            "arm": np.where(patient % 2, "a", "b"),
        }
    )
    data["score"] = rng.standard_normal(n)[patient] + rng.standard_normal(4 * n)
    for random in ("1", "1 + month", "0 + month", "1 + month + I(month**2)"):
        for df in ("satterthwaite", "kenward-roger"):
            model = lmm("score ~ month * arm", data, groups="patient", random=random, df=df)
            model.coefficients, model.fitted, model.random_effects  # noqa: B018  each has kernels of its own
    lmm("score ~ month", data, groups="patient", random="1 + month", correlated=False, reml=False).coefficients  # noqa: B018
    nested = lmm("score ~ month", data, random={"centre": "1", "patient": "1 + month"}, df="kenward-roger")
    nested.coefficients, nested.random_effects  # noqa: B018
    influence(lmm("score ~ month", data, groups="patient", random="1 + month"))
    heteroscedastic_lmm("score ~ month", data, groups="patient", by="arm")
    model_icc(lmm("score ~ month", data, groups="patient"))
    fit_lmm(data["score"].to_numpy(), np.ones((4 * n, 1)), np.ones((4 * n, 1)), patient)
    genes = pd.DataFrame(rng.standard_normal((4 * n, 12)), columns=[f"G{i}" for i in range(12)])
    for random in ("1", "1 + month"):
        lmm_panel(genes, "month", data, groups="patient", random=random)
        lmm_panel(genes.where(rng.random(genes.shape) > 0.05), "month", data, groups="patient", random=random)
    event = (rng.random(4 * n) < 0.3).astype(int)
    settings = Settings(inner_folds=3, n_lambdas=20)
    nested_cv(genes, event, data["patient"], outer_folds=3, settings=settings, seed=1)
    refit_elastic_net(genes, event, data["patient"], settings=settings, seed=1)
    stability_selection(genes, event, data["patient"], n_selected=3, n_pairs=2, seed=1)


if __name__ == "__main__":
    compile_all()
    write_text_atomic(PACKAGE / STAMP, stamp() + "\n")
