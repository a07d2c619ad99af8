from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lumier_analysis.errors import NotebookError
from lumier_analysis.pipeline.source_notebook import ADDRESSES, load_notebook, without_addresses

ROOT = Path(__file__).resolve().parents[2]


def test_no_schema_of_a_notebook_asks_for_an_address() -> None:
    schemas = [*Path(nbformat.__file__).parent.rglob("*.schema.json")]
    assert schemas and not [p for p in schemas if '"iri' in p.read_text(encoding="utf-8")]


def test_a_notebook_is_read_and_checked_without_the_grammar_of_addresses(tmp_path: Path) -> None:
    """In a process of its own, as this one may have imported it."""
    (tmp_path / "bad.ipynb").write_text('{"nbformat": 4, "cells": [{}]}')
    code = f"""
import sys
from pathlib import Path
from lumier_analysis.errors import NotebookError
from lumier_analysis.pipeline.source_notebook import load_notebook
assert load_notebook(Path("notebooks/01_data_cleaning.ipynb")).cells
assert "jsonschema" in sys.modules and {ADDRESSES!r} not in sys.modules
try:
    load_notebook(Path({str(tmp_path / "bad.ipynb")!r}))
except NotebookError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused"


def test_the_module_is_hidden_in_the_body_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, ADDRESSES, raising=False)
    with pytest.raises(RuntimeError), without_addresses():
        with pytest.raises(ImportError):
            import rfc3987_syntax  # noqa: F401
        raise RuntimeError
    assert ADDRESSES not in sys.modules


def test_what_is_imported_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    there = type(sys)(ADDRESSES)
    monkeypatch.setitem(sys.modules, ADDRESSES, there)
    with without_addresses():
        assert sys.modules[ADDRESSES] is there
    assert sys.modules[ADDRESSES] is there


def test_what_is_wrong_with_a_notebook_is_said_as_ever(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="There is no notebook"):
        load_notebook(tmp_path / "a.ipynb")
