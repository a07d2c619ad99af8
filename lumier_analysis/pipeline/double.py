"""Double programming: the primary result once more, by a script in another language that knows the formula alone.

The table it needs holds codes without meaning, outcomes and scores; no date, centre or sample. It is patient-level all
the same and stays in ``data/<study>/analysis/``.
"""

from __future__ import annotations

import math
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from lumier_analysis.cleaning import expression_of, landmark_rows
from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import auc
from lumier_analysis.pipeline.kernel import fixed_environment
from lumier_analysis.signature import LockedSignature
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_text_atomic

#: Largest difference between the two programs, absolute: sums of some thousand terms in another order.
TOLERANCE = 1e-10
FOLDER = "double_programming"
QUANTITIES = ("value", "se", "ci_low", "ci_high", "p_value", "n_patients", "n_rows", "n_events")


@dataclass(frozen=True)
class DoubleProgramming:
    """What the two programs found.

    Attributes
    ----------
    folder : Path
        Holds landmarks.csv and primary.R.
    command : str
        What to type there.
    comparison : DataFrame or None
        quantity, python, r, difference; None where R is not installed.
    """

    folder: Path
    command: str
    comparison: pd.DataFrame | None

    @property
    def agrees(self) -> bool | None:
        """Whether every quantity agrees within `TOLERANCE`; None where R did not run."""
        return None if self.comparison is None else bool((self.comparison["difference"].abs() <= TOLERANCE).all())


def coded_rows(rows: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return patient, outcome, score with patients under codes in random order.

    Parameters
    ----------
    rows : DataFrame
        patient_id, event, score; ordered by patient and day.
    seed : int

    Returns
    -------
    DataFrame
        Ordered by code, so that the place of a row says nothing of the patient's number; her own rows keep theirs.
    """
    people = rows["patient_id"].drop_duplicates().to_numpy()
    width = len(str(len(people)))
    order = np.random.default_rng(seed).permutation(len(people))
    codes = {p: f"R{place + 1:0{width}d}" for p, place in zip(people, order, strict=True)}
    table = pd.DataFrame(
        {
            "patient": [codes[p] for p in rows["patient_id"]],
            "outcome": rows["event"].to_numpy(dtype=int),
            "score": rows["score"].to_numpy(dtype=float),
        }
    )
    return table.sort_values("patient", kind="stable").reset_index(drop=True)


def run_r(folder: Path, level: float) -> dict[str, float] | None:
    """Run primary.R in `folder`; None where R is not installed.

    Raises
    ------
    AnalysisError
        R stopped.
    """
    program = shutil.which("Rscript")
    if program is None:
        return None
    done = subprocess.run(
        [program, "--vanilla", "primary.R", "landmarks.csv", repr(level)],
        cwd=folder,
        env=fixed_environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise AnalysisError("The R program of the primary result stopped", found=last)
    return read_quantities(done.stdout)


def read_quantities(text: str) -> dict[str, float]:
    """Read what primary.R prints, to the last digit: a heading, then quantity,value."""
    lines = [line.split(",") for line in text.splitlines()[1:] if line]
    return {name: float(value) for name, value in lines}


def compare(estimate: Estimate, other: dict[str, float]) -> pd.DataFrame:
    """Return the two results side by side: quantity, python, r, difference."""
    ours = {name: getattr(estimate, name) for name in QUANTITIES}
    rows = [(name, float(ours[name]), other[name]) for name in QUANTITIES]
    table = pd.DataFrame(rows, columns=["quantity", "python", "r"])
    return table.assign(difference=table["python"] - table["r"])


def write_script(folder: Path, rows: pd.DataFrame) -> None:
    """Write landmarks.csv (17 digits, so that R reads the very same numbers) and primary.R into `folder`."""
    write_text_atomic(folder / "landmarks.csv", rows.to_csv(index=False, float_format="%.17g", lineterminator="\n"))
    script = files("lumier_analysis.pipeline").joinpath("templates/primary.R").read_text(encoding="utf-8")
    write_text_atomic(folder / "primary.R", script)


def double_program(study: Study) -> DoubleProgramming:
    """Write the coded table and the R program, run it where R is installed, and compare.

    Raises
    ------
    AnalysisError
        No validation landmark, or no primary result with an interval: there is nothing to program twice.
    SignatureError
        No locked signature.
    """
    rows = landmark_rows(study, "validation")
    signature = LockedSignature.load(study.signature_path)
    if len(rows):
        rows = rows.assign(score=signature.score(expression_of(study, "validation", rows))["score"])
        rows = rows[rows["score"].notna()]
    if not len(rows):
        raise AnalysisError("There is no scored landmark in the validation cohort, and so no primary result to check")
    level = study.plan.inference.level
    estimate = auc(rows["event"], rows["score"], cluster=rows["patient_id"], interval="logit", level=level)
    if math.isnan(estimate.ci_low) or math.isnan(estimate.se):
        raise AnalysisError("The primary result has no interval by the formula to check", found=estimate.note)
    folder = study.analysis / FOLDER
    write_script(folder, coded_rows(rows, seed=study.plan.study.seed))
    other = run_r(folder, level)
    comparison = None if other is None else compare(estimate, other)
    return DoubleProgramming(folder, f"Rscript primary.R landmarks.csv {level:g}", comparison)
