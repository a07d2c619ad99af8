"""Anchors of the report: where the link of a number, of a figure, and of a notebook cell leads."""

from __future__ import annotations

import re

from markupsafe import Markup, escape


def _plain(text: str) -> str:
    """Return a text as a part of an anchor; different texts stay different."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found.group()):x}_", text)


def number_anchor(id: str) -> str:
    """Return the anchor of a ledger id; different ids have different anchors."""
    return f"number-{_plain(id)}"


def figure_anchor(name: str) -> str:
    """Return the anchor of a figure."""
    return f"figure-{_plain(name)}"


def cell_anchor(notebook: str, cell: str) -> str:
    """Return the anchor of a notebook cell."""
    return f"cell-{_plain(notebook)}_2f_{_plain(cell)}"


def breakable(id: str) -> Markup:
    """Return a dotted name that may be broken after a dot, a slash or an underscore, and nowhere else."""
    return Markup(re.sub(r"(?<=[._/])(?=\w)", "<wbr>", str(escape(id))))
