from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.errors import EnvironmentMismatch
from lumier_analysis.pipeline import doctor
from lumier_analysis.pipeline.doctor import compare_versions, examine, installed_versions, locked_versions

HASH = "    --hash=sha256:" + "0" * 64 + "\n"


def write_lock(folder: Path, *pins: str) -> Path:
    path = folder / "requirements.lock"
    path.write_text("# by hand\n" + "".join(f"{pin} \\\n{HASH}    # via x\n" for pin in pins))
    return path


def test_markers_decide_which_pins_count(tmp_path: Path) -> None:
    lock = write_lock(tmp_path, "a.b==1", "old==1 ; python_full_version < '3.12'", "win==2 ; sys_platform == 'win32'")
    linux = {"python_full_version": "3.12.1", "sys_platform": "linux"}
    assert locked_versions(lock, linux) == {"a-b": "1"}
    assert locked_versions(lock, linux | {"python_full_version": "3.11.2"}) == {"a-b": "1", "old": "1"}


def test_another_version_and_an_absent_package_differ() -> None:
    found = compare_versions({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "2.1", "extra": "9"})
    assert [f.text for f in found] == ["b 2.1, the lock has 2", "c is not installed, the lock has 3"]
    assert all(f.differs for f in found)


@pytest.mark.parametrize("content", [None, "", "numpy>=2\n"])
def test_without_a_usable_lock_nothing_can_be_compared(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "requirements.lock").write_text(content)
    with pytest.raises(EnvironmentMismatch, match=r"requirements\.lock"):
        locked_versions(tmp_path / "requirements.lock")


def test_an_equal_machine_shows_no_difference(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lock(project, f"numpy=={installed_versions()['numpy']}")
    findings = examine(project)
    assert not [f for f in findings if f.differs]
    texts = {f.topic: f.text for f in findings}
    assert texts["packages"] == "all 1 as in requirements.lock"
    assert texts["data/tiny"] == "6 raw files"
    assert "lumier_analysis" in texts["bytecode"]  # the copy in this project was never compiled
    monkeypatch.setattr(doctor.sys, "version_info", (3, 13, 0))
    python = examine(project)[0]
    assert python.differs and "the project needs 3.11 or 3.12" in python.text
