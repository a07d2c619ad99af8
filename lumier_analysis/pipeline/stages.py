"""The stages of an analysis, in order: what each reads and what each must have written.

Paths are relative to the study: ``analysis/...`` below ``data/<study>/analysis``, ``reports/...`` below
``reports/<study>``. A folder stands for every file in it. Stages share nothing but these files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumier_analysis.errors import UsageError
from lumier_analysis.study import Study


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Attributes
    ----------
    name : str
    notebook : str or None
        Stem of the notebook in ``notebooks/``.
    builder : str or None
        ``module:function`` called with the study, for a stage that is no notebook.
    reads, writes : tuple of str
        Inputs that decide whether the stage is fresh, and outputs it must have written.
    reads_raw : bool
        Whether the raw files and ``corrections.csv`` are inputs.
    staged : bool
        Whether the notebook runs in a project folder that holds its inputs alone.
    may_write : tuple of str
        Outputs of a staged stage that need not be there; it may write nothing else.
    apart : bool
        Whether it may run staged, at the same time as the stage before it, which it does not depend on.
    """

    name: str
    notebook: str | None = None
    builder: str | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    reads_raw: bool = False
    staged: bool = False
    may_write: tuple[str, ...] = ()
    apart: bool = False


STAGES = (
    Stage(
        "clean",
        notebook="01_data_cleaning",
        reads_raw=True,
        writes=(
            "analysis/tables",
            "analysis/queries.csv",
            "analysis/queries.html",
            "analysis/corrections_applied.csv",
            "analysis/rows.csv",
            "analysis/flow.json",
            "analysis/results/01_data_cleaning.json",
        ),
    ),
    # The derivation sees the test cohort and the healthy controls, and nothing of the validation cohort.
    Stage(
        "derive",
        notebook="02_signature_derivation",
        reads=("analysis/tables/test", "analysis/tables/controls"),
        writes=(
            "analysis/locked_signature.json",
            "analysis/results/02_signature_derivation.json",
            "reports/locked_signature.json",
        ),
        staged=True,
        may_write=("analysis/clinical_model.json", "reports/figures"),
    ),
    Stage(
        "validate",
        notebook="03_locked_validation",
        # The clinical model may be absent: a study need not have its columns.
        reads=("analysis/tables", "analysis/locked_signature.json", "analysis/clinical_model.json"),
        writes=("analysis/results/03_locked_validation.json",),
    ),
    Stage(
        "longitudinal",
        notebook="04_longitudinal_models",
        reads=("analysis/tables", "analysis/locked_signature.json"),
        writes=("analysis/results/04_longitudinal_models.json",),
        may_write=("reports/figures",),
        apart=True,
    ),
    Stage(
        "manuscript",
        notebook="05_manuscript",
        reads=(
            "analysis/tables",
            "analysis/locked_signature.json",
            "analysis/flow.json",
            "analysis/queries.csv",
            "analysis/results/01_data_cleaning.json",
            "analysis/results/02_signature_derivation.json",
            "analysis/results/03_locked_validation.json",
            "analysis/results/04_longitudinal_models.json",
            "reports/figures",
        ),
        writes=("analysis/results/05_manuscript.json", "reports/tables"),
    ),
    Stage(
        "report",
        builder="lumier_analysis.reporting:build_report",
        reads=(
            "analysis/results",
            "analysis/locked_signature.json",
            "analysis/flow.json",
            "analysis/queries.csv",
            "reports/locked_signature.json",
            "reports/figures",
            "reports/tables",
            "reports/notebooks",
        ),
        writes=("reports/report.html", "reports/model_card.md", "reports/model_card.html"),
    ),
)


def find_stage(name: str, stages: tuple[Stage, ...] = STAGES) -> Stage:
    """Return the stage of that name, or raise UsageError with the names there are."""
    for stage in stages:
        if name in (stage.name, stage.notebook):
            return stage
    raise UsageError(f"There is no stage {name!r}", fix=f"use one of {', '.join(s.name for s in stages)}")


def locate(study: Study, path: str) -> Path:
    """Return where a study path (``analysis/...`` or ``reports/...``) stands."""
    head, _, rest = path.partition("/")
    return {"analysis": study.analysis, "reports": study.reports}[head] / rest


def shown(path: Path, root: Path) -> str:
    """Return a path as a user in the project folder would type it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def files_at(study: Study, path: str) -> dict[str, Path]:
    """Return the files at a study path, by study path: itself, or all files of the folder but hidden ones."""
    place = locate(study, path)
    if place.is_file():
        return {path: place}
    found = (p for p in sorted(place.rglob("*")) if p.is_file()) if place.is_dir() else ()
    relative = {p: p.relative_to(place) for p in found}
    return {
        f"{path}/{r.as_posix()}": p for p, r in relative.items() if not any(part.startswith(".") for part in r.parts)
    }


def parameters_of(stage: Stage, study: Study) -> dict[str, Any]:
    """Return the notebook parameters of a stage; the same in every clone, as paths are relative to the project."""
    from os.path import relpath

    inside = study.folder.is_relative_to(study.root)
    folder = study.folder.relative_to(study.root) if inside else study.folder
    parameters: dict[str, Any] = {"study": folder.as_posix()}
    if stage.reads_raw and study.raw != study.folder / "raw":
        parameters["raw"] = Path(relpath(study.raw, study.root)).as_posix()
    return parameters
