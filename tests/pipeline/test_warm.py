"""Warm starts: what is forked is as if it had been started cold, and nothing of it outlives the runner."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lumier_analysis.pipeline import warm as warm_module
from lumier_analysis.pipeline.kernel import TOKEN, fixed_environment, run_token
from lumier_analysis.pipeline.kernel_manager import Launch
from lumier_analysis.pipeline.masks import make_masks
from lumier_analysis.pipeline.notebook import Outcome, run_notebook
from lumier_analysis.pipeline.process_mark import process_mark
from lumier_analysis.pipeline.run_module import run_module
from lumier_analysis.pipeline.warm import WarmStart, warm_start
from lumier_analysis.pipeline.warm_forked import WarmProcess
from lumier_analysis.study import open_study
from tests.pipeline.conftest import MakeNotebook

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="warm starts need Linux"),
]
#: Says what a process is, and in what surroundings.
TELL = """
import builtins, gc, json, os, signal, sys, tempfile, time
from pathlib import Path
environ = dict(e.split("=", 1) for e in Path("/proc/self/environ").read_text().split(chr(0)) if "=" in e)
def open_files():
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{number}").split(":")[0]
        except OSError:  # that of the list itself
            pass
said = dict(
    argv=sys.argv, cwd=os.getcwd(), first=sys.path[0], variables=dict(os.environ), shown=environ, zone=time.tzname[0],
    leads=os.getsid(0) == os.getpid() == os.getpgid(0), temporary=tempfile.gettempdir(), parent=os.getppid(),
    flags=str(sys.flags), modules="pandas" in sys.modules, own=[m for m in sys.modules if m.startswith("lumier")],
    files=sorted(open_files()),
    interrupt=str(signal.getsignal(signal.SIGINT)), name=__name__, threads=len(os.listdir("/proc/self/task")),
    hash=hash("lumier"), warnings=len(sys.warnoptions), all_imported="pingouin" in sys.modules, collects=gc.isenabled(),
    shell=hasattr(builtins, "get_ipython"), withheld=[name for name, module in sys.modules.items() if module is None],
)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmStart]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LUMIER_COLD", raising=False)
        root = tmp_path_factory.mktemp("warm")
        for name in ("lumier_analysis", "data/one/raw"):
            (root / name).mkdir(parents=True)
        (root / "pyproject.toml").touch()
        plan = Path(__file__).resolve().parents[2] / "data/synthetic/plan.yml"
        (root / "data/one/plan.yml").write_text(plan.read_text())
        with patch.context() as there:
            there.chdir(root)
            study = open_study("data/one")
        with warm_start(study, [root]) as made:
            assert made is not None
            yield made


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """Return a folder with the modules tell, wait, fail and fork."""
    (tmp_path / "tell.py").write_text(TELL)
    (tmp_path / "wait.py").write_text("import time\nprint('waiting', flush=True)\ntime.sleep(60)\n")
    (tmp_path / "fail.py").write_text("import sys\nprint('no', file=sys.stderr)\nsys.exit(7)\n")
    (tmp_path / "fork.py").write_text(
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nprint('forked', flush=True)\n"
    )
    return tmp_path


def started(warm: WarmStart, folder: Path, name: str, token: str | None = None) -> WarmProcess:
    output = folder / "said"
    environment = fixed_environment(token or run_token())
    process = warm.start([name], environment=environment, folder=folder, output=output)
    assert process is not None
    end = time.monotonic() + 30
    while not (output.is_file() and output.stat().st_size) and time.monotonic() < end:
        time.sleep(0.02)
    return process


