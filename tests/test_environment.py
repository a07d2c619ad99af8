"""pyproject.toml, requirements.lock and environment.yml say the same, and the set-up says what is wrong."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from lumier_analysis.pipeline.doctor import locked_versions

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
REQUIREMENTS = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("python", ["3.11", "3.12"])
@pytest.mark.parametrize("text", REQUIREMENTS)
def test_the_lock_satisfies_every_dependency(text: str, python: str) -> None:
    requirement = Requirement(text)
    markers = {"python_version": python, "python_full_version": f"{python}.7"}
    pins = locked_versions(ROOT / "requirements.lock", markers)
    assert canonicalize_name(requirement.name) in pins
    assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_every_pin_has_hashes_and_nothing_names_an_index() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    pins = [e for e in entries if not e.startswith("#")]
    assert len(pins) > 100
    assert [
        e.splitlines()[0] for e in pins if not re.match(r"^[\w.-]+==\S+.*\\\n\s+--hash=sha256:[0-9a-f]{64}", e)
    ] == []
    assert not re.search(r"://|--(extra-)?index|--find-links|^-e|\bfile:", LOCK, flags=re.MULTILINE)


def test_conda_gets_the_lock_and_a_python_that_the_project_accepts() -> None:
    *plain, section = CONDA["dependencies"]
    assert plain[0].startswith("python=") and "pip" in plain
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{plain[0].removeprefix('python=')}.7")
    # pip refuses an editable project beside hashes; the project is the second step of the file's first lines.
    assert section == {"pip": ["-r requirements.lock"]}


def test_the_makefile_lists_every_command() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert phony is not None
    listed = re.findall(r"^([a-z]+):.*## ", text, flags=re.MULTILINE)
    assert sorted(listed) == sorted(phony.group(1).split())


@pytest.fixture
def bootstrap(tmp_path: Path) -> ModuleType:
    """Return the set-up script as a module that stands in a project of its own."""
    (tmp_path / ".ci").mkdir()
    script = Path(shutil.copy(ROOT / ".ci" / "bootstrap.py", tmp_path / ".ci" / "bootstrap.py"))
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "requirements.lock").write_text("absent-package==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_setup_is_done_once_and_again_after_a_change(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(bootstrap, "find_uv", lambda python: None)
    monkeypatch.setattr(bootstrap, "fetch_uv", lambda: None)
    monkeypatch.setattr(bootstrap, "install", lambda uv: calls.append("install"))
    monkeypatch.setattr(bootstrap, "compile_bytecode", lambda: calls.append("compile"))

    def make_venv(python: str, uv: object) -> None:
        calls.append("venv")
        bootstrap.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        bootstrap.PYTHON.touch()

    monkeypatch.setattr(bootstrap, "make_venv", make_venv)
    assert bootstrap.main() == 0
    assert bootstrap.main() == 0
    assert calls == ["venv", "install", "compile"]
    (bootstrap.ROOT / "requirements.lock").write_text("changed")
    assert bootstrap.main() == 0
    assert len(calls) == 6


def test_a_failed_setup_is_one_sentence_and_not_taken_for_done(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "find_uv", lambda python: None)
    monkeypatch.setattr(bootstrap, "make_venv", lambda python, uv: bootstrap.VENV.mkdir(exist_ok=True))
    monkeypatch.setattr(bootstrap, "fetch_uv", lambda: None)

    def install(uv: object) -> None:
        script = "print('ERROR: Temporary failure in name resolution'); raise SystemExit(1)"
        bootstrap.step("Installing requirements.lock", sys.executable, "-c", script)

    monkeypatch.setattr(bootstrap, "install", install)
    for _ in range(2):
        assert bootstrap.main() == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "Installing requirements.lock failed" in said and "is there a network?" in said
        assert not bootstrap.STAMP.exists()


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES: do not match", "its hash differs"),
        ("error: Failed to fetch: simple index", "is there a network?"),
        ("line one\nsomething else broke\n", "something else broke"),
        ("", "no message"),
    ],
)
def test_an_installers_output_comes_down_to_a_sentence(bootstrap: ModuleType, output: str, sentence: str) -> None:
    assert sentence in bootstrap.explain(output)


def test_debian_without_venv_gets_the_line_to_type(bootstrap: ModuleType, tmp_path: Path) -> None:
    python = tmp_path / "python-without-ensurepip"
    python.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with pytest.raises(bootstrap.SetupError, match="apt install python3-venv"):
        bootstrap.make_venv(str(python), None)
    assert not bootstrap.VENV.exists()


def test_another_python_is_looked_for_and_else_named(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/somewhere/{name}")
    monkeypatch.setattr(bootstrap, "version_of", lambda path: "3.12" if path.endswith("3.12") else None)
    assert bootstrap.find_python() == "/somewhere/python3.12"
    monkeypatch.setattr(bootstrap, "version_of", lambda path: None)
    with pytest.raises(bootstrap.SetupError, match=r"Python 3\.11 or 3\.12 is needed, and this is Python 3\.9"):
        bootstrap.find_python()


def test_only_the_locks_own_uv_is_fetched(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(bootstrap, "answer", lambda *command: asked.append(command) or "")
    assert bootstrap.fetch_uv() is None
    assert asked == []
    bootstrap.VENV.mkdir()
    digest = "a" * 64
    bootstrap.LOCK.write_text(
        f"uv==1.2.3 \\\n    --hash=sha256:{digest} \\\n    --hash=sha256:{digest}\n    # via x\nz==1\n"
    )
    bootstrap.fetch_uv()
    assert "--require-hashes" in asked[0]
    fetched = (bootstrap.VENV / "uv.lock").read_text()
    assert fetched == f"uv==1.2.3 \\\n    --hash=sha256:{digest} \\\n    --hash=sha256:{digest}\n"


def test_steps_run_without_what_would_hide_bytecode(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in bootstrap.environment()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_lists_the_commands() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    for command in ("analysis", "test", "proof", "bench"):
        assert f"make {command}" in done.stdout
