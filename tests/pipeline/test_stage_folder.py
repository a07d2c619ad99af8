from __future__ import annotations

import json
import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from lumier_analysis.pipeline.stage_folder import OWNER, stage_folder, sweep


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the test's folder the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_its_users_alone_and_goes(temporary):
    with stage_folder() as base:
        assert stat.S_IMODE(base.stat().st_mode) == 0o700 and base.parent == temporary.resolve()
        closed = base / "closed"
        closed.mkdir()
        (closed / "file").write_text("x")
        (closed / "file").chmod(0o444)
        closed.chmod(0o500)
    assert list(temporary.iterdir()) == []


def test_it_goes_when_the_body_raises(temporary):
    with pytest.raises(KeyboardInterrupt), stage_folder():
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []


def test_what_a_killed_stage_left_is_swept_and_what_lives_is_not(temporary):
    def leave(name: str, owner: object, host: str = socket.gethostname()) -> Path:
        folder = temporary / name
        folder.mkdir()
        owner = {"host": host, **owner} if isinstance(owner, dict) else owner
        (folder / OWNER).write_text(json.dumps(owner))
        return folder

    dead = leave("lumier-stage-dead", {"pid": 2**22 + 1, "created": 0.0})
    reused = leave("lumier-dry-run-reused", {"pid": os.getpid(), "created": 0.0})
    other = leave("else-dead", {"pid": 2**22 + 1, "created": 0.0})
    elsewhere = leave("lumier-stage-elsewhere", {"pid": 2**22 + 1, "created": 0.0}, "another machine")
    broken = leave("lumier-stage-broken", [])
    young = temporary / "lumier-stage-young"
    young.mkdir()
    old = temporary / "lumier-stage-old"
    old.mkdir()
    os.utime(old, (0, 0))
    link = temporary / "lumier-stage-link"
    link.symlink_to(other)
    with stage_folder() as alive:
        assert sweep() == 0 and alive.is_dir()
    assert not dead.exists() and not reused.exists() and not old.exists()
    assert elsewhere.is_dir() and other.is_dir() and young.is_dir() and broken.is_dir() and link.is_symlink()
