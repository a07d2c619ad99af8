"""What an executed notebook, or one that ended early, says of its run."""

from __future__ import annotations

import re
from typing import Any

from lumier_analysis.pipeline.checks import first_line


def error_output(notebook: Any) -> tuple[int | None, str, str, str] | None:
    """Return cell number, error class, error text and first line of the first cell that shows an error."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return cell.execution_count, output.ename, output.evalue, first_line(cell.source)
    return None


def not_executed(notebook: Any) -> list[Any]:
    """Return the code cells that hold code and were never executed."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip() and c.execution_count is None]


def printed_warnings(notebook: Any) -> tuple[str, ...]:
    """Return the lines of stderr that name a warning."""
    texts = [o.text for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    return tuple(line.strip() for text in texts for line in text.splitlines() if re.search(r"Warning\b", line))


def one_line(text: str) -> str:
    """Return the first line of an error's text, shortened."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= 240 else line[:237] + "..."
