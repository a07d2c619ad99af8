from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lumier_analysis.pipeline import masks
from lumier_analysis.pipeline.masks import Masks, make_masks


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder with a secret, and one that stays in sight."""
    secret, seen = tmp_path / "secret", tmp_path / "seen"
    for folder in (secret, seen):
        folder.mkdir()
        (folder / "file").write_text("content")
    return secret, seen


def made(folders: tuple[Path, Path]) -> Masks:
    """Return masks over the secret, or skip the test where the machine allows none."""
    found = make_masks([folders[0]], folders[1])
    if not found.held:
        pytest.skip(found.why)
    return found


def sh(found: Masks, script: str) -> str:
    done = subprocess.run([*found.prefix, "sh", "-c", script], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_masked_folder_is_empty_for_the_stage_alone(folders):
    secret, seen = folders
    found = made(folders)
    assert found.sentence == "staged, scrubbed and masked"
    assert sh(found, f"ls {secret}; cat {seen}/file").strip() == "content"
    assert sh(found, f"touch {secret}/new; echo new > {seen}/new").count("Read-only") == 1
    assert (seen / "new").is_file() and (secret / "file").read_text() == "content"
    assert "lumier-mask" not in Path("/proc/self/mounts").read_text()


def test_the_stage_has_no_capability_and_cannot_take_a_mask_away(folders):
    secret, _ = folders
    found = made(folders)
    text = sh(found, f"grep CapEff /proc/self/status; id -u; umount {secret}; cat {secret}/file")
    words = text.split()
    assert int(words[1], 16) == 0 and words[2] == str(os.getuid())
    assert "content" not in text and text.count("No such file") == 1


def test_a_namespace_made_inside_cannot_take_a_mask_away(folders, tmp_path):
    from lumier_analysis.pipeline.leak_readers import UNMASK

    found, spot = made(folders), tmp_path / "spot"
    spot.mkdir()
    command = [sys.executable, "-I", "-S", "-c", UNMASK, str(folders[0] / "file"), str(spot)]
    bare = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bare.stdout == "content"  # the attempt would work without a mask
    assert subprocess.run([*found.prefix, *command], capture_output=True, text=True, check=False).stdout == ""


def test_the_stage_cannot_look_into_the_process_that_started_it(folders):
    text = sh(made(folders), "readlink /proc/$PPID/cwd; cat /proc/$PPID/environ | tr '\\0' '\\n' | grep -c =")
    assert text.split()[0] == "0" or "ermission denied" in text


def test_where_the_machine_refuses_there_are_no_masks_and_it_is_said(folders, monkeypatch):
    secret, seen = folders

    def refuse(command, **settings):
        return subprocess.CompletedProcess(command, 1, "", "unshare: Operation not permitted\n")

    monkeypatch.setattr(masks.subprocess, "run", refuse)
    found = make_masks([secret], seen)
    assert not found.held and found.prefix == ()
    assert found.sentence == (
        "staged and scrubbed only: this machine allows no masks (unshare: Operation not permitted)"
    )

    def fail(command, **settings):
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(masks.subprocess, "run", fail)
    assert "did not run (TimeoutExpired)" in make_masks([secret], seen).why
    monkeypatch.setattr(masks.sys, "platform", "darwin")
    assert make_masks([secret], seen).why == "masks need Linux"


def test_a_folder_of_the_stage_below_a_mask_is_found_out(folders):
    made(folders)
    inner = folders[0] / "stage"
    inner.mkdir()
    assert not make_masks([folders[0]], inner).held


def test_what_the_script_cannot_mask_ends_it(tmp_path):
    script = [sys.executable, "-I", "-S", masks.__file__, str(tmp_path / "absent"), "--", "echo", "ran"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1


def test_folders_that_are_not_there_are_left_out(folders, tmp_path):
    assert make_masks([folders[0], tmp_path / "absent", folders[0]], folders[1]).paths == (folders[0].resolve(),)
