"""Every way a notebook can end, each told apart; the cases of one test share its cost, the start of a kernel."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lumier_analysis.errors import NotebookError, PrivacyError
from lumier_analysis.pipeline.notebook import NotebookRun, Outcome, run_notebook

MakeNotebook = Callable[..., Path]

pytestmark = pytest.mark.pipeline

PRIVACY = "from lumier_analysis.errors import PrivacyError\nraise PrivacyError('It holds names', found='NOM')"


def run(path: Path, seconds: int = 60, **parameters: object) -> NotebookRun:
    return run_notebook(path, path.parent / "out" / path.name, parameters, root=path.parent, cell_seconds=seconds)


@pytest.mark.parametrize(
    ("cells", "outcome", "sentence"),
    [
        (["# fit\n1 / 0", "2"], Outcome.FAILED, "n, In [3] (1 / 0) stopped with ZeroDivisionError: division by zero"),
        (["import sys; sys.exit(0)", "2"], Outcome.EXITED_EARLY, "ended the notebook by sys.exit; cells after it that"),
        (["import sys; sys.exit(3)"], Outcome.EXITED_EARLY, "did not run: 0"),
        (["import os; os._exit(0)", "2"], Outcome.KERNEL_DIED, "The kernel died in n, In [3] (import os; os._exit(0))"),
        (["import time\ntime.sleep(60)"], Outcome.TIMED_OUT, "n, In [3] (import time) took longer than 2 seconds"),
        ([PRIVACY], Outcome.FAILED, "It holds names. Found: NOM."),
    ],
    ids=["error", "exit-0", "exit-3", "killed", "time-out", "lumier-error"],
)
def test_a_failure_is_told_apart_and_leaves_only_the_failed_notebook(
    make_notebook: MakeNotebook, cells: list[str], outcome: Outcome, sentence: str
) -> None:
    path = make_notebook("n", *cells)
    old = path.parent / "out" / "n.ipynb"
    old.parent.mkdir()
    old.write_text("an older result")
    done = run(path, seconds=2, x=5)
    assert done.outcome is outcome
    assert sentence in done.sentence and "\n" not in done.sentence
    assert [p.name for p in old.parent.iterdir()] == ["n.failed.ipynb"]
    assert done.path == old.parent / "n.failed.ipynb"
    family = PrivacyError if "It holds names" in sentence else NotebookError
    assert type(done.error()) is family
    kept = json.loads(done.path.read_text(encoding="utf-8"))
    assert "papermill" not in kept["metadata"]


def test_a_refused_notebook_is_not_started(make_notebook: MakeNotebook) -> None:
    path = make_notebook("n", "open('trace', 'w').write('ran')")
    for parameters in ({"y": 1}, {"x": float("nan")}):
        done = run(path, **parameters)
        assert done.outcome is Outcome.REFUSED
        assert done.path is None and done.seconds < 1
        assert isinstance(done.error(), NotebookError)
    assert not (path.parent / "trace").exists() and not (path.parent / "out").exists()


def test_a_good_run_is_fixed_quiet_alone_and_repeatable(
    make_notebook: MakeNotebook,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # A python3 kernel of the user's and a start-up file of hers must not take part.
    mine = tmp_path_factory.mktemp("user")
    kernel = mine / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["/bin/false"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(mine))
    startup = mine / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("x = 'from the start-up file'")
    monkeypatch.setenv("IPYTHONDIR", str(mine / "ipython"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    path = make_notebook(
        "n",
        "import os, sys, warnings\nprint(x, [hash('a'), os.environ['OMP_NUM_THREADS'], sys.dont_write_bytecode])",
        "print(os.getcwd()); os.environ['MPLBACKEND']",
        "warnings.warn('look here'); print(object()); object()",
        "   ",
        "# only a comment",
        "import subprocess; p = subprocess.Popen(['sleep', '60'], start_new_session=True); print('started')",
    )
    done = run(path, x="007")
    assert done.outcome is Outcome.DONE and done.error() is None and done.sentence == ""
    assert done.path is not None
    first = done.path.read_bytes()
    assert run(path, x="007").outcome is Outcome.DONE
    assert done.path.read_bytes() == first
    text = first.decode()
    assert "007 [" in text and "'1', False]" in text
    assert "matplotlib_inline" in text
    assert len(done.warnings) == 1 and "look here" in done.warnings[0]
    assert capfd.readouterr() == ("", "")
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "60"]]
    assert [p.name for p in done.path.parent.iterdir()] == ["n.ipynb"]


def test_a_cell_that_was_passed_over_is_not_success(
    make_notebook: MakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No tag can do this once the checks have passed; an engine that grew a new way of skipping could.
    from papermill.clientwrap import PapermillNotebookClient

    original = PapermillNotebookClient.execute_cell

    def skip_second(self: object, cell: object, index: int, *rest: object, **more: object) -> object:
        return cell if index == 3 else original(self, cell, index, *rest, **more)

    monkeypatch.setattr(PapermillNotebookClient, "execute_cell", skip_second)
    done = run(make_notebook("n", "1", "passed_over()"), x=2)
    assert done.outcome is Outcome.SKIPPED_CELLS
    assert "1 of its cells were not executed, the first being (passed_over())" in done.sentence
    assert done.path is not None and done.path.name == "n.failed.ipynb"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_nothing_survives_a_signal(make_notebook: MakeNotebook, name: str) -> None:
    path = make_notebook(
        "n",
        "import pathlib, subprocess, time\n"
        "subprocess.Popen(['sleep', '61'])\n"
        "subprocess.Popen(['sleep', '61'], start_new_session=True)\n"
        "pathlib.Path('started').touch()\n"
        "time.sleep(60)",
    )
    script = (
        "import sys; from pathlib import Path\n"
        "from lumier_analysis.pipeline.notebook import run_notebook\n"
        "path = Path(sys.argv[1])\n"
        "done = run_notebook(path, path.parent / 'out' / path.name, {'x': 2}, root=path.parent)\n"
        "print(done.outcome.value)"
    )
    runner = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    limit = time.monotonic() + 60
    while not (path.parent / "started").exists():
        assert runner.poll() is None and time.monotonic() < limit
        time.sleep(0.05)
    descendants = psutil.Process(runner.pid).children(recursive=True)
    assert len(descendants) == 3  # the kernel and two grandchildren
    runner.send_signal(getattr(signal, name))
    said, complained = runner.communicate(timeout=30)
    assert (said, complained) == ("interrupted\n", "")
    assert not [p for p in descendants if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert [p.name for p in (path.parent / "out").iterdir()] == ["n.failed.ipynb"]
