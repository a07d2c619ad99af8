"""The files of a figure: PNG and SVG, and what a journal asks for besides, each with words that tell what it shows.

The plan says which (``figures: {formats: [pdf], dpi: 300}``). Files repeat exactly: no date, no version. The report
shows the SVG, and it alone can be searched for what must not leave the house; so it is always written.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

from matplotlib.figure import Figure

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import DPI, JournalFigure, laid_out, picture, png_bytes, svg_bytes
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_bytes_atomic

#: What a tag of a TIFF, which knows ASCII alone, says for letters that numbers are told with.
_ASCII = str.maketrans({"–": "-", "−": "-", "≥": ">=", "≤": "<=", "µ": "u", "×": "x", "’": "'"})


def tiff_bytes(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the figure as TIFF, compressed without loss (LZW); the alternative text is its ImageDescription."""
    buffer = io.BytesIO()
    words = unicodedata.normalize("NFKD", str(figure.get_label()).translate(_ASCII)).encode("ascii", "ignore").decode()
    picture(figure, dpi).save(buffer, "tiff", dpi=(dpi, dpi), compression="tiff_lzw", description=words)
    return buffer.getvalue()


def pdf_bytes(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the figure as PDF, its letters editable; the alternative text is its Subject."""
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "Creator": None, "Producer": None, "Subject": str(figure.get_label())}
    with laid_out(figure):
        figure.savefig(buffer, format="pdf", dpi=dpi, metadata=metadata)
    return buffer.getvalue()


#: What may stand beside PNG and SVG.
WRITERS: dict[str, Callable[[Figure, int], bytes]] = {"pdf": pdf_bytes, "tiff": tiff_bytes}


def write_figure(
    figure: Figure,
    folder: Path,
    name: str,
    *,
    alt: str | None = None,
    formats: Iterable[str] = (),
    dpi: int = DPI,
) -> Path:
    """Write ``<name>.png``, ``<name>.svg``, and one file in each of the formats, each whole or not at all.

    A file of the same figure in a format that is not asked for is removed.

    Parameters
    ----------
    figure : Figure
    folder : Path
    name : str
        File name without suffix.
    alt : str, optional
        Alternative text; default the figure's own.
    formats : iterable of {"pdf", "tiff"}
        Beside PNG and SVG.
    dpi : int
        Points per inch of PNG and TIFF.

    Returns
    -------
    Path
        The PNG file.

    Raises
    ------
    UsageError
        The figure has no alternative text, or shows single patients (drawn with ``individual=True``); a format that
        is not known.
    """
    asked = [formats] if isinstance(formats, str) else list(dict.fromkeys(formats))
    if unknown := [name for name in asked if name not in WRITERS]:
        raise UsageError(
            f"Unknown format {unknown[0]!r}", fix=f"formats=: {' or '.join(WRITERS)}; PNG and SVG are made"
        )
    if figure.get_gid() == "patient-level":
        raise UsageError(
            f"The figure {name} shows single patients and is not saved", fix="draw it without individual=True"
        )
    text = alt or str(figure.get_label())
    if not text:
        raise UsageError(f"The figure {name} has no alternative text", fix="give alt='what the figure shows'")
    figure.set_label(text)
    with laid_out(figure):
        png = png_bytes(figure, dpi)
        others = {"svg": svg_bytes(figure)} | {suffix: WRITERS[suffix](figure, dpi) for suffix in asked}
    if isinstance(figure, JournalFigure):
        figure.saved, figure.stale = png, False
    for suffix in WRITERS.keys() - others.keys():
        (Path(folder) / f"{name}.{suffix}").unlink(missing_ok=True)
    for suffix, content in others.items():
        write_bytes_atomic(Path(folder) / f"{name}.{suffix}", content)
    return write_bytes_atomic(Path(folder) / f"{name}.png", png)


def save_figure(figure: Figure, study: Study, name: str, *, alt: str | None = None) -> Path:
    """Write a figure of a study into ``reports/<study>/figures``, in the formats that its plan asks for.

    Parameters
    ----------
    figure, name, alt
        As for `write_figure`, which says too what is returned and raised.
    study : Study
        Anything else is refused with UsageError.
    """
    if not isinstance(study, Study):
        raise UsageError(
            "save_figure takes the study", found=type(study).__name__,
            fix='save_figure(figure, s, "name"); into another folder: write_figure(figure, folder, "name")',
        )  # fmt: skip
    asked = study.plan.figures
    return write_figure(figure, study.reports / "figures", name, alt=alt, formats=asked.formats, dpi=asked.dpi)
