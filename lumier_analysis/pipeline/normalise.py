"""An executed notebook as a file that two equal runs write byte for byte alike.

papermill and nbclient add times to every cell, a random id to the injected cell, and the version of the interpreter;
the kernel splits printed text at moments that depend on load; messages name files by process id.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

TIMING_KEYS = ("papermill", "execution", "ExecuteTime")
ERROR_MARKER = "papermill-error-cell-tag"
#: From the beginning of a word alone: tried from every letter of a long one it would take minutes.
_CELL_FILE = re.compile(r"(?<![^\s\"'])[^\s\"']*[\\/]ipykernel_\d+[\\/]\d+\.py")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")


def _clean_text(text: str, root: str) -> str:
    """Replace what differs between two runs: paths of this machine, process ids, memory addresses."""
    text = _CELL_FILE.sub("<cell>", text).replace(root + "/", "").replace(root + "\\", "")
    text = re.sub(rf"{re.escape(root)}(?![\w.-])", ".", text)
    return _ADDRESS.sub("0x...", text)


def _merge_streams(outputs: list[Any]) -> list[Any]:
    """Join neighbouring printed texts: first all of stdout, then all of stderr, as their interleaving is chance."""
    merged: list[Any] = []
    run: dict[str, Any] = {}
    for output in [*outputs, None]:
        if output is not None and output.output_type == "stream":
            if output.name in run:
                run[output.name].text += output.text
            else:
                run[output.name] = output
            continue
        merged += [run[name] for name in ("stdout", "stderr") if name in run]
        run = {}
        if output is not None:
            merged.append(output)
    return merged


def _clean_output(output: Any, root: str) -> Any:
    """Clean the texts of one output; pictures and HTML stay as they are."""
    if output.output_type == "stream":
        output.text = _clean_text(output.text, root)
    elif output.output_type == "error":
        output.evalue = _clean_text(output.evalue, root)
        output.traceback = [_clean_text(line, root) for line in output.traceback]
    elif "text/plain" in output.get("data", {}):
        output.data["text/plain"] = _clean_text(output.data["text/plain"], root)
    return output


def normalise(executed: Any, source: Any, root: Path) -> Any:
    """Return the executed notebook without what differs between two equal runs; changes `executed` in place.

    Parameters
    ----------
    executed : NotebookNode
        As the engine left it, with the injected parameters.
    source : NotebookNode
        The notebook it was made from; its cell ids are kept.
    root : Path
        Project folder; its path is taken out of messages.
    """
    executed.cells = [c for c in executed.cells if ERROR_MARKER not in c.metadata.get("tags", [])]
    identifiers = [cell["id"] for cell in source.cells]
    remaining = iter(identifiers)
    for cell in executed.cells:
        injected = "injected-parameters" in cell.metadata.get("tags", [])
        cell["id"] = "injected-parameters" if injected else next(remaining)
        for key in TIMING_KEYS:
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        if cell.cell_type == "code":
            cell.outputs = [_clean_output(o, str(root)) for o in _merge_streams(cell.outputs)]
    executed.metadata = type(executed.metadata)(
        kernelspec={"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    executed.nbformat, executed.nbformat_minor = 4, 5
    return executed


def source_text(notebook: Any) -> str:
    """Return what a notebook says: its cells' ids, types, tags and sources, without outputs and counts."""
    cells = [
        f"{cell['id']} {cell.cell_type} {sorted(cell.get('metadata', {}).get('tags', []))}\n{cell.source.rstrip()}\n"
        for cell in notebook.cells
        if cell.source.strip()
    ]
    return "\n".join(cells)
