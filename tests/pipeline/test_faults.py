"""What a disk, a clock, a second user or a killed process does to a run: the sentence, and where things stand after."""

from __future__ import annotations

import errno
import functools
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from lumier_analysis.cli import main
from lumier_analysis.errors import LumierError, NotebookError, UsageError
from lumier_analysis.pipeline import fresh, process_mark, unseal
from lumier_analysis.pipeline.kernel import TOKEN
from lumier_analysis.pipeline.plan_lock import amend, lock_study, read_lock, require_unchanged
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stage_folder import stage_folder, sweep
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.pipeline.studylock import study_lock
from lumier_analysis.study import Study, open_study, opening_log, seal

Stages = tuple[Stage, ...]
Status = Callable[[], list[str]]
FOLDER = "lumier_analysis"


def run(stages: Stages, **options: object) -> tuple[str, ...]:
    return run_study("tiny", progress=Progress(io.StringIO()), stages=stages, **options).ran  # type: ignore[arg-type]


def results(root: Path) -> dict[str, bytes]:
    folders = (root / "data" / "tiny" / "analysis", root / "reports" / "tiny")
    files = [p for f in folders for p in f.rglob("*") if p.is_file() and not p.is_relative_to(folders[0] / "run")]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


@pytest.fixture
def lumier_status(tiny_stages: Stages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Status:
    """Return a function that gives the lines of `lumier status`."""
    monkeypatch.setattr(fresh, "status", functools.partial(fresh.status, stages=tiny_stages))

    def lines() -> list[str]:
        capsys.readouterr()
        assert main(["status", "tiny"]) == 0
        return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    return lines


@contextmanager
def failing(part: str, number: int, step: str = "fsync") -> Iterator[list[str]]:
    """Let the writing of every file whose name holds `part` fail: when it is written, or ("open") when it is made."""
    made, hit, mkstemp, fsync = {}, [], tempfile.mkstemp, os.fsync

    def fail(name: str) -> None:
        hit.append(name)
        raise OSError(number, os.strerror(number))

    def make(*args: object, **options: object) -> tuple[int, str]:
        handle, name = mkstemp(*args, **options)  # type: ignore[call-overload]
        if step == "open" and part in name:
            os.close(handle)
            Path(name).unlink()
            raise OSError(number, os.strerror(number), name)
        made[handle] = name
        return handle, name

    def sync(handle: int) -> None:
        if part in made.get(handle, ""):
            fail(made[handle])
        fsync(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", make)
        patch.setattr(os, "fsync", sync)
        yield hit


def full(part: str) -> object:
    return failing(part, errno.ENOSPC)


# --- a full disk ---


@pytest.mark.pipeline
def test_a_disk_that_is_full_when_a_result_is_written(project, tiny_stages, lumier_status) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    notebook = project / "notebooks" / "02_second.ipynb"
    sound = notebook.read_text()
    notebook.write_text(sound.replace("(target / ", "(Path('/dev/full') if True else target / "))
    with pytest.raises(NotebookError, match=r"02_second, In \[3\].*stopped with OSError: .*No space left on device"):
        run(tiny_stages)
    assert lumier_status() == [
        "first fresh",
        "second stale it has no complete run",
        "report stale it follows second; it has no complete run",
    ]
    assert not (project / "reports/tiny/figures/one.svg").exists()
    notebook.write_text(sound)
    assert run(tiny_stages) == ("second", "report")


@pytest.mark.pipeline
def test_a_disk_that_is_full_for_the_executed_notebook_or_the_record(project, tiny_stages, lumier_status) -> None:
    for part, number in ((".01_first.ipynb.", 0), (".second.json.", 1), (".report.json.", 2)):
        name = tiny_stages[number].name
        with full(part) as hit, pytest.raises(LumierError) as caught:
            run(tiny_stages)
        assert len(hit) == 1
        assert str(caught.value) == (
            f"The disk is full: what the stage {name} writes could not be written. Found: No space left on device."
            " To mend it: make room on it, then type the same command again."
        )
        lines = lumier_status()
        assert [line.split()[1] for line in lines] == ["fresh"] * number + ["stale"] * (3 - number)
        assert lines[number].endswith("it has no complete run")
        # Nothing of the stage that failed stands, whole as it may have been.
        assert len(results(project)) == (0, 3, 5)[number]
        assert not [p for p in project.rglob(".*.json.*") if p.is_file()]
    assert run(tiny_stages) == ("report",)


def test_a_full_disk_before_a_stage_begins_costs_no_earlier_result(project, tiny_stages) -> None:
    earlier = project / "data/tiny/analysis/results/01_first.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier")
    with full(".first.begun.") as hit, pytest.raises(LumierError, match="The disk is full: what the stage first"):
        run(tiny_stages)
    assert hit and earlier.read_text() == "earlier" and not (project / "data/tiny/analysis/run/lock").exists()


# --- a folder that cannot be written ---


@pytest.mark.pipeline
def test_a_reports_folder_that_may_not_be_written(project, tiny_stages, lumier_status) -> None:
    with failing("reports/tiny/notebooks/.01_first", errno.EROFS, "open"), pytest.raises(LumierError) as caught:
        run(tiny_stages)
    assert str(caught.value) == (
        "No right to write: what the stage first writes could not be written. Found: reports/tiny/notebooks."
        " To mend it: make reports/tiny/notebooks writable, then type the same command again."
    )
    assert lumier_status()[0] == "first stale it has no complete run" and results(project) == {}
    (project / "reports").mkdir(exist_ok=True)
    for path in sorted((project / "reports").rglob("*"), reverse=True):
        path.rmdir()
    (project / "reports" / "tiny").write_text("a file")
    with pytest.raises(LumierError) as caught:
        run(tiny_stages)
    assert str(caught.value) == (
        "A file stands in the place of a folder: what the stage first writes could not be written."
        " Found: reports/tiny/notebooks. To mend it: move it away, then type the same command again."
    )
    assert (project / "reports" / "tiny").read_text() == "a file"
    assert lumier_status()[0] == "first stale it has no complete run"


def test_a_full_disk_where_the_lock_of_the_run_is_made(project, tiny_stages) -> None:
    with failing(".lock.", errno.ENOSPC, "open"), pytest.raises(LumierError, match="The disk is full: the lock of the"):
        run(tiny_stages)


# --- two at once, and dead processes ---

HOLD = """
import sys, time
from pathlib import Path
from lumier_analysis.pipeline.studylock import study_lock
with study_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(lock: Path, who: str) -> Iterator[subprocess.Popen]:
    """Give a process that holds the lock of a study."""
    environment = os.environ | {"LUMIER_WHO": who, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_run_names_the_holder_and_a_dead_one_is_no_obstacle(project, tiny_stages, lumier_status) -> None:
    lock = project / "data/tiny/analysis/run/lock"
    with holder(lock, "Jo  Statistician") as process:
        with pytest.raises(UsageError) as caught:
            run(tiny_stages)
        assert str(caught.value) == (
            "Another run of this study is going on."
            f" Found: process {process.pid} on {socket.gethostname()}, started by Jo Statistician."
            " To mend it: wait for it; if you know that it has ended, delete data/tiny/analysis/run/lock."
        )
        assert lumier_status()[0] == "first stale it has no complete run"
        # A process that the holder started, as a kernel is, and that outlives it.
        mark = process_mark.process_mark(process.pid)
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                                env=os.environ | {TOKEN: f"{mark}-1"})  # fmt: skip
        try:
            time.sleep(0.3)  # until its environment is its own
            os.kill(process.pid, signal.SIGKILL)
            while process_mark.process_mark(process.pid) is not None:  # dead, even if nobody has asked for its code
                time.sleep(0.01)
            assert lock.exists()
            with study_lock(lock):
                assert json.loads(lock.read_text())["pid"] == os.getpid()
            assert left.poll() is not None  # sixty seconds early
        finally:
            left.kill()
            left.wait()
    assert not lock.exists()


@pytest.mark.pipeline
def test_a_kernel_killed_outright(project, tiny_stages, lumier_status) -> None:
    notebook = project / "notebooks" / "01_first.ipynb"
    sound = notebook.read_text()
    kill = "__import__('os').kill(__import__('os').getpid(), 9)"
    notebook.write_text(sound.replace("str(len(text))", f"str(len(text))); {kill}; print(1"))
    with pytest.raises(NotebookError) as caught:
        run(tiny_stages)
    assert str(caught.value) == (
        "The kernel died in 01_first, In [3] (from pathlib import Path); the usual reason is too little memory."
    )
    assert lumier_status()[0] == "first stale it has no complete run" and results(project) == {}


@pytest.mark.pipeline
def test_what_a_killed_stage_left_does_not_pass_for_a_result(project, tiny_stages, lumier_status) -> None:
    """Killed after a figure that the notebook, mended meanwhile, no longer draws: it must not reach the report."""
    figures = project / "reports/tiny/figures"
    run(tiny_stages[:1])
    figures.mkdir(parents=True)
    (figures / "mine.svg").write_text("of the user")
    notebook = project / "notebooks" / "02_second.ipynb"
    sound = notebook.read_text()
    ready = "(target / 'two.svg').write_text('two'); import time; time.sleep(60); "
    notebook.write_text(sound.replace("(target / ", f"{ready}(target / "))
    program = (
        "from lumier_analysis.pipeline.run import run_study; from lumier_analysis.pipeline.stages import Stage;"
        f"run_study('tiny', stages={tiny_stages!r})"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(project), *sys.path])}
    process = subprocess.Popen([sys.executable, "-c", program], cwd=project, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if (figures / "two.svg").exists():
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert (figures / "two.svg").exists()
    assert lumier_status()[1] == "second stale it began and did not end"
    notebook.write_text(sound)
    assert run(tiny_stages) == ("second", "report")
    assert sorted(p.name for p in figures.iterdir()) == ["mine.svg", "one.svg"]
    assert all(line.endswith("fresh") for line in lumier_status())


# --- a clock that jumps ---


@pytest.mark.pipeline
def test_freshness_does_not_depend_on_the_clock(project, tiny_stages, lumier_status, monkeypatch) -> None:
    def dated(seconds: float) -> None:
        for path in [p for p in project.rglob("*") if p.is_file() and FOLDER not in p.parts]:
            os.utime(path, (seconds, seconds))

    now = time.time
    for number, jump in enumerate((+4e8, -9e8, +8e8), start=1):
        monkeypatch.setattr(time, "time", lambda jump=jump: now() + jump)
        assert run(tiny_stages[:number]) == (tiny_stages[number - 1].name,)
        dated(now() + jump)
    made = results(project)
    for seconds in (1e9, 4e9, 0.0):
        dated(seconds)
        assert lumier_status() == ["first fresh", "second fresh", "report fresh"] and run(tiny_stages) == ()
    # And a change that leaves the file's time and size alone is seen.
    raw = project / "data/tiny/raw/ecrf_patients.csv"
    raw.write_text(raw.read_text().swapcase())
    dated(0.0)
    assert lumier_status()[0] == "first stale raw file ecrf_patients.csv changed"
    assert results(project) == made


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
def test_a_running_process_is_known_after_the_clock_was_set(tmp_path, monkeypatch, jump) -> None:
    """The time of day at which a process was started moves with the clock of the machine."""
    if not Path("/proc/sys/kernel/random/boot_id").is_file():
        pytest.skip("elsewhere the time of the start is kept as it was")
    lock, create_time, now = tmp_path / "lock", psutil.Process.create_time, time.time
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with study_lock(lock), stage_folder() as folder:
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + jump)
        monkeypatch.setattr(time, "time", lambda: now() + jump)
        with pytest.raises(UsageError, match=f"process {os.getpid()} on"), study_lock(lock):
            pass
        assert sweep() == 0 and folder.is_dir()


def test_an_empty_lock_from_the_future_is_no_obstacle(tmp_path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("")
    os.utime(lock, (time.time() + 3600, time.time() + 3600))
    with study_lock(lock):
        pass


# --- lock and seal ---


def test_a_full_disk_where_a_plan_is_locked_or_amended(lockable: Study) -> None:
    with full(".plan.lock.json."), pytest.raises(LumierError, match="The disk is full: the lock of the plan could not"):
        lock_study(lockable)
    assert read_lock(lockable) is None
    lock_study(lockable)
    before = read_lock(lockable)
    (lockable.root / "notebooks" / "05_manuscript.ipynb").write_text(
        (lockable.root / "notebooks" / "05_manuscript.ipynb").read_text().replace("b = 2", "b = 3")
    )
    for part in (".plan.lock.1.json.", ".deviations.md.", ".plan.lock.json."):
        with full(part) as hit, pytest.raises(LumierError, match="The disk is full: the amendment could not be"):
            amend(lockable, "why")
        assert hit and read_lock(lockable) == before
    assert amend(lockable, "why").number == 1
    require_unchanged(lockable)


def test_a_full_disk_or_an_interrupt_where_outcomes_are_opened(lockable: Study, tmp_path, monkeypatch) -> None:
    study = open_study("data/tiny")
    identity, public = seal.new_identity()
    (tmp_path / "key").write_text(identity)
    seal.recipient_path(study).write_text(public)
    seal.seal(study, {f"tables/{name}.parquet": name.encode() for name in seal.SEALED_TABLES})
    monkeypatch.setattr(unseal, "_locked", lambda study: ("lock hash", "signature hash"))
    with full(".openings.jsonl."), pytest.raises(LumierError, match="The disk is full: what the opening writes could"):
        unseal.unseal_study(study, tmp_path / "key")
    assert opening_log.read(study) == [] and seal.is_sealed(study)
    tables = study.analysis / "tables"
    there = sorted(p.relative_to(tables) for p in tables.rglob("*"))
    with (
        full(".landmarks.parquet."),
        pytest.raises(LumierError, match="The disk is full: what the opening writes could"),
    ):
        unseal.unseal_study(study, tmp_path / "key")
    # On record, and no table of it in clear.
    assert len(opening_log.read(study)) == 1 and sorted(p.relative_to(tables) for p in tables.rglob("*")) == there

    def interrupted(*paths: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unseal, "_exchange", interrupted)
        with pytest.raises(KeyboardInterrupt):
            unseal.unseal_study(study, tmp_path / "key")
    assert sorted(p.relative_to(tables) for p in tables.rglob("*")) == there
    assert not (study.analysis / "run" / "lock").exists()
    assert unseal.unseal_study(study, tmp_path / "key").line["number"] == 3
    assert study.table_path("visits", "validation").read_bytes() == b"visits"
    assert opening_log.check(study) == []
