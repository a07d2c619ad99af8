"""The validation rehearsed on outcomes that are not its own, in a folder of its own that goes when it ends.

While the outcomes are sealed they are borrowed from the test cohort; once opened they are permuted between patients.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.borrow import Borrowed, borrow_outcomes
from lumier_analysis.cleaning.permute import Permuted, permute_outcomes
from lumier_analysis.cleaning.withheld import open_tables
from lumier_analysis.errors import AnalysisError, SignatureError, UsageError
from lumier_analysis.pipeline.kernel import signals_interrupt
from lumier_analysis.pipeline.notebook import Outcome, run_notebook
from lumier_analysis.pipeline.staged import staged
from lumier_analysis.pipeline.stages import Stage, find_stage
from lumier_analysis.study import Study, seal

COHORT = seal.COHORT
_TABLES = ("landmarks", "visits", "flares", "patients")
_OPEN = ("samples", "expression")


@dataclass(frozen=True)
class Rehearsal:
    """How a rehearsal went.

    Attributes
    ----------
    given : Permuted, Borrowed or None
        The outcomes that it ran on, and how many patients they are of; None without a validation cohort.
    n_numbers : int
        Numbers that the notebook wrote, and that are gone.
    n_warnings : int
    seconds : float
    """

    given: Permuted | Borrowed | None
    n_numbers: int
    n_warnings: int
    seconds: float

    def lines(self) -> list[str]:
        """Return what to print."""
        return [
            *_said(self.given),
            f"The validation notebook ran to its end in {self.seconds:.0f} s, with {self.n_numbers} numbers and"
            f" {self.n_warnings} warnings. Nothing of the study was changed.",
        ]


def _said(given: Permuted | Borrowed | None) -> list[str]:
    """Return the lines that say which kind of rehearsal it was."""
    if isinstance(given, Borrowed):
        none = "Without a flare most of the notebook has nothing to do; another --seed may draw one."
        return [
            "This was a rehearsal: outcomes were borrowed from the test cohort, and its numbers are thrown away.",
            "The outcomes are sealed: each validation patient was given the course of a patient of the test cohort.",
            f"Borrowed: {given.n_patients} patients, known by their tubes of scheduled visits, got the courses of"
            f" {given.n_donors} patients, drawn at random: {given.n_landmarks} landmarks at risk, {given.n_events}"
            " followed by a flare.",
            *([] if given.n_events else [none]),
        ]
    if given is None:
        return ["This was a rehearsal, without a validation cohort, and its numbers are thrown away."]
    return [
        "This was a rehearsal: outcomes were permuted between patients, and its numbers are thrown away.",
        f"Permuted: {given.n_patients} patients with a landmark at risk, {given.n_kept} of them kept their own"
        " outcomes, by chance or because no other has as many landmarks.",
    ]


def no_true_outcome(path: str) -> bool:
    """Tell whether an input may be staged as it is: the tables with outcomes of the validation cohort may not."""
    return not_of_validation(path) or path.split("/")[-1].partition(".")[0] not in _TABLES


def not_of_validation(path: str) -> bool:
    """Tell whether an input is no table of the validation cohort; under seal even the tubes are staged anew."""
    return path.split("/")[-2:-1] != [COHORT]


def borrowed_tables(study: Study, *, seed: int) -> tuple[Borrowed, dict[str, pd.DataFrame]]:
    """Return what a rehearsal under seal runs on: the predictors in clear, with courses of the test cohort.

    Raises
    ------
    AnalysisError
        The validation cohort has no tube, or the test cohort no patient.
    """
    known = open_tables({name: study.read(name, COHORT) for name in _OPEN})
    patients, visits, flares = (study.read(name, "test") for name in ("patients", "visits", "flares"))
    rules, flare = study.plan.landmarks, study.plan.flare
    borrowed = borrow_outcomes(patients, visits, flares, known["samples"], rules, flare, seed=seed)
    return borrowed, {n: getattr(borrowed, n) for n in (*_TABLES, "samples")} | {"expression": known["expression"]}


def permuted_tables(study: Study, *, seed: int) -> tuple[Permuted | None, dict[str, pd.DataFrame]]:
    """Return what a rehearsal of an open study runs on, its predictors aside; None without a validation cohort."""
    if not study.has("landmarks", COHORT):
        return None, {}
    permuted = permute_outcomes(*(study.read(t, COHORT) for t in _TABLES), seed=seed)
    return permuted, {name: getattr(permuted, name) for name in _TABLES}


def rehearse(study: Study, *, seed: int | None = None, stage: Stage | None = None) -> Rehearsal:
    """Run the validation notebook on permuted or, while they are sealed, borrowed outcomes; throw its results away.

    Parameters
    ----------
    study : Study
    seed : int, optional
        Of the permutation or the draw; the plan's by default.
    stage : Stage, optional
        The stage to rehearse; "validate" by default.

    Raises
    ------
    SignatureError
        No locked signature.
    AnalysisError
        The study has no tables yet, or under seal no tube or no test patient.
    UsageError
        A negative seed.
    SealError
        The seal or its log of openings was altered; sealed outcomes are no reason.
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
    seed = study.plan.study.seed if seed is None else seed
    if seed < 0:
        raise UsageError("A seed is 0 or more", found=str(seed), fix=f"type: lumier dry-run data/{study.name} --seed 1")
    given: Permuted | Borrowed | None
    if seal.is_sealed(study):
        (given, tables), keep = borrowed_tables(study, seed=seed), not_of_validation
    else:
        (given, tables), keep = permuted_tables(study, seed=seed), no_true_outcome
    with signals_interrupt(), staged(study, stage, prefix="lumier-dry-run-", keep=keep) as place:
        made = place.study
        for name, table in tables.items():
            made.write(name, COHORT, table)
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
    return Rehearsal(given, numbers, len(run.warnings), run.seconds)
