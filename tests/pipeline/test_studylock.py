from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.pipeline.studylock import study_lock


def write(path: Path, **owner: object) -> None:
    path.write_text(json.dumps({"host": socket.gethostname(), **owner}))


def test_the_lock_is_held_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    with study_lock(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with pytest.raises(UsageError, match=f"Found: process {os.getpid()} on"), study_lock(path):
            pass
        assert path.exists()
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), study_lock(path):
        raise ZeroDivisionError
    assert not path.exists()


def test_a_dead_owners_lock_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    gone = subprocess.Popen(["true"])
    gone.wait()
    write(path, pid=gone.pid, created=time.time())
    with study_lock(path):
        pass
    # The same process id, used again by another process.
    write(path, pid=os.getpid(), created=psutil.Process().create_time() - 1000)
    with study_lock(path):
        pass


def test_another_machines_lock_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere", "created": 0}))
    with pytest.raises(UsageError, match="process 1 on elsewhere"), study_lock(path):
        pass
    assert path.exists()


def test_an_unreadable_lock_counts_only_while_it_is_young(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("")
    with pytest.raises(UsageError, match="Another run"), study_lock(path):
        pass
    os.utime(path, (1, 1))
    with study_lock(path):
        pass
