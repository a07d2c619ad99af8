"""Figures for the report: each one file, embedded, with the alternative text it was saved with."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from lumier_analysis.errors import DisclosureError
from lumier_analysis.reporting.layout import caption


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure: name, caption, alternative text, data URI, natural width and height in CSS pixels."""

    name: str
    caption: str
    alt: str
    uri: str
    width: int
    height: int


def read_picture(png: Path) -> Picture:
    """Read a figure saved by `figures.save_figure`; the SVG beside it is embedded where there is one.

    Raises
    ------
    DisclosureError
        The PNG carries no alternative text.
    """
    from PIL import Image  # here, as every stage imports this room

    with Image.open(png) as image:
        alt = str(image.info.get("Description", "")).strip()
        dpi = float(image.info.get("dpi", (300, 300))[0]) or 300.0
        width, height = (round(96 * pixels / dpi) for pixels in image.size)
    if not alt:
        raise DisclosureError(
            f"The figure {png.name} has no alternative text", fix="write it with lumier_analysis.figures.save_figure"
        )
    svg = png.with_suffix(".svg")
    source, kind = (svg, "svg+xml") if svg.is_file() else (png, "png")
    content = base64.b64encode(source.read_bytes()).decode("ascii")
    return Picture(png.stem, caption(png.stem), alt, f"data:image/{kind};base64,{content}", width, height)


def read_pictures(folder: Path) -> list[Picture]:
    """Read every figure of a folder, by name."""
    return [read_picture(path) for path in sorted(folder.glob("*.png"))]
