"""A project folder with the study's plan and nothing that was computed before: where a rerun starts from."""

from __future__ import annotations

import shutil
from pathlib import Path

from lumier_analysis.errors import AnalysisError
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.pipeline.unseal import sealed_stages
from lumier_analysis.study import Study
from lumier_analysis.study.seal import RECIPIENT

#: What a person has decided about a study, beside its raw files; keys and sealed files are not among it.
DECIDED = ("plan.yml", "corrections.csv", "plan.lock*.json", "deviations*.md", "openings.jsonl", "openings.head")


def stages_to_replay(study: Study, stages: tuple[Stage, ...] = STAGES) -> tuple[Stage, ...]:
    """Return the stages that can be run again: all of them, or those that read no sealed outcome."""
    waiting = sealed_stages(study, stages)
    return tuple(stage for stage in stages if stage.name not in waiting)


def clean_project(study: Study, root: Path, stages: tuple[Stage, ...], *, sealed: bool) -> Study:
    """Make a project in `root` that holds code, plan and decisions, and reads the raw files where they are.

    The package is copied with its compiled kernels, and without any other compiled code.

    Parameters
    ----------
    study : Study
    root : Path
        An empty folder.
    stages : tuple of Stage
        Whose notebooks are copied.
    sealed : bool
        Whether the validation outcomes are to be sealed there as well. Outcomes that have been opened are not: they
        would have to be opened again, with a key that the house does not hold.

    Raises
    ------
    AnalysisError
        The raw folder cannot be linked to.
    """
    # The compiled kernels come along: the process that compiles them may differ in a last bit (see compile_kernels).
    ignore = shutil.ignore_patterns("*.pyc", ".*")
    shutil.copytree(study.root / "lumier_analysis", root / "lumier_analysis", ignore=ignore)
    for name in ("pyproject.toml", "requirements.lock"):
        if (study.root / name).is_file():
            shutil.copy(study.root / name, root / name)
    (root / "notebooks").mkdir()
    for stage in stages:
        if stage.notebook:
            name = f"{stage.notebook}.ipynb"
            shutil.copy(study.root / "notebooks" / name, root / "notebooks" / name)
    folder = root / "data" / study.name
    folder.mkdir(parents=True)
    for pattern in (*DECIDED, RECIPIENT) if sealed else DECIDED:
        for path in sorted(study.folder.glob(pattern)):
            shutil.copy(path, folder / path.name)
    # In the place where every study has them: the notebooks then get the same parameters as in the run itself.
    try:
        (folder / "raw").symlink_to(study.raw, target_is_directory=True)
    except OSError as error:
        raise AnalysisError(
            "The raw files cannot be linked to from the folder of the replay",
            found=type(error).__name__,
            fix="give a folder on a file system with links: --keep DIR",
        ) from error
    return Study(folder, folder / "raw", study.plan, root)
