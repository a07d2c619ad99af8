"""A source notebook, read without what only makes the reading slow.

nbformat imports jsonschema, and that takes up the optional package `rfc3987_syntax` wherever it is installed. At its
import it builds 38 parsers of international web addresses, which takes a second or two. No field of a notebook is such
an address, so jsonschema is imported here as where that package is not installed: it then offers no check of the
formats ``iri`` and ``iri-reference``, and is otherwise the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lumier_analysis.pipeline import checks

ADDRESSES = "rfc3987_syntax"


@contextmanager
def without_addresses() -> Iterator[None]:
    """Hide the grammar of web addresses from what the body imports, unless it is imported already."""
    if ADDRESSES in sys.modules:
        yield
        return
    sys.modules[ADDRESSES] = None  # type: ignore[assignment]  # an import of it is then an ImportError
    try:
        yield
    finally:
        sys.modules.pop(ADDRESSES, None)


def load_notebook(path: Path) -> Any:
    """Read a source notebook, see `checks.load_notebook`."""
    with without_addresses():
        import nbformat  # noqa: F401
    return checks.load_notebook(path)
