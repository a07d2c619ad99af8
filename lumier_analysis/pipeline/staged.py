"""A stage in a project folder that holds only what the stage declares.

The derivation must not be able to see a validation outcome, not even by mistake. So its notebook runs in a copy of the
project with the package, the plan and its declared inputs, in an environment that does not say where the study stands,
and behind masks where the machine allows. What it wrote, and declares, is moved into the study when it has ended well.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lumier_analysis.errors import NotebookError, UsageError
from lumier_analysis.pipeline.compiled_cache import read_indexes, take_compiled
from lumier_analysis.pipeline.kernel import signals_wait
from lumier_analysis.pipeline.kernel_manager import Launch
from lumier_analysis.pipeline.masks import Masks, make_masks
from lumier_analysis.pipeline.notebook import NotebookRun, Outcome, run_notebook
from lumier_analysis.pipeline.scrubbed import scrubbed_environment
from lumier_analysis.pipeline.stage_folder import PREFIXES, stage_folder
from lumier_analysis.pipeline.stages import Stage, files_at, locate
from lumier_analysis.pipeline.warm import WarmStart
from lumier_analysis.study import Study
from lumier_analysis.study.io import sha256_file, write_bytes_atomic
from lumier_analysis.study.work import PROGRESS

PACKAGE = "lumier_analysis"


@dataclass(frozen=True)
class Staged:
    """A staged project.

    Attributes
    ----------
    study : Study
        The study in the staged project.
    base : Path
        Folder that holds the project (``project``) and what its kernel takes for the user's home (``home``).
    launch : Launch
        How a kernel is started in it.
    masks : Masks
        Whether the original is masked as well.
    inputs : dict of str to str
        Study path of each input -> SHA-256.
    """

    study: Study
    base: Path
    launch: Launch
    masks: Masks
    inputs: dict[str, str]


def hidden_folders(study: Study) -> tuple[Path, ...]:
    """Return the folders whose paths are kept from a staged stage: the project, the study, the raw files."""
    return tuple(dict.fromkeys((study.root, study.folder, study.raw)))


def masked_folders(study: Study) -> tuple[Path, ...]:
    """Return what a staged stage finds empty where masks hold.

    The whole ``data`` and ``reports`` of the project (raw files, truth, sealed outcomes, tables of every cohort and
    study, results of an earlier validation), and studies and raw files that stand elsewhere.
    """
    data = study.root / "data"
    studies = [p.resolve() for p in data.iterdir() if p.is_dir()] if data.is_dir() else []
    outer = [data.resolve(), (study.root / "reports").resolve()]
    others = [study.folder.resolve(), study.raw.resolve(), study.reports.resolve(), *studies]
    # A folder below a masked one is gone already, and could not be masked any more.
    for place in sorted(set(others), key=lambda p: len(p.parts)):
        if not any(place.is_relative_to(o) for o in outer):
            outer.append(place)
    return tuple(place for place in outer if place.is_dir())


def fill_project(study: Study, root: Path, stage: Stage, *, keep: Callable[[str], bool] | None = None) -> Study:
    """Make a project in `root` that holds what `stage` reads, as files that cannot be written.

    Parameters
    ----------
    study : Study
    root : Path
        An empty folder.
    stage : Stage
    keep : function, optional
        Given the study path of an input, tells whether to copy it; all by default.

    Returns
    -------
    Study
        Of the new project; it has no raw folder.

    Raises
    ------
    UsageError
        The stage reads the raw files, which are never staged.
    """
    if stage.reads_raw:
        raise UsageError(f"The stage {stage.name} reads the raw files and cannot be staged")
    own = study.root / PACKAGE
    package = own if own.is_dir() else Path(__file__).resolve().parents[1]
    # A copy: below a link, `..` leads back into the original, and a stage could write into it.
    # What another process is just writing may be gone a moment later.
    shutil.copytree(package, root / PACKAGE, ignore=shutil.ignore_patterns("*.pyc.*", "*.tmp.*"))
    for name in ("pyproject.toml", "requirements.lock"):
        if (package.parent / name).is_file():
            shutil.copyfile(package.parent / name, root / name)
    if stage.notebook:
        source = study.root / "notebooks" / f"{stage.notebook}.ipynb"
        if source.is_file():
            _copy_in(source, root / "notebooks" / source.name)
    folder = root / "data" / study.name
    made = Study(folder, folder / "raw", study.plan, root)
    _copy_in(study.folder / "plan.yml", folder / "plan.yml")
    for name in stage.reads:
        for path, source in files_at(study, name).items():
            if keep is None or keep(path):
                _copy_in(source, locate(made, path))
    return made


def _copy_in(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o444)


@contextmanager
def staged(
    study: Study, stage: Stage, *, prefix: str = PREFIXES[0], keep: Callable[[str], bool] | None = None
) -> Iterator[Staged]:
    """Give a project folder that holds only what `stage` declares, and how to start a kernel in it.

    Parameters
    ----------
    study : Study
    stage : Stage
    prefix : str
        Of the name of the folder, one of `stage_folder.PREFIXES`.
    keep : function, optional
        As for `fill_project`.

    Yields
    ------
    Staged
        Gone at the end, whatever ends it.
    """
    with stage_folder(prefix) as base:
        root = base / "project"
        root.mkdir()
        made = fill_project(study, root, stage, keep=keep)
        hidden = hidden_folders(study)
        masks = make_masks(masked_folders(study), root)
        environment = scrubbed_environment(base, hidden)
        masked = masks.paths if masks.held else ()
        launch = Launch(environment, masks.prefix, hidden=(study.root, base), masked=masked)
        inputs = {path: sha256_file(place) for name in stage.reads for path, place in files_at(made, name).items()}
        yield Staged(made, base, launch, masks, inputs)


def written_files(made: Staged, stage: Stage) -> dict[str, Path]:
    """Return what a staged stage wrote below its study and its reports, by study path.

    Raises
    ------
    NotebookError
        It wrote a file that it does not declare, an input among them, or a link, which would be followed outside.
    """
    found: dict[str, Path] = {}
    for head, top in (("analysis", made.study.analysis), ("reports", made.study.reports)):
        for folder, folders, files in os.walk(top):
            for place in (Path(folder) / name for name in (*folders, *files)):
                path = f"{head}/{place.relative_to(top).as_posix()}"
                if place.is_symlink() or place.resolve() != place:
                    raise NotebookError(
                        f"The stage {stage.name} left a link among its results", found=path, fix="write a file instead"
                    )
                if place.is_file() and (path not in made.inputs or sha256_file(place) != made.inputs[path]):
                    found[path] = place
    declared = (*stage.writes, *stage.may_write)
    strange = [p for p in found if not any(p == d or p.startswith(f"{d}/") for d in declared)]
    if strange:
        raise NotebookError(
            f"The stage {stage.name} wrote what it does not declare",
            found=", ".join(strange[:4]) + (f" and {len(strange) - 4} more" if len(strange) > 4 else ""),
            fix="write below data/<study>/analysis and reports/<study> as before,"
            f" or declare it in stages.py (may_write of {stage.name})",
        )
    return found


def publish(made: Staged, study: Study, stage: Stage) -> list[Path]:
    """Move what a staged stage wrote into the study, each file whole; return where the files stand.

    A declared file of an earlier run that was not written this time is deleted.
    """
    found = written_files(made, stage)
    for path in (*stage.writes, *stage.may_write):
        place = locate(study, path)
        if path not in found and place.is_file():
            place.unlink()
    return [write_bytes_atomic(locate(study, path), source.read_bytes()) for path, source in found.items()]


def run_staged(
    stage: Stage,
    study: Study,
    failed: Path,
    warm: WarmStart | None = None,
    await_turn: Callable[[], bool] | None = None,
) -> tuple[NotebookRun, Masks]:
    """Run the notebook of a stage in a staged project and move its results into the study.

    Parameters
    ----------
    stage : Stage
    study : Study
    failed : Path
        Where an unfinished notebook is kept.
    warm : WarmStart, optional
        What the kernel is forked from.
    await_turn : function, optional
        Of a stage that runs beside another: called when the notebook has ended, returns when the results may be moved,
        or False where they are to be dropped.

    Returns
    -------
    NotebookRun, Masks
        As of `run_notebook`, and whether masks held. Unless the run is DONE nothing was moved.

    Raises
    ------
    NotebookError
        The notebook wrote what its stage does not declare.
    """
    source = study.root / "notebooks" / f"{stage.notebook}.ipynb"
    output = study.reports / "notebooks" / source.name
    compiled = read_indexes(study.root / PACKAGE)
    with staged(study, stage) as made:
        # Outside the staged project, where the notebook cannot have put a link in its way.
        executed, unfinished = made.base / "executed" / source.name, made.base / "executed" / failed.name
        parameters, launch = {"study": f"data/{study.name}"}, made.launch
        if await_turn is not None:
            # How far its steps are is not to stand at the other stage, nor in the notebook as without a runner; and
            # it must end with the warm process.
            environment = {**launch.environment, PROGRESS: os.devnull}
            launch = replace(launch, environment=environment, cold=False)
        run = run_notebook(
            source, executed, parameters, root=made.study.root, failed=unfinished, launch=launch, warm=warm
        )
        if await_turn is not None and not await_turn():
            return run, made.masks
        with signals_wait():
            failed.unlink(missing_ok=True)
            if run.outcome is not Outcome.DONE:
                output.unlink(missing_ok=True)
                path = write_bytes_atomic(failed, unfinished.read_bytes()) if unfinished.is_file() else None
                temporary = f"{made.study.root}{os.sep}"
                said = {name: getattr(run, name).replace(temporary, "") for name in ("sentence", "evalue", "line")}
                return replace(run, path=path, **said), made.masks
            publish(made, study, stage)
            write_bytes_atomic(output, executed.read_bytes())
            take_compiled(made.study.root / PACKAGE, study.root / PACKAGE, compiled)
        return replace(run, path=output), made.masks
