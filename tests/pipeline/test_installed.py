from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import numpy
import pytest

from lumier_analysis.pipeline.installed import installed_packages, modules_in_place


def test_names_and_versions_are_those_of_the_standard_library() -> None:
    slow = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    assert list(installed_packages().items()) == list(slow.items()) and len(slow) > 20


def test_a_module_on_pythonpath_that_takes_the_place_of_an_installed_one_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert modules_in_place() == {}
    monkeypatch.setenv("PYTHONPATH", str(Path(numpy.__file__).parents[1]))
    assert "numpy" not in modules_in_place()  # that is where it is installed
    own = tmp_path / "own"
    (own / "numpy").mkdir(parents=True)
    for name in ("numpy/__init__.py", "six.py", "sitecustomize.py", "of_my_own.py", "pandas.txt"):
        (own / name).touch()
    (own / "scipy").mkdir()  # no module: what is installed stands before a folder without __init__.py
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "absent"), str(own)]))
    monkeypatch.setattr(sys, "path", [str(own), *sys.path])
    names = ["numpy", "six.py", "sitecustomize.py"]
    assert modules_in_place() == {name.removesuffix(".py"): own / name for name in names}


def test_of_two_versions_the_one_that_is_imported_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "numpy-0.0.1.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n\nVersion: 9\n")
    assert installed_packages()["numpy"] == numpy.__version__
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert installed_packages()["numpy"] == "0.0.1"
