"""What a notebook must be before it is started, and what its parameters must be.

papermill passes over each of these in silence: an unknown parameter is only logged, a missing or second `parameters`
cell lets the notebook's own default win, a tag lets a cell fail or skips it.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumier_analysis.errors import NotebookError

FORBIDDEN_TAGS = {
    "raises-exception": "lets the notebook go on after an error",
    "skip-execution": "leaves the cell out",
    "injected-parameters": "is left over from an earlier run and overrides the parameters",
}


def load_notebook(path: Path) -> Any:
    """Read a source notebook as nbformat 4, or raise NotebookError."""
    import nbformat

    path = Path(path)
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*.ipynb")) if path.parent.is_dir() else []
        raise NotebookError(
            f"There is no notebook {path.parent.name}/{path.name}",
            found=", ".join(near) or "no notebook in that folder",
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("nbformat") != 4:
            raise ValueError(f"notebook format {content.get('nbformat')!r} instead of 4")
        # nbformat gives a cell without id a random one; the ledger refers to cells by id.
        for number, cell in enumerate(content["cells"], start=1):
            cell.setdefault("id", f"cell-{number:02d}")
        content["nbformat_minor"] = max(5, content.get("nbformat_minor", 0))
        notebook = nbformat.reads(json.dumps(content), as_version=4)
        nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise NotebookError(
            f"{path.name} is not a notebook file",
            found=(str(error).splitlines() or [type(error).__name__])[0][:160],
            fix=f"restore it: git checkout -- notebooks/{path.name}",
        ) from None
    return notebook


def _tags(cell: Any) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def first_line(source: str) -> str:
    """Return the first line of a cell that says something: neither empty nor a comment."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    code = next((line for line in lines if not line.startswith("#")), lines[0] if lines else "")
    return code if len(code) <= 80 else code[:77] + "..."


def accepted_parameters(source: str, notebook: str) -> list[str]:
    """Return the names that the `parameters` cell assigns, in order.

    Parameters
    ----------
    source : str
        Code of the cell.
    notebook : str
        Name of the notebook, for the message.

    Raises
    ------
    NotebookError
        The cell is not valid Python.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise NotebookError(
            f"The parameters cell of {notebook} is not valid Python (line {error.lineno})",
            found=(error.text or "").strip() or None,
            fix="write one plain assignment a line",
        ) from None
    names: list[str] = []
    for node in tree.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        names += [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    return names


def check_parameter_values(parameters: Mapping[str, Any], notebook: str) -> None:
    """Refuse values that would reach the notebook as something else.

    Raises
    ------
    NotebookError
        A value is NaN or infinite, or does not come back from JSON as it went in (a tuple, a path, a date, a set).
    """
    for name, value in parameters.items():
        fix = "use text, a number, true or false, None, or a list or dict of these"
        try:
            back = json.loads(json.dumps(value, allow_nan=False))
        except ValueError:
            raise NotebookError(
                f"The parameter {name} of {notebook} is not a finite number", found=repr(value), fix=fix
            ) from None
        except TypeError:
            back = object()
        if back != value:
            raise NotebookError(
                f"The parameter {name} of {notebook} cannot be passed unchanged",
                found=f"{type(value).__name__} {value!r}",
                fix=fix,
            )


def check_notebook(notebook: Any, parameters: Mapping[str, Any], name: str) -> None:
    """Refuse a notebook or parameters that papermill would run differently from what they say.

    Parameters
    ----------
    notebook : NotebookNode
        The source notebook.
    parameters : mapping
        Parameter names and values to be injected.
    name : str
        File name, for the messages.

    Raises
    ------
    NotebookError
        With the first thing that is wrong, what was found, and what to change.
    """
    kernel = notebook.metadata.get("kernelspec", {}).get("name", "python3")
    if kernel != "python3":
        raise NotebookError(
            f"{name} asks for a kernel other than python3",
            found=repr(kernel),
            fix="in JupyterLab choose Kernel > Change Kernel > Python 3 (ipykernel) and save",
        )
    for number, cell in enumerate(notebook.cells, start=1):
        for tag in _tags(cell):
            if tag in FORBIDDEN_TAGS:
                raise NotebookError(
                    f"Cell {number} of {name} carries the tag {tag}, which {FORBIDDEN_TAGS[tag]}",
                    found=first_line(cell.source) or "an empty cell",
                    fix="remove the tag" if tag != "injected-parameters" else "delete the cell",
                )
    places = [notebook.metadata, *(cell.get("metadata", {}) for cell in notebook.cells)]
    for number, metadata in enumerate(places):
        execution = metadata.get("execution", {})
        allowed = metadata.get("allow_errors") or (isinstance(execution, Mapping) and execution.get("allow_errors"))
        if allowed:
            where = f"Cell {number} of {name}" if number else f"The notebook {name}"
            raise NotebookError(
                f"{where} has allow_errors in its metadata", fix="remove allow_errors: errors must stop a run"
            )

    tagged = [(n, cell) for n, cell in enumerate(notebook.cells, start=1) if "parameters" in _tags(cell)]
    if len(tagged) != 1:
        found = f"cells {', '.join(str(n) for n, _ in tagged)}" if tagged else "none"
        raise NotebookError(
            f"{name} must have exactly one cell tagged parameters",
            found=found,
            fix="set the tag in JupyterLab's property inspector (the two gears, top right)",
        )
    number, cell = tagged[0]
    if cell.cell_type != "code":
        raise NotebookError(f"Cell {number} of {name} is tagged parameters but is no code cell", found=cell.cell_type)

    accepted = accepted_parameters(cell.source, name)
    for parameter in parameters:
        if parameter not in accepted:
            near = difflib.get_close_matches(parameter, accepted, n=1, cutoff=0.5)
            suggestion = f"did you mean {near[0]}? " if near else ""
            raise NotebookError(
                f"{name} has no parameter {parameter}", fix=f"{suggestion}It accepts: {', '.join(accepted) or 'none'}"
            )
    check_parameter_values(parameters, name)
