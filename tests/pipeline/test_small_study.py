"""The study of 40 patients, through the real notebooks: replayed, and killed at points spread over all its stages."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from lumier_analysis.pipeline.compare_runs import compare_runs
from lumier_analysis.pipeline.finished_run import read_run
from lumier_analysis.pipeline.fresh import status
from lumier_analysis.pipeline.stages import STAGES, files_at
from lumier_analysis.study import Study, load_plan, open_study
from tests.pipeline.killing import Killer, hidden, in_child, kill_after_kernel_start, spread
from tests.pipeline.small_study import lumier
from tests.pipeline.undisturbed import NAMES, Undisturbed, claimed, run

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9"),
]
AUC = re.compile(r'("id": "validation\.primary\.auc".*?"value": 0\.\d{6})(\d)', re.DOTALL)


# --- replay ---


def altered_digit(path: Path) -> None:
    """Change the seventh decimal of the primary AUC in a ledger."""
    text = path.read_text("utf-8")
    found = AUC.search(text)
    assert found is not None
    path.write_text(f"{text[: found.end(1)]}{(int(found[2]) + 1) % 10}{text[found.end() :]}", "utf-8")


def test_a_replay_is_identical_and_names_what_was_altered(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, kept = tmp_path / "project", tmp_path / "kept"
    shutil.copytree(small_run, root)
    elsewhere = {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "OPENBLAS_NUM_THREADS": "2", "LC_ALL": "C"}
    said = lumier(root, "replay", "data/small", "--keep", str(kept), **elsewhere)
    assert re.search(r"Identical: \d{3} numbers of the ledger and \d\d files are the same to the last byte", said), said

    monkeypatch.chdir(kept)
    replayed = read_run(open_study("data/small"), STAGES, "the replay")
    monkeypatch.chdir(root)
    study = open_study("data/small")
    assert compare_runs(read_run(study, STAGES, "the study"), replayed, STAGES).outcome == "identical"
    altered_digit(study.results / "03_locked_validation.json")
    figure = next(iter(sorted((study.reports / "figures").glob("*.svg"))))
    figure.write_bytes(figure.read_bytes().replace(b"</svg>", b"<!-- --></svg>"))
    found = compare_runs(read_run(study, STAGES, "the study"), replayed, STAGES)
    told = "\n".join(found.lines())
    assert found.outcome == "moved" and "validation.primary.auc" in told and figure.name in told, told


# --- kills ---


@dataclass(frozen=True)
class Point:
    """Where a run is killed: in a stage, before a change of the disk, or so many seconds after its kernel started."""

    stage: str
    target: str = "runner"
    change: int = -1
    seconds: float = 0.0


def killed(root: Path, point: Point, last: int) -> None:
    """Run the study, to be killed at a point; on a fast machine that ends the stage sooner, at its last change."""
    begun = root / "data/small/analysis/run" / f"{point.stage}.begun"
    if point.seconds:
        kill_after_kernel_start(point.target, point.seconds, begun)
    Killer((root / "data", root / "reports"), last if point.seconds else point.change, begun)
    run(root)


def half_result(root: Path, undisturbed: Undisturbed) -> str | None:
    """Say what stands after a kill that an undisturbed run does not write, or is called fresh and is not there."""
    made = claimed(root)
    if strange := sorted(n for n, content in made.items() if content != undisturbed.made.get(n)):
        return f"after the kill {strange} is not what an undisturbed run writes"
    folder = root / "data/small"
    study = Study(folder, folder / "raw", load_plan(folder / "plan.yml"), root)
    for state in status(study):
        absent = [path for path in state.stage.writes if not files_at(study, path)]
        if state.fresh and absent:
            return f"the status calls {state.stage.name} fresh, and {absent} is absent"
    return None


def kill_at(root: Path, point: Point, undisturbed: Undisturbed, log: Path) -> str | None:
    """Run the study to a point and kill it there; return what went wrong in doing so."""
    last = undisturbed.changes[point.stage] - 1
    ended = in_child(functools.partial(killed, root, point, last), log.parent / "tmp", log)
    if ended == 0 or (ended == 1 and point.target != "kernel"):
        error = log.with_suffix(".error")
        return f"the run ended with {ended}: {log.read_text()[-300:]}{error.read_text() if error.exists() else ''}"
    return None if ended in (1, -signal.SIGKILL) else f"it ended with {ended}"


def not_mended(root: Path, undisturbed: Undisturbed, log: Path) -> str | None:
    """Run the study once more; say in what it is not as if nothing had happened."""
    ended = in_child(functools.partial(run, root), log.parent / "tmp", log)
    if ended:
        return f"the rerun ended with {ended}: {log.read_text()[-300:]}"
    now = claimed(root)
    if now != undisturbed.made:
        names = sorted(n for n in now.keys() | undisturbed.made.keys() if now.get(n) != undisturbed.made.get(n))
        return f"after the rerun {names} differ"
    if left := [p.relative_to(root).as_posix() for p in hidden(root)]:
        return f"after the rerun {left} are left"
    if (root / "data/small/analysis/run/lock").exists() or list((log.parent / "tmp").glob("lumier-stage-*")):
        return "after the rerun the lock, or the folder of a stage, is left"
    return None


def test_killed_in_every_stage_in_turn_a_run_comes_to_its_end(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Ten kills, each over what the one before has left; the last rerun ends with the undisturbed results."""
    last = {stage: number - 1 for stage, number in undisturbed.changes.items()}
    points = [
        Point("clean", "kernel", seconds=1.5),
        Point("clean", change=last["clean"] // 3),
        Point("derive", seconds=1.0),
        Point("derive", change=last["derive"] // 2),
        Point("validate", "kernel", seconds=1.0),
        Point("longitudinal", change=0),
        Point("longitudinal", seconds=1.0),
        Point("manuscript", change=last["manuscript"] // 2),
        Point("report", change=last["report"] // 2),
        Point("report", change=last["report"]),
    ]
    root, log = undisturbed.copy(NAMES[0], tmp_path), tmp_path / "log"
    for point in points:
        assert (kill_at(root, point, undisturbed, log) or half_result(root, undisturbed)) is None, point
    assert not_mended(root, undisturbed, log) is None


@pytest.mark.proof
@pytest.mark.parametrize(
    ("stage", "n_changes", "times"),
    [
        ("clean", 8, (0.5, 1.5, 2.5, 3.5)),
        ("derive", 16, (0.5, 1.0, 1.5, 2.0)),
        ("validate", 8, (0.5, 1.0, 1.5, 2.0)),
        ("longitudinal", 19, (0.5, 1.0, 1.5)),
        ("manuscript", 19, (0.3, 0.6)),
        ("report", 18, ()),
    ],
)
def test_killed_anywhere_a_plain_rerun_mends_it(
    undisturbed: Undisturbed, tmp_path: Path, capsys, stage: str, n_changes: int, times: tuple[float, ...]
) -> None:
    points = [Point(stage, change=change) for change in spread(undisturbed.changes[stage], n_changes)]
    points += [Point(stage, target, seconds=t) for t in times for target in ("runner", "kernel")]
    faults = {}
    for number, point in enumerate(points):
        place = tmp_path / str(number)
        root, log = undisturbed.copy(stage, place), place / "log"
        fault = (
            kill_at(root, point, undisturbed, log)
            or half_result(root, undisturbed)
            or not_mended(root, undisturbed, log)
        )
        if fault:
            faults[point] = fault
        shutil.rmtree(place, ignore_errors=True)
    with capsys.disabled():
        tried = f"{len(points)} tried, {len(points) - len(faults)} passed"
        print(f"\nkill points of the stage {stage} ({undisturbed.changes[stage]} changes of the disk): {tried}")
        for point, fault in faults.items():
            print(point, fault)
    assert faults == {}
