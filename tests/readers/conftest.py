from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def write_chip(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a chip export: (lines, name) -> path."""

    def write(lines: list[str], name: str = "chip01.csv", end: str = "\r\n", folder: Path = tmp_path) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes((end.join(lines) + end).encode("cp1252"))
        return path

    return write


@pytest.fixture(scope="session")
def chip(exports: ModuleType) -> Callable[..., list[str]]:
    return exports.chip_lines


@pytest.fixture(scope="session")
def exports() -> ModuleType:
    """Return the module that writes instrument exports (tests are no package, so it is loaded by its path)."""
    spec = importlib.util.spec_from_file_location(
        "instrument_exports", Path(__file__).with_name("instrument_exports.py")
    )
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
