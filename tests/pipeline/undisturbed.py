"""The study of 40 patients as it stands before each stage of a run that nothing disturbs."""

from __future__ import annotations

import functools
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import STAGES
from tests.pipeline.killing import Killer, in_child, results

NAMES = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True)
class Undisturbed:
    """The opened study before each stage of a run that nothing disturbs, its results and its changes by stage."""

    folder: Path
    made: dict[str, bytes]
    changes: dict[str, int]

    def copy(self, stage: str, target: Path) -> Path:
        """Copy the project as it stands before a stage; return it."""
        shutil.copytree(self.folder / stage, target / "project", symlinks=True)
        (target / "tmp").mkdir(parents=True)
        return target / "project"


def claimed(root: Path) -> dict[str, bytes]:
    """Return the results that are to be the same to the last byte; no two encryptions of one archive are alike."""
    return {n: content for n, content in results(root, "small").items() if "/analysis/sealed/" not in n}


def run(root: Path, only: str | None = None) -> None:
    """Run the study in its project."""
    os.chdir(root)
    run_study("small", only=only, progress=Progress(io.StringIO()))


def counted(root: Path, stage: str, report: Path) -> None:
    """Run one stage and write how many changes of the disk the runner made in it."""
    begun = root / "data/small/analysis/run" / f"{stage}.begun"
    killer = Killer((root / "data", root / "reports"), 10**9, begun)
    run(root, stage)
    killer.active = False
    report.write_text(str(killer.count))


def run_undisturbed(small_opened: Path, folder: Path) -> Undisturbed:
    """Run the opened study from its raw files, stage by stage, and keep the project as it is before each."""
    import nbclient  # noqa: F401 - once, not in every child
    import papermill  # noqa: F401

    root = folder / NAMES[0]
    root.mkdir()
    for name in ("lumier_analysis", "notebooks"):
        (root / name).symlink_to(small_opened / name, target_is_directory=True)
    for name in ("pyproject.toml", "requirements.lock", "environment.yml"):
        shutil.copy(small_opened / name, root / name)
    shutil.copytree(small_opened / "data", root / "data")
    shutil.rmtree(root / "data/small/analysis")
    (folder / "tmp").mkdir()
    changes = {}
    for stage, following in zip(NAMES, (*NAMES[1:], "end"), strict=True):
        place, report = folder / following, folder / f"{stage}.txt"
        shutil.copytree(folder / stage, place, symlinks=True)
        ended = in_child(functools.partial(counted, place, stage, report), folder / "tmp", folder / "log")
        assert ended == 0, (folder / "log").read_text() + (folder / "log.error").read_text()
        changes[stage] = int(report.read_text())
    return Undisturbed(folder, claimed(folder / "end"), changes)
