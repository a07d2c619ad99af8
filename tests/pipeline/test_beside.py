"""Two stages at the same time: results, failures and interruptions as if one had followed the other."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lumier_analysis.errors import NotebookError
from lumier_analysis.pipeline import warm_process
from lumier_analysis.pipeline.beside import may_run_beside
from lumier_analysis.pipeline.process_mark import process_mark
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.pipeline.warm import WarmStart
from tests.pipeline.conftest import TINY_STAGES, write_notebook

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="warm starts need Linux"),
]
FIRST, LEFT, REPORT = TINY_STAGES
RIGHT = Stage(
    "right",
    notebook="03_right",
    reads=("analysis/tables",),
    writes=("analysis/results/03_right.json",),
    may_write=("reports/figures",),
    apart=True,
)
FOUR = (FIRST, LEFT, RIGHT, replace(REPORT, builder="lumier_analysis.tiny_report:build"))
#: Waits for what the other stage says through a file, so neither can have ended before the other has begun.
MEET = """
import time
from pathlib import Path
Path({folder!r}, {mine!r}).touch()
end = time.monotonic() + 20
while not Path({folder!r}, {other!r}).exists() and time.monotonic() < end:
    time.sleep(0.01)
print("met" if time.monotonic() < end else "alone")
"""
WRITE = """
import json
from pathlib import Path
text = (Path(study) / "analysis" / "tables" / "test" / "patients.csv").read_text()
target = Path("reports") / Path(study).name / "figures"
target.mkdir(parents=True, exist_ok=True)
from lumier_analysis.study.work import step
step("a long step")(1, 2)
(target / "right.svg").write_text(text[::-1])
(Path(study) / "analysis" / "results").mkdir(parents=True, exist_ok=True)
(Path(study) / "analysis" / "results" / "03_right.json").write_text(json.dumps(len(text)))
"""
PARAMETERS = 'study = "data/synthetic"\nraw = None'


@pytest.fixture
def four(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the tiny project with a stage that may run beside the second; its warm process imports little."""
    (project / "tiny_report.py").replace(project / "lumier_analysis" / "tiny_report.py")
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    second = json.loads((project / "notebooks/02_second.ipynb").read_text())["cells"][-1]["source"]
    meet = {name: MEET.format(folder=str(meeting), mine=name, other=other) for name, other in (("a", "b"), ("b", "a"))}
    write_notebook(project / "notebooks/02_second.ipynb", meet["a"], "".join(second), parameters=PARAMETERS)
    write_notebook(project / "notebooks/03_right.ipynb", meet["b"], WRITE, parameters=PARAMETERS)
    light = tmp_path / "warm_process.py"
    text = Path(warm_process.__file__).read_text("utf-8")
    light.write_text(re.sub(r"AHEAD = \(\n.*?\n\)\n", 'AHEAD = ("ipykernel.kernelapp",)\n', text, flags=re.DOTALL))
    monkeypatch.setattr(warm_process, "__file__", str(light))
    temporary = tmp_path / "t"  # of its own: other tests' stages are not looked at
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.delenv("LUMIER_COLD")
    monkeypatch.setenv("LUMIER_JOBS", "2")
    return project


def results(root: Path) -> dict[str, bytes]:
    folders = (root / "data/tiny/analysis", root / "reports/tiny")
    files = [
        p
        for folder in folders
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.is_relative_to(folders[0] / "run")
    ]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def record(root: Path, stage: str) -> dict[str, object]:
    return dict(json.loads((root / f"data/tiny/analysis/run/{stage}.json").read_text()))


def nothing_left() -> None:
    """No thread, no process and no folder of a stage is left."""
    assert not [t for t in threading.enumerate() if t.name.startswith("lumier-")]
    assert not [p for p in psutil.Process().children(recursive=True) if p.name().startswith("lumier-")]
    assert not list(Path(tempfile.gettempdir()).glob("lumier-stage-*/project/data/tiny"))


def run(**options: object) -> list[str]:
    progress = Progress(io.StringIO())
    done = run_study("tiny", progress=progress, stages=FOUR, **options)  # type: ignore[arg-type]
    nothing_left()
    return list(done.ran)


