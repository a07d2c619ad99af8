"""The notebook cells that a report rests on: their source, and which of them drew a figure."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lumier_analysis.errors import AnalysisError
from lumier_analysis.study import Study

#: What saves a figure; a figure belongs to the cell that calls it and writes the figure's name.
SAVES = "save_figure"


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell: notebook, id, source."""

    notebook: str
    id: str
    source: str


def read_cells(study: Study, notebooks: Iterable[str] = ()) -> tuple[Cell, ...]:
    """Return the code cells of the executed notebooks of a study, in order.

    Parameters
    ----------
    study : Study
    notebooks : iterable of str
        Stems of notebooks that are read from ``notebooks/`` where they were not executed by a run: cell by cell in
        JupyterLab, for instance.

    Raises
    ------
    AnalysisError
        A notebook is damaged.
    """
    paths = {path.stem: path for path in (study.reports / "notebooks").glob("*.ipynb")}
    sources = {name: study.root / "notebooks" / f"{name}.ipynb" for name in notebooks}
    paths = {name: path for name, path in sources.items() if path.is_file()} | paths
    return tuple(cell for name in sorted(paths) for cell in _code_cells(paths[name]))


def _code_cells(path: Path) -> list[Cell]:
    """Return the code cells of a notebook that have an id."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code" and cell.get("id")]
        return [Cell(path.stem, cell["id"], "".join(cell["source"]).rstrip()) for cell in code]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnalysisError(
            f"The notebook {path.name} cannot be read", found=type(error).__name__, fix="run it again with --fresh"
        ) from error


def figure_cells(cells: Iterable[Cell]) -> Mapping[str, Cell]:
    """Return figure name -> the first cell that saves a figure and holds that name as a string."""
    found: dict[str, Cell] = {}
    for cell in cells:
        for name in _strings_beside_a_save(cell.source):
            found.setdefault(name, cell)
    return found


def _strings_beside_a_save(source: str) -> list[str]:
    """Return the strings of a cell that saves a figure; none of any other cell."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a line magic
        return []
    if not any(isinstance(node, ast.Call) and _called(node) == SAVES for node in nodes):
        return []
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _called(call: ast.Call) -> str:
    """Return the name of the function that is called."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
