"""The validation rehearsed on permuted outcomes, in a folder of its own that goes when it ends."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lumier_analysis.cleaning.permute import Permuted, permute_outcomes
from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.pipeline.kernel import signals_interrupt
from lumier_analysis.pipeline.notebook import Outcome, run_notebook
from lumier_analysis.pipeline.stages import Stage, files_at, find_stage
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


def stage_study(study: Study, root: Path, stage: Stage, *, seed: int) -> tuple[Study, Permuted | None]:
    """Make a project in `root` that holds what `stage` reads, the outcomes of the validation cohort permuted.

    Returns
    -------
    Study, Permuted or None
        None where the study has no validation cohort.
    """
    package = Path(__file__).resolve().parents[1]
    shutil.copy(package.parent / "pyproject.toml", root / "pyproject.toml")
    try:
        (root / package.name).symlink_to(package, target_is_directory=True)
    except OSError:  # where links need a privilege
        shutil.copytree(package, root / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = root / "data" / study.name
    staged = Study(folder, folder / "raw", study.plan, root)
    for name in stage.reads:
        for relative, source in files_at(study, name).items():
            head, _, rest = relative.partition("/")
            target = {"analysis": staged.analysis, "reports": staged.reports}[head] / rest
            # No copy of a true outcome: these tables are written permuted, below.
            if source.parent.name != COHORT or source.stem not in _TABLES:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(study.folder / "plan.yml", folder / "plan.yml")
    if not study.has("landmarks", COHORT):
        return staged, None
    permuted = permute_outcomes(*(study.read(t, COHORT) for t in _TABLES), seed=seed)
    for table in _TABLES:
        staged.write(table, COHORT, getattr(permuted, table))
    return staged, permuted


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
    with signals_interrupt(), tempfile.TemporaryDirectory(prefix="lumier-dry-run-") as folder:
        root = Path(folder).resolve()
        staged, permuted = stage_study(study, root, stage, seed=study.plan.study.seed if seed is None else seed)
        source = study.root / "notebooks" / f"{stage.notebook}.ipynb"
        output = staged.reports / "notebooks" / source.name
        failed = output.with_suffix(".failed.ipynb")
        run = run_notebook(source, output, {"study": f"data/{staged.name}"}, root=root, failed=failed)
        error = run.error()
        if error is not None:
            where = f"In [{run.cell}]: {run.line}" if run.cell else "before its first cell"
            error.add_note(f"It happened in the rehearsal of notebooks/{source.name}, {where}")
            if run.outcome is Outcome.INTERRUPTED:
                raise KeyboardInterrupt(run.sentence) from error
            raise error
        ledger = staged.results / f"{stage.notebook}.json"
        numbers = len(json.loads(ledger.read_text(encoding="utf-8"))["entries"]) if ledger.is_file() else 0
    counts = (permuted.n_patients, permuted.n_kept) if permuted else (0, 0)
    return Rehearsal(*counts, numbers, len(run.warnings), run.seconds)