def test_two_stages_meet_and_write_what_one_after_the_other_writes(four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run() == ["first", "second", "right", "report"]
    made = results(four)
    assert b"met" in made["reports/tiny/notebooks/02_second.ipynb"]
    assert b"met" in made["reports/tiny/notebooks/03_right.ipynb"]
    assert {"reports/tiny/figures/one.svg", "reports/tiny/figures/right.svg"} <= made.keys()
    # Each record names what its own stage wrote.
    assert sorted(record(four, "second")["outputs"]) == ["reports/figures/one.svg", "reports/notebooks/02_second.ipynb"]  # type: ignore[call-overload]
    assert sorted(record(four, "right")["outputs"]) == [  # type: ignore[call-overload]
        "analysis/results/03_right.json", "reports/figures/right.svg", "reports/notebooks/03_right.ipynb"
    ]  # fmt: skip
    assert int(str(record(four, "right")["peak_memory_bytes"])) > 1e7
    assert run() == []

    # One job at a time, or only one of them stale: one after the other, and the same bytes (the meeting stands).
    monkeypatch.setenv("LUMIER_JOBS", "1")
    assert run(fresh=True) == ["first", "second", "right", "report"]
    assert results(four) == made and record(four, "right")["isolation"] == "not staged"
    monkeypatch.setenv("LUMIER_JOBS", "2")
    (four / "reports/tiny/figures/one.svg").unlink()
    assert run() == ["second"]
    assert results(four) == made


def test_a_failure_of_the_first_drops_the_second(four: Path) -> None:
    left = four / "notebooks/02_second.ipynb"
    good = left.read_text()
    left.write_text(good.replace("target.mkdir", "1 / 0\\ntarget.mkdir"))
    with pytest.raises(NotebookError, match=r"02_second, In \[4\].*ZeroDivisionError"):
        run()
    nothing_left()
    assert not [n for n in results(four) if "right" in n] and not (four / "data/tiny/analysis/run/right.json").exists()
    left.write_text(good)
    assert run() == ["second", "right", "report"]


def test_a_failure_of_the_second_is_told_in_its_turn(four: Path) -> None:
    right = four / "notebooks/03_right.ipynb"
    right.write_text(right.read_text().replace("target.mkdir", "1 / 0\\ntarget.mkdir"))
    with pytest.raises(NotebookError, match=r"03_right, In \[4\] .*ZeroDivisionError") as caught:
        run()
    nothing_left()
    notes = "\n".join(caught.value.__notes__)
    assert "data/tiny/analysis/run/03_right.failed.ipynb" in notes and "jupyter lab notebooks/03_right.ipynb" in notes
    assert "ZeroDivisionError" in (four / "data/tiny/analysis/run/03_right.failed.ipynb").read_text()
    assert "reports/tiny/figures/one.svg" in results(four) and record(four, "second")["outputs"]
    assert not [n for n in results(four) if "right" in n]


def test_what_was_made_of_something_else_is_made_again(four: Path) -> None:
    right = four / "notebooks/03_right.ipynb"
    after = right.read_text().replace("[::-1]", "[::-2]")
    (four / "after").write_text(after)
    left = four / "notebooks/02_second.ipynb"
    change = "import shutil\\nshutil.copy('after', 'notebooks/03_right.ipynb')\\ntarget.mkdir"
    left.write_text(left.read_text().replace("target.mkdir", change))
    assert run() == ["first", "second", "right", "report"]
    text = (four / "data/tiny/analysis/tables/test/patients.csv").read_text()
    assert (four / "reports/tiny/figures/right.svg").read_text() == text[::-2]
    assert record(four, "right")["isolation"] == "not staged"


def test_what_would_fail_beside_runs_alone(four: Path) -> None:
    right = four / "notebooks/03_right.ipynb"
    # A file that the stage does not declare, which only a staged stage is refused for; one that it does not declare
    # to read, which is not staged; a notebook that cannot be read, told when it is its turn.
    good = right.read_text()
    for line in ("(Path(study) / 'analysis' / 'extra.csv').write_text('1')", "print(open('requirements.txt').read())"):
        (four / "requirements.txt").write_text("numpy")
        right.write_text(good.replace("target.mkdir", f"{line}\\ntarget.mkdir"))
        assert "right" in run(fresh=True)
        assert record(four, "right")["isolation"] == "not staged"
    right.write_text("{")
    with pytest.raises(NotebookError, match="03_right"):
        run(fresh=True)
    assert "reports/tiny/figures/one.svg" in results(four) and record(four, "second")["outputs"]


def test_without_a_warm_process_one_follows_the_other(four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("02_second", "03_right"):
        path = four / f"notebooks/{name}.ipynb"
        path.write_text(path.read_text().replace("+ 20", "+ 1"))
    monkeypatch.setattr(WarmStart, "start", lambda *_, **__: None)  # as where it was killed
    assert run() == ["first", "second", "right", "report"]
    assert record(four, "right")["isolation"] == "not staged"

    # Nor does a failure wait for what would go on for a minute.
    left, right = (four / f"notebooks/{name}.ipynb" for name in ("02_second", "03_right"))
    left.write_text(left.read_text().replace("target.mkdir", "time.sleep(2)\\n1 / 0\\ntarget.mkdir"))
    right.write_text(right.read_text().replace("target.mkdir", "import time\\ntime.sleep(60)\\ntarget.mkdir"))
    began = time.monotonic()
    with pytest.raises(NotebookError, match="ZeroDivisionError"):
        run()
    assert time.monotonic() - began < 30


def test_a_second_interruption_does_not_leave_it_waiting(four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = (four / f"notebooks/{name}.ipynb" for name in ("02_second", "03_right"))
    left.write_text(left.read_text().replace("target.mkdir", "1 / 0\\ntarget.mkdir"))
    right.write_text(right.read_text().replace("target.mkdir", "import time\\ntime.sleep(60)\\ntarget.mkdir"))
    close = WarmStart.close

    def interrupted(warm: WarmStart) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        close(warm)

    monkeypatch.setattr(WarmStart, "close", interrupted)
    with pytest.raises(NotebookError, match="ZeroDivisionError"):
        run()
    nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interruption_ends_both(four: Path, tmp_path: Path, number: int) -> None:
    for name in ("02_second", "03_right"):
        path = four / f"notebooks/{name}.ipynb"
        wait = f"Path({str(tmp_path)!r}, {name!r}).touch()\\ntime.sleep(60)\\nprint("
        path.write_text(path.read_text().replace("print(", wait))
    program = (
        "import sys\nsys.path.insert(0, '.')\nfrom tests.pipeline import test_beside as t\n"
        "t.run_study('tiny', stages=t.FOUR)\n"
    )
    shutil.copytree(
        Path(__file__).parents[1], four / "tests", ignore=shutil.ignore_patterns("reference", "__pycache__")
    )
    runner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    reached = [tmp_path / "02_second", tmp_path / "03_right"]
    started = threading.Event()
    for _ in range(600):
        if all(p.exists() for p in reached) or started.wait(0.1):
            break
    assert all(p.exists() for p in reached), runner.stderr.read1().decode() if runner.poll() else "too slow"  # type: ignore[union-attr]
    below = psutil.Process(runner.pid).children(recursive=True)
    assert len([p for p in below if p.name() == "lumier-stage"]) >= 2
    os.kill(runner.pid, number)
    runner.wait(20)
    assert runner.stderr is not None
    said = runner.stderr.read().decode()
    runner.stderr.close()
    psutil.wait_procs(below, timeout=5)
    assert not [p for p in below if process_mark(p.pid)]
    if number != signal.SIGKILL:
        assert "interrupted in 02_second" in said
        assert not list(Path(tempfile.gettempdir()).glob("lumier-stage-*/project/data/tiny"))
    assert not [n for n in results(four) if "right" in n or "one.svg" in n]


def test_which_stages_run_beside_each_other() -> None:
    beside = [(a.name, b.name) for a, b in itertools.pairwise(STAGES) if may_run_beside(b, a)]
    assert beside == [("validate", "longitudinal")]
    assert not may_run_beside(replace(RIGHT, reads=("analysis/tables/test",)), FIRST)
    assert not may_run_beside(replace(RIGHT, reads=("reports/figures",)), LEFT)
    assert may_run_beside(RIGHT, LEFT) and not may_run_beside(replace(RIGHT, apart=False), LEFT)
