"""A run killed at points spread over its changes of the disk: no half result stands, and a plain rerun mends all."""

from __future__ import annotations

import functools
import io
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from lumier_analysis.pipeline.fresh import status
from lumier_analysis.pipeline.plan_lock import amend, lock_study, read_lock, require_unchanged
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import Stage, locate
from lumier_analysis.pipeline.studylock import study_lock
from lumier_analysis.study import Study, load_plan, project_root
from tests.pipeline.killing import Killer, hidden, in_child, kill_after_kernel_start, kill_me, results, spread

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")

STAGES = (
    Stage(
        "first",
        notebook="01_first",
        reads_raw=True,
        writes=("analysis/tables", "analysis/results/01_first.json"),
    ),
    Stage(
        "second",
        notebook="02_second",
        reads=("analysis/tables/test",),
        writes=("analysis/results/02_second.json",),
        may_write=("reports/figures",),
        staged=True,
    ),
    Stage("report", builder="tiny_report:build", reads=("reports/figures",), writes=("reports/report.html",)),
)
# As the package's own writers do it, without the seconds that its import takes; slow, so that a kill falls between.
WHOLE = """
import os, time
from pathlib import Path
folder = Path(study) / "analysis"
def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.abcdefgh")
    with hidden.open("w") as stream:
        for part in (text[:len(text) // 2], text[len(text) // 2:]):
            stream.write(part)
            stream.flush()
            time.sleep(0.02)
    os.replace(hidden, path)
"""
FIRST = """
raw_folder = Path(raw) if raw else Path(study) / "raw"
text = (raw_folder / "ecrf_patients.csv").read_text()
for cohort in ("test", "validation"):
    for name in ("patients", "visits"):
        write(folder / "tables" / cohort / f"{name}.csv", text.upper() + cohort + name)
write(folder / "results" / "01_first.json", str(len(text)))
"""
SECOND = """
text = (folder / "tables" / "test" / "patients.csv").read_text()
write(folder / "results" / "02_second.json", str(len(text)))
for number in range(3):
    write(Path("reports") / Path(study).name / "figures" / f"{number}.svg", f"<svg>{text}</svg>")
"""
REPORT = """
from lumier_analysis.study.io import write_text_atomic
def build(study):
    figures = sorted((study.reports / "figures").glob("*.svg"))
    write_text_atomic(study.reports / "report.html", "".join(f.read_text() for f in figures))
"""


@dataclass(frozen=True)
class Point:
    """Where a run is killed.

    Attributes
    ----------
    start : str
        What is there before: the names of `Undisturbed.starts`.
    target : str
        "runner" or "kernel".
    change : int
        The runner's change of the disk before which it is killed, from 0; -1 for a time instead.
    seconds : float
        After the first kernel of the run was started.
    """

    start: str
    target: str = "runner"
    change: int = -1
    seconds: float = 0.0


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells, the first tagged `parameters`."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"id-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@dataclass(frozen=True)
class Undisturbed:
    """The tiny project, and what a run that nothing disturbs leaves after each of its stages."""

    folder: Path
    starts: dict[str, Path]
    made: dict[str, bytes]
    changes: dict[str, int]
    older: dict[str, bytes]

    def copy(self, start: str, target: Path) -> Path:
        """Copy a start into a new folder; return the project."""
        shutil.copytree(self.starts[start], target / "project", symlinks=True)
        (target / "tmp").mkdir()
        return target / "project"


def run(root: Path, stages: tuple[Stage, ...] = STAGES, *, fresh: bool = False) -> None:
    """Run the tiny study in its project."""
    os.chdir(root)
    run_study("tiny", fresh=fresh, progress=Progress(io.StringIO()), stages=stages)


