from __future__ import annotations

import json

import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.reporting.cells import Cell, figure_cells, read_cells


def write(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": list(cells)}))
    return path


def code(id, *lines):
    return {"cell_type": "code", "id": id, "source": list(lines)}


def test_executed_notebooks_come_first_and_sources_stand_in_for_those_never_executed(study):
    note = {"cell_type": "markdown", "id": "note", "source": "x"}
    write(study.reports / "notebooks" / "02_b.ipynb", note, code("two", "a = 1\n", "b\n"))
    write(study.root / "notebooks" / "02_b.ipynb", code("edited", "later"))
    write(study.root / "notebooks" / "01_a.ipynb", code("one", "x"))
    found = read_cells(study, ["01_a", "02_b", "03_absent"])
    assert found == (Cell("01_a", "one", "x"), Cell("02_b", "two", "a = 1\nb"))
    assert read_cells(study) == found[1:]


def test_a_damaged_notebook_is_named(study):
    write(study.reports / "notebooks" / "02_b.ipynb", {"id": "no kind"})
    with pytest.raises(AnalysisError, match=r"02_b\.ipynb cannot be read.*--fresh"):
        read_cells(study)


def test_a_figure_belongs_to_the_first_cell_that_saves_and_names_it():
    cells = (
        Cell("01", "imports", "from figures import save_figure\nname = 'roc'"),
        Cell("01", "magic", "%time save_figure(f, folder, 'roc')"),
        Cell("01", "shown", "display('roc')"),
        Cell("01", "loop", "for name in ('roc', 'flow'):\n    figures.save_figure(draw(name), folder, name)"),
        Cell("02", "again", "save_figure(f, folder, 'roc')"),
    )
    found = figure_cells(cells)
    assert found["roc"] is found["flow"] is cells[3]
    assert "chips" not in found