def gone(pid: int, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while process_mark(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return process_mark(pid) is None


@pytest.mark.parametrize("all_imported", [False, True])
def test_a_warm_process_is_what_a_cold_one_is(warm: WarmStart, module: Path, all_imported: bool) -> None:
    token = run_token()
    environment = {**fixed_environment(token), "ONLY_HERE": "é = 1"}
    end = time.monotonic() + 60
    while all_imported and time.monotonic() < end:  # the first process is forked before
        _, text = run_module(["tell"], environment=environment, folder=module, warm=warm)
        if json.loads(text)["all_imported"]:
            break
    said = {}
    for how in (warm, None):
        code, text = run_module(["tell", "one", "-f", "two"], environment=environment, folder=module, warm=how)
        assert code == 0, text
        said[how is warm] = json.loads(text)
    a, b = said[True], said[False]
    assert (a.pop("all_imported"), b.pop("all_imported")) == (all_imported, False)
    assert a.pop("modules") and not b.pop("modules")
    parents = a.pop("parent"), b.pop("parent")
    assert parents == (warm.pid, os.getpid())
    assert a.pop("variables") == {**environment, "JPY_PARENT_PID": str(warm.pid)}
    assert b.pop("variables") == environment
    # What the system shows of a forked process: nothing of its own but the token that it is found by.
    shown = a.pop("shown")
    assert shown[TOKEN] == b.pop("shown")[TOKEN] == token
    assert not any("ONLY_HERE" in name or str(Path.cwd()) in value for name, value in shown.items())
    # No handle but the standard ones, and that of the list itself.
    assert [len(said.pop("files")) for said in (a, b)] == [3, 3]
    leads = a.pop("leads"), b.pop("leads")
    assert leads == (True, False)  # cold, a kernel is made one by jupyter_client
    assert a == b
    assert a["own"] == [] and a["threads"] == 1 and a["collects"] and a["argv"][0] == str(module / "tell.py")


def test_how_it_ends_is_told(warm: WarmStart, module: Path) -> None:
    assert run_module(["fail"], environment=fixed_environment(), folder=module, warm=warm) == (7, "no\n")
    code, text = run_module(["absent"], environment=fixed_environment(), folder=module, warm=warm)
    assert code == 1 and "absent" in text
    with pytest.raises(subprocess.TimeoutExpired):
        run_module(["wait"], environment=fixed_environment(), folder=module, warm=warm, seconds=0.5)
    for end in (WarmProcess.kill, WarmProcess.terminate):
        process = started(warm, module, "wait")
        assert process.poll() is None and process.returncode is None
        end(process)
        assert process.wait(10) == {WarmProcess.kill: -9, WarmProcess.terminate: -15}[end]
        assert process.poll() == process.returncode and gone(process.pid)
        end(process)  # nothing is sent to a number that may be another's by now


LEAVES = """
import atexit, sys, threading, time, weakref
text, data, both = open("text", "w"), open("data", "wb"), open("both", "w+b")  # none is ever closed
sys.kept = text, data, both  # not gone with the module either
text.write("é" * 3), data.write(b"bytes"), both.write(b"more")
sys.proxy = weakref.proxy(set())  # of what is gone: it cannot even be asked what it is
atexit.register(lambda: print("at the end"))
threading.Thread(target=lambda: (time.sleep(0.3), text.write(" and later"))).start()
print("said", end=" ")
CODE
"""


@pytest.mark.parametrize(
    "code", ["", "sys.exit()", "sys.exit(0)", "sys.exit(3)", "sys.exit('')", "sys.exit('words')", "1 / 0"]
)
def test_what_is_open_at_the_end_is_written(warm: WarmStart, tmp_path: Path, code: str) -> None:
    number = {"sys.exit(3)": 3, "sys.exit('')": 1, "sys.exit('words')": 1, "1 / 0": 1}.get(code, 0)
    for how, source in (("warm", warm), ("cold", None)):
        folder = tmp_path / how
        folder.mkdir()
        (folder / "leaves.py").write_text(LEAVES.replace("CODE", code))
        returned, text = run_module(["leaves"], environment=fixed_environment(), folder=folder, warm=source)
        assert returned == number
        assert "said" in text and "at the end" in text and ("words" in text) == ("words" in code)
        assert ("ZeroDivisionError" in text) == ("/" in code)
        assert (folder / "text").read_text("utf-8") == "é" * 3 + " and later"
        assert (folder / "data").read_bytes() == b"bytes" and (folder / "both").read_bytes() == b"more"


def has(process: psutil.Process, token: str) -> bool:
    with suppress(psutil.Error):
        return process.environ().get(TOKEN) == token
    return False


def test_what_a_stage_leaves_running_is_found_by_its_token(warm: WarmStart, module: Path) -> None:
    token = run_token()
    process = started(warm, module, "fork", token)
    process.wait(10)
    left = next(p for p in psutil.Process(warm.pid).parents()[-1].children(recursive=True) if has(p, token))
    assert os.getsid(left.pid) == left.pid  # not of the session of the stage
    assert warm_module.end_processes(token) == 1 and gone(left.pid)
    assert psutil.Process(warm.pid).is_running()


def test_masks_hold_in_a_forked_process(warm: WarmStart, module: Path) -> None:
    secret, seen = module / "secret", module / "seen"
    for folder in (secret, seen):
        folder.mkdir()
        (folder / "file").write_text("outcome")
    masks = make_masks([secret], seen)
    if not masks.held:
        pytest.skip(masks.why)
    look = "import os\nprint(os.listdir('secret'), os.listdir('seen'), os.getuid())\n"
    status = "print([l for l in open('/proc/self/status') if l.startswith(('CapEff', 'NoNewPrivs', 'CapBnd'))])\n"
    parent = "try:\n    os.listdir(f'/proc/{os.getppid()}/cwd/')\nexcept OSError as e:\n    print(type(e).__name__)\n"
    (module / "look.py").write_text(look + status + parent)
    environment, said = fixed_environment(), []
    for how in (warm, None):
        code, text = run_module(
            ["look"], environment=environment, folder=module, prefix=masks.prefix, masked=masks.paths, warm=how
        )
        assert code == 0, text
        said.append(text)
    assert said[0] == said[1] and said[0].startswith("[] ['file']") and "CapEff:\\t0000000000000000" in said[0]
    assert [p.name for p in secret.iterdir()] == ["file"]


def test_the_warm_process_knows_nothing_of_the_project(warm: WarmStart, module: Path) -> None:
    started(warm, module, "tell").wait(10)
    process = psutil.Process(warm.pid)
    assert process.cwd() == "/" and process.name() == "lumier-warm"
    told = [*process.cmdline(), *process.environ().values(), *(f.path for f in process.open_files())]
    assert not [
        text for text in told if str(Path.cwd()) in text and ".venv" not in text and "site-packages" not in text
    ]
    # Nor of what one stage was told when the next is forked.
    (module / "search.py").write_text(
        "import gc\nprint([1 for d in gc.get_objects() if isinstance(d, dict) and 'masks_source' in d"
        " and d['command'][0] != 'search'])\n"
    )
    assert run_module(["search"], environment=fixed_environment(), folder=module, warm=warm) == (0, "[]\n")


def test_variables_that_decide_make_a_cold_start(warm: WarmStart, module: Path) -> None:
    for name in ("PYTHONPATH", "NUMBA_CPU_NAME", "OPENBLAS_CORETYPE", "LD_PRELOAD", "GLIBC_TUNABLES"):
        environment = {**fixed_environment(), name: str(module)}
        assert warm.start(["tell"], environment=environment, folder=module) is None, name
    assert warm.suits({**fixed_environment(), "PYTHONUNBUFFERED": "1", "ONLY_HERE": "1"})


def test_two_of_them_draw_different_numbers(warm: WarmStart, module: Path) -> None:
    (module / "draw.py").write_text("import random\nimport numpy\nprint(numpy.random.rand(), random.random())\n")
    drawn = [run_module(["draw"], environment=fixed_environment(), folder=module, warm=warm)[1] for _ in range(2)]
    assert len({*drawn[0].split(), *drawn[1].split()}) == 4


def test_a_module_beside_the_package_makes_a_cold_start(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUMIER_COLD")
    study = open_study("data/tiny")
    with warm_start(study, [project]) as made:
        assert made is None  # tiny_report.py
    (project / "tiny_report.py").unlink()
    monkeypatch.setenv("LUMIER_COLD", "1")
    with warm_start(study, [project]) as made:
        assert made is None


def test_what_the_user_installed_for_himself_or_a_full_disk_makes_a_cold_start(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LUMIER_COLD")
    (project / "tiny_report.py").unlink()
    study = open_study("data/tiny")
    with monkeypatch.context() as patch:
        # Staged, with another home, it is not imported; it would be by the other stages if they started cold.
        patch.setattr("site.ENABLE_USER_SITE", True)
        patch.setattr("site.getusersitepackages", lambda: str(project))
        patch.syspath_prepend(project)
        with warm_start(study, [project]) as made:
            assert made is None
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(warm_module, "scrubbed_environment", full)
        with warm_start(study, [project]) as made:
            assert made is None


def test_one_that_does_not_answer_is_ended(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warm = WarmStart(fixed_environment())
    try:
        started(warm, module, "tell").wait(10)
        os.kill(warm.pid, signal.SIGSTOP)
        monkeypatch.setattr(warm_module, "READY_SECONDS", 1)
        assert warm.start(["tell"], environment=fixed_environment(), folder=module) is None and gone(warm.pid)
    finally:
        warm.close()


def test_nothing_outlives_a_runner_that_is_killed(module: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom lumier_analysis.pipeline.kernel import *\n"
        "from lumier_analysis.pipeline.warm import WarmStart\n"
        "import lumier_analysis.pipeline.warm_process as w\n"
        "warm = WarmStart(fixed_environment())\n"
        f"p = warm.start(['wait'], environment=fixed_environment(), folder=Path({str(module)!r}))\n"
        "print(warm.pid, p.pid, flush=True)\ntime.sleep(60)\n"
    )
    early = program.partition("p = ")[0] + (
        "import psutil\nwhile psutil.Process(warm.pid).name() != 'lumier-warm': time.sleep(0.001)\n"
        "print(warm.pid, flush=True)\ntime.sleep(60)\n"
    )
    for text, seconds in ((program, 5.0), (early, 0.5)):  # in the imports too
        runner = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        assert runner.stdout is not None
        numbers = [int(n) for n in runner.stdout.readline().split()]
        assert numbers and all(process_mark(n) for n in numbers)
        runner.kill()
        runner.wait()
        runner.stdout.close()
        assert all(gone(n, seconds) for n in numbers)


def test_a_warm_process_that_dies_takes_its_own_along_and_is_told(module: Path) -> None:
    warm = WarmStart(fixed_environment())
    try:
        process = started(warm, module, "wait")
        os.kill(warm.pid, signal.SIGKILL)
        assert process.wait(10) == -9 and gone(process.pid)
        assert warm.start(["tell"], environment=fixed_environment(), folder=module) is None
        # What is asked of it next starts cold.
        code, text = run_module(["tell"], environment=fixed_environment(), folder=module, warm=warm)
        assert code == 0 and json.loads(text)["modules"] is False
    finally:
        warm.close()


TABLE = "import pandas as pd\ntable = pd.DataFrame({f'a rather long name {i}': [1.5] * 3 for i in range(30)})\ntable"
SHOWN = "print(table)\nimport warnings\nwarnings.warn('beware', DeprecationWarning)"
FIGURE = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2], label='é')\nfigure"


def test_a_notebook_is_the_same_warm_and_cold(warm: WarmStart, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    source = make_notebook("one", TABLE, SHOWN, FIGURE, "import sys\nprint(sys.argv[1:2], x)")
    made = {}
    for name, how in (("warm", warm), ("cold", None)):
        run = run_notebook(source, tmp_path / name / "one.ipynb", {"x": 3}, root=tmp_path, warm=how)
        assert run.outcome is Outcome.DONE, run.sentence
        made[name] = (tmp_path / name / "one.ipynb").read_text()
    assert made["warm"] == made["cold"] and "image/png" in made["warm"]


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [
        ("import os\nos.kill(os.getpid(), 9)", Outcome.KERNEL_DIED),
        ("import time\ntime.sleep(60)", Outcome.TIMED_OUT),
        ("raise ValueError('no')", Outcome.FAILED),
        ("import sys\nsys.exit(0)", Outcome.EXITED_EARLY),
    ],
)
def test_what_happens_in_a_warm_kernel_is_told(
    warm: WarmStart, make_notebook: MakeNotebook, tmp_path: Path, cell: str, outcome: Outcome
) -> None:
    source = make_notebook("one", "import os\nprint(os.getppid())", cell)
    launch = Launch(fixed_environment())
    run = run_notebook(source, tmp_path / "o.ipynb", {}, root=tmp_path, warm=warm, launch=launch, cell_seconds=5)
    assert run.outcome is outcome and run.cell == 3, run.sentence
    assert f"{warm.pid}\\n" in (tmp_path / "one.failed.ipynb").read_text()  # it was forked
    assert not [p for p in psutil.Process(warm.pid).children() if p.status() != psutil.STATUS_ZOMBIE]
