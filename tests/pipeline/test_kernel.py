from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from lumier_analysis.pipeline.kernel import (
    THREAD_VARIABLES,
    TOKEN,
    end_processes,
    fixed_environment,
    signals_interrupt,
    signals_wait,
)


def test_the_environment_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONSTARTUP", "MPLBACKEND", "PYTHONOPTIMIZE", "NUMBA_DISABLE_JIT"}
    for name in (*dropped, "MATPLOTLIBRC", *THREAD_VARIABLES):
        monkeypatch.setenv(name, "8")
    environment = fixed_environment("token")
    assert {environment[name] for name in THREAD_VARIABLES} == {"1"}
    assert environment["PYTHONHASHSEED"] == "0" and environment["TZ"] == "UTC" and environment[TOKEN] == "token"
    assert not dropped & environment.keys()
    assert Path(environment["MATPLOTLIBRC"]).is_file()
    assert os.environ["MPLBACKEND"] == "8"


def test_only_the_processes_of_the_run_are_ended() -> None:
    mine = subprocess.Popen(["sleep", "60"], env=fixed_environment("mine"), start_new_session=True)
    scrubbed = subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"]}, start_new_session=True)
    other = subprocess.Popen(["sleep", "60"], env=fixed_environment("other"))
    try:
        assert end_processes("mine", [scrubbed.pid]) == 2
        assert not psutil.pid_exists(mine.pid) and not psutil.pid_exists(scrubbed.pid)
        assert psutil.Process(other.pid).is_running()
        assert end_processes("mine") == 0
    finally:
        for process in (mine, scrubbed, other):
            process.kill()
            process.wait()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_becomes_an_interrupt_and_the_handler_is_given_back(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), signals_interrupt():
        os.kill(os.getpid(), number)
        threading.Event().wait(5)
    assert signal.getsignal(number) is before


def test_cleaning_up_is_not_interrupted() -> None:
    with signals_interrupt(), signals_wait():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN


def test_in_another_thread_signals_are_left_alone() -> None:
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            with signals_interrupt(), signals_wait():
                pass
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert failures == []
