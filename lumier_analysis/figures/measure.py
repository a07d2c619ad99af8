"""Text measured before it is drawn, so that boxes and margins fit it."""

from __future__ import annotations

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

SIZE = 7.0  # points
_POINT = 25.4 / 72  # millimetres in a point


@lru_cache(maxsize=4096)  # the words of a figure are measured again and again while its lines are broken
def text_width(text: str, *, bold: bool = False, size: float = SIZE) -> float:
    """Return the width of one line of text in millimetres."""
    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=size)
    # The control points bound the outline; exact extents would take a hundred times as long.
    return float(TextPath((0, 0), text, prop=font).vertices[:, 0].max()) * _POINT


def wrap(text: str, width: float, *, bold: bool = False) -> list[str]:
    """Break a text at its spaces into lines no wider than `width` millimetres; a word that is too long is broken."""
    lines: list[str] = []
    current = ""
    for word in text.split(" "):
        joined = f"{current} {word}".strip()
        if text_width(joined, bold=bold) <= width:
            current = joined
            continue
        while text_width(word, bold=bold) > width and len(word) > 1:
            cut = next((k for k in range(len(word) - 1, 0, -1) if text_width(word[:k] + "-", bold=bold) <= width), 1)
            lines, current, word = [*lines, *([current] if current else []), word[:cut] + "-"], "", word[cut:]
        if current:
            lines.append(current)
        current = word
    return [*lines, current] if current else lines or [""]
