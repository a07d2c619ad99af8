"""The validation rehearsed on permuted outcomes, in a folder of its own that goes when it ends."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lumier_analysis.cleaning.permute import Permuted, permute_outcomes
from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.pipeline.kernel import signals_interrupt
from lumier_analysis.pipeline.notebook import Outcome, run_notebook
from lumier_analysis.pipeline.staged import staged
from lumier_analysis.pipeline.stages import Stage, find_stage
from lumier_analysis.study import Study

COHORT = "validation"
_TABLES = ("landmarks", "visits", "flares", "patients")


@dataclass(frozen=True)
class Rehearsal:
    """How a rehearsal went.

    Attributes
    ----------
    n_patients, n_kept : int
        Patients with a landmark at risk, and those of them who kept their own outcomes.
    n_numbers : int
        Numbers that the notebook wrote, and that are gone.
    n_warnings : int
    seconds : float
    """

    n_patients: int
    n_kept: int
    n_numbers: int
    n_warnings: int
    seconds: float

    def lines(self) -> list[str]:
        """Return what to print."""
        return [
            "This was a rehearsal: outcomes were permuted between patients, and its numbers are thrown away.",
            f"Permuted: {self.n_patients} patients with a landmark at risk, {self.n_kept} of them kept their own"
            " outcomes, by chance or because no other has as many landmarks.",
            f"The validation notebook ran to its end in {self.seconds:.0f} s, with {self.n_numbers} numbers and"
            f" {self.n_warnings} warnings. Nothing of the study was changed.",
        ]


def no_true_outcome(path: str) -> bool:
    """Tell whether an input may be staged as it is: the tables with outcomes of the validation cohort may not."""
    parts = path.split("/")
    return parts[-2:-1] != [COHORT] or parts[-1].partition(".")[0] not in _TABLES


def permute_staged(study: Study, made: Study, *, seed: int) -> Permuted | None:
    """Write the outcome tables of the validation cohort into a staged study, permuted between patients.

    Returns
    -------
    Permuted or None
        None where the study has no validation cohort.
    """
    if not study.has("landmarks", COHORT):
        return None
    permuted = permute_outcomes(*(study.read(t, COHORT) for t in _TABLES), seed=seed)
    for table in _TABLES:
        made.write(table, COHORT, getattr(permuted, table))
    return permuted


def rehearse(study: Study, *, seed: int | None = None, stage: Stage | None = None) -> Rehearsal:
    """Run the validation notebook on permuted outcomes and throw its results away.

    Parameters
    ----------
    study : Study
    seed : int, optional
        Of the permutation; the plan's by default.
    stage : Stage, optional
        The stage to rehearse; "validate" by default.

    Raises
    ------
    SignatureError
        No locked signature.
    AnalysisError
        The study has no tables yet.
    LumierError
        Of the family of what went wrong in the notebook; a note says in which cell.
    KeyboardInterrupt
        Ctrl-C or SIGTERM; the folder is gone then too.
    """
    stage = stage or find_stage("validate")
    if not (study.analysis / "tables").is_dir():
        raise AnalysisError("The study has no tables yet", fix=f"run `lumier run data/{study.name} --only clean`")
    if not study.signature_path.is_file():
        raise SignatureError("There is no locked signature to rehearse with", fix=f"run `lumier run data/{study.name}`")
    with signals_interrupt(), staged(study, stage, prefix="lumier-dry-run-", keep=no_true_outcome) as place:
        made = place.study
        permuted = permute_staged(study, made, seed=study.plan.study.seed if seed is None else seed)
        source = study.root / "notebooks" / f"{stage.notebook}.ipynb"
        output = place.base / "executed" / source.name
        run = run_notebook(source, output, {"study": f"data/{made.name}"}, root=made.root, launch=place.launch)
        error = run.error()
        if error is not None:
            where = f"In [{run.cell}]: {run.line}" if run.cell else "before its first cell"
            error.add_note(f"It happened in the rehearsal of notebooks/{source.name}, {where}")
            if run.outcome is Outcome.INTERRUPTED:
                raise KeyboardInterrupt(run.sentence) from error
            raise error
        ledger = made.results / f"{stage.notebook}.json"
        numbers = len(json.loads(ledger.read_text(encoding="utf-8"))["entries"]) if ledger.is_file() else 0
    counts = (permuted.n_patients, permuted.n_kept) if permuted else (0, 0)
    return Rehearsal(*counts, numbers, len(run.warnings), run.seconds)