def disturbed(root: Path, point: Point, counted: Path | None = None) -> None:
    """Run the tiny study, to be killed at a point; without a point to reach, write how many changes there were."""
    killer = None
    if point.seconds:
        kill_after_kernel_start(point.target, point.seconds)
    else:
        # The copy of the project for the staged kernel is left out: two hundred files alike, elsewhere.
        killer = Killer((root / "data", root / "reports"), point.change)
    run(root, fresh=point.start == "fresh")
    if counted is not None and killer is not None:
        killer.active = False
        counted.write_text(str(killer.count))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Run the tiny study once, stage by stage, and keep the project as it is before each stage."""
    import nbclient  # noqa: F401 - once, not in every child
    import papermill  # noqa: F401

    folder = tmp_path_factory.mktemp("killed")
    package = folder / "lumier_analysis"
    shutil.copytree(project_root() / "lumier_analysis", package, ignore=shutil.ignore_patterns("__pycache__"))
    root = folder / "start" / "project"
    study = root / "data" / "tiny"
    study.mkdir(parents=True)
    (folder / "start" / "tmp").mkdir()
    (root / "lumier_analysis").symlink_to(package, target_is_directory=True)
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "requirements.lock").write_text("numpy==2.4.0\n")
    (root / "tiny_report.py").write_text(REPORT)
    shutil.copy(project_root() / "data" / "synthetic" / "plan.yml", study / "plan.yml")
    for spec in load_plan(study / "plan.yml").files.values():
        file = study / "raw" / spec.path.replace("*", "chip_1")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{spec.path}\n")
    for name, cell in (("01_first", FIRST), ("02_second", SECOND)):
        write_notebook(root / "notebooks" / f"{name}.ipynb", 'study = "data/synthetic"\nraw = None', WHOLE, cell)
    starts = {}
    for number, name in enumerate(("empty", "first done", "second done", "fresh")):
        if number:
            ended = in_child(functools.partial(run, root, STAGES[:number]), folder / "start" / "tmp", folder / "log")
            assert ended == 0, (folder / "log").read_text()
        starts[name] = folder / name
        shutil.copytree(root, starts[name], symlinks=True)
    made = Undisturbed(folder, starts, results(root), {}, {})
    for start in ("empty", "first done", "second done", "fresh"):
        place = made.copy(start, folder / f"count {start}")
        counted = folder / f"{start}.txt"
        work = functools.partial(disturbed, place, Point(start, change=10**9), counted)
        assert in_child(work, place.parent / "tmp", folder / "log") == 0, (folder / "log").read_text()
        assert results(place) == made.made
        made.changes[start] = int(counted.read_text())
    return made


def fault_of(point: Point, undisturbed: Undisturbed, folder: Path) -> str | None:
    """Kill a run at a point and run it again; return what was wrong, None where all was well."""
    root = undisturbed.copy(point.start, folder)
    temporary, log = folder / "tmp", folder / "log"
    ended = in_child(functools.partial(disturbed, root, point), temporary, log)
    if ended == 0 and point.change >= 0:
        return "it was not killed"
    if ended not in (0, 1, -signal.SIGKILL) or (ended == 1 and point.target != "kernel"):
        return f"the killed run ended with {ended}: {log.read_text()[-300:]}"
    whole = (undisturbed.made, undisturbed.older if point.start == "changed" else {})
    strange = sorted(n for n, content in results(root).items() if content not in [made.get(n) for made in whole])
    if strange:
        return f"after the kill {strange} is not what an undisturbed run writes"
    study = Study(root / "data/tiny", root / "data/tiny/raw", load_plan(root / "data/tiny/plan.yml"), root)
    told = {state.stage.name: state.fresh for state in status(study, STAGES)}
    for stage in STAGES:  # what the status calls fresh is there, whole
        places = [locate(study, path) for path in stage.writes]
        if told[stage.name] and not all(place.is_file() or any(place.glob("*")) for place in places):
            return f"the status calls {stage.name} fresh, and its results are absent"
    if ended == 0 and not all(told.values()):
        return "the run came to its end and is not fresh"
    ended = in_child(functools.partial(run, root), temporary, log)
    if ended:
        return f"the rerun ended with {ended}: {log.read_text()[-300:]}{log.with_suffix('.error').read_text()}"
    now = results(root)
    if now != undisturbed.made:
        names = sorted(n for n in now.keys() | undisturbed.made.keys() if now.get(n) != undisturbed.made.get(n))
        return f"after the rerun {names} differ"
    if left := [p.relative_to(root).as_posix() for p in hidden(root)]:
        return f"after the rerun {left} are left"
    if (root / "data/tiny/analysis/run/lock").exists() or list(temporary.glob("lumier-stage-*")):
        return "after the rerun the lock, or the folder of a stage, is left"
    return None


def try_points(points: list[Point], undisturbed: Undisturbed, folder: Path) -> tuple[str, dict[Point, str]]:
    """Try every point; return what was tried and passed, as a sentence, and the faults."""
    faults: dict[Point, str] = {}
    for number, point in enumerate(points):
        place = folder / str(number)
        place.mkdir()
        if fault := fault_of(point, undisturbed, place):
            faults[point] = fault
        shutil.rmtree(place, ignore_errors=True)
    kinds = Counter(f"{p.target} {'at a change' if p.change >= 0 else 'at a time'}" for p in points)
    sentence = ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items()))
    return f"kill points tried {len(points)} ({sentence}), passed {len(points) - len(faults)}", faults


@pytest.mark.pipeline
def test_a_run_that_is_killed_is_mended_by_a_rerun(undisturbed: Undisturbed, tmp_path: Path) -> None:
    # Ten points of a run through the real notebooks are in test_small_study.py.
    points = [Point("second done", change=undisturbed.changes["second done"] - 1)]
    points += [Point("first done", change=undisturbed.changes["first done"] // 3)]
    points += [Point("empty", "kernel", seconds=0.7)]
    said, faults = try_points(points, undisturbed, tmp_path)
    assert faults == {}, said


def all_points(changes: dict[str, int]) -> Iterator[Point]:
    """Yield the points of the proof: every change of the report stage, a spread of those that need kernels, times."""
    for start, n in (("second done", 40), ("first done", 40), ("fresh", 12), ("empty", 12)):
        yield from (Point(start, change=change) for change in spread(changes[start], n))
    for start, n in (("first done", 8), ("empty", 4)):
        for target in ("runner", "kernel"):
            yield from (Point(start, target, seconds=0.1 + 1.2 * i / n) for i in range(n))


@pytest.mark.pipeline
def test_a_writer_that_writes_in_place_is_found(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_place(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[: len(content) // 2])
        kill_me()

    monkeypatch.setattr("lumier_analysis.pipeline.staged.write_bytes_atomic", in_place)
    fault = fault_of(Point("first done", change=10**6), undisturbed, tmp_path)
    assert fault is not None and fault.startswith("after the kill ['data/tiny/analysis/results/02_second.json'] is not")


@pytest.mark.proof
def test_killed_over_the_results_of_other_raw_files(undisturbed: Undisturbed, tmp_path: Path, capsys) -> None:
    """What stands after the kill is whole, of the old files or the new; after the rerun all is of the new."""
    root = undisturbed.copy("empty", tmp_path / "old")
    raw = root / "data/tiny/raw/ecrf_patients.csv"
    new = raw.read_text()
    raw.write_text(f"{new}another line\n")
    assert in_child(functools.partial(run, root), tmp_path / "old" / "tmp", tmp_path / "log") == 0
    undisturbed.older.update(results(root))
    assert len(undisturbed.older) == len(undisturbed.made)
    raw.write_text(new)
    undisturbed.starts["changed"] = root
    points = [Point("changed", change=change) for change in spread(undisturbed.changes["fresh"], 14)]
    said, faults = try_points(points, undisturbed, tmp_path)
    with capsys.disabled():
        print(f"\nover the results of other raw files: {said}")
    assert faults == {}


@pytest.mark.proof
def test_over_a_hundred_points_are_mended(undisturbed: Undisturbed, tmp_path: Path, capsys) -> None:
    points = list(all_points(undisturbed.changes))
    assert len(points) >= 100
    said, faults = try_points(points, undisturbed, tmp_path)
    with capsys.disabled():
        print(f"\n{said}; changes of the disk in a run from its start: {undisturbed.changes}")
        for point, fault in faults.items():
            print(point, fault)
    assert faults == {}


# --- the lock of the plan ---


def change_plan(study: Study) -> None:
    """Change a notebook as an amendment would."""
    notebook = study.root / "notebooks" / "05_manuscript.ipynb"
    notebook.write_text(notebook.read_text("utf-8").replace("b = 2", "b = 3"), "utf-8")


def lock_under_lock(study: Study, *, amended: bool) -> None:
    """Lock or amend, as the command does."""
    with study_lock(study.analysis / "run" / "lock"):
        if amended:
            amend(study, "why")
        else:
            lock_study(study)


@pytest.mark.parametrize("amended", [False, pytest.param(True, marks=pytest.mark.proof)])
def test_a_lock_or_amendment_that_is_killed_is_there_or_not(lockable: Study, tmp_path: Path, amended: bool) -> None:
    """Killed before each of its changes of the disk in turn: the old lock holds or the new one; then once more."""
    if amended:
        lock_study(lockable)
        change_plan(lockable)
    kept = tmp_path / "kept"
    shutil.copytree(lockable.folder, kept)
    before = read_lock(lockable)
    (tmp_path / "tmp").mkdir()
    seen, ended, point = [], -signal.SIGKILL, 0
    while ended:
        shutil.rmtree(lockable.folder)
        shutil.copytree(kept, lockable.folder)

        def killed(number: int = point) -> None:
            killer = Killer((lockable.folder,), number)
            lock_under_lock(lockable, amended=amended)
            killer.active = False

        ended = in_child(killed, tmp_path / "tmp", tmp_path / "log")
        assert ended in (0, -signal.SIGKILL), (tmp_path / "log").read_text()
        now = read_lock(lockable)  # raises where it is half a lock
        seen.append(now is not None and now != before)
        if not seen[-1]:
            assert now == before
            lock_under_lock(lockable, amended=amended)
        require_unchanged(lockable)
        locked = read_lock(lockable)
        assert locked is not None and len(locked["amendments"]) == amended
        point += 1
    assert seen == sorted(seen) and seen[-1] and not all(seen) and point > 8
    print(f"kill points of {'an amendment' if amended else 'a lock'} tried {point - 1}, passed {point - 1}")
