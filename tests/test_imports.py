"""Imports run downwards only: a room may use the rooms below it and itself, never one above or beside it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lumier_analysis"
#: Floors of the house, top first; rooms on one floor do not know each other.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("commands",),
    ("pipeline",),
    ("reporting", "figures"),
    ("signature", "cleaning"),
    ("performance", "mixed", "qpcr", "simulation"),
    ("study", "readers"),
    ("estimate",),
    ("errors",),
    ("__init__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room_of(parts: tuple[str, ...]) -> str:
    """Return the room of a module given by its path below the package: ("qpcr", "modules.py") -> "qpcr"."""
    return parts[0].removesuffix(".py")


def imported_rooms(source: str, here: tuple[str, ...]) -> set[str]:
    """Return the rooms that a module imports anywhere, inside functions too."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = ("lumier_analysis", *here)[: len(here) + 1 - node.level]
            names = [".".join((*base, node.module or alias.name)) for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first == "lumier_analysis":
                rooms.add(rest[0] if rest and rest[0] in FLOOR else "__init__")
    return rooms


def violations(source: str, here: tuple[str, ...]) -> list[str]:
    """Return the rooms that a module imports and must not."""
    room = room_of(here)
    return sorted(r for r in imported_rooms(source, here) if r != room and FLOOR[r] <= FLOOR[room])


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py"))


def test_every_module_belongs_to_a_room() -> None:
    strangers = {str(p.relative_to(PACKAGE)) for p in modules() if room_of(p.relative_to(PACKAGE).parts) not in FLOOR}
    assert not strangers


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_run_downwards(path: Path) -> None:
    assert violations(path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).parts) == []


@pytest.mark.parametrize(
    ("source", "here", "found"),
    [
        ("from lumier_analysis.pipeline import run", ("study", "io.py"), ["pipeline"]),
        ("import lumier_analysis.reporting.ledger", ("figures", "roc.py"), ["reporting"]),
        ("def f():\n    from lumier_analysis import cli", ("errors.py",), ["cli"]),
        ("from ..reporting import ledger", ("performance", "auc.py"), ["reporting"]),
        ("from . import delong", ("performance", "auc.py"), []),
        ("from lumier_analysis.errors import PlanError", ("study", "plan.py"), []),
        ("from lumier_analysis import __version__", ("cli.py",), []),
    ],
)
def test_the_rule_sees_an_upward_import(source: str, here: tuple[str, ...], found: list[str]) -> None:
    assert violations(source, here) == found


def test_a_command_starts_without_what_only_fits_and_figures_need() -> None:
    heavy = {
        "PIL",
        "jinja2",
        "matplotlib",
        "numba",
        "openpyxl",
        "scipy.optimize",
        "scipy.special",
        "scipy.stats",
        "sklearn",
        "statsmodels",
    }
    code = "import sys, lumier_analysis.pipeline.run, lumier_analysis.pipeline.plan_lock; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
