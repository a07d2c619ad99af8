"""Receiver operating characteristic curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, LINES, Width, new_figure, styled
from lumier_analysis.study.names import display_text


@styled
def roc_figure(
    false_positive: ArrayLike,
    true_positive: ArrayLike,
    *,
    text: str = "",
    label: str = "Locked score",
    band: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    others: Sequence[tuple[str, ArrayLike, ArrayLike]] = (),
    operating_point: tuple[float, float] | None = None,
    title: str = "",
    width: Width = "single",
) -> Figure:
    """Draw a ROC curve.

    Parameters
    ----------
    false_positive, true_positive : array, shape (n_thresholds,)
        1 - specificity and sensitivity, as proportions, both rising from (0, 0) to (1, 1); joined by straight lines,
        so that the area is the AUC with ties as one half.
    text : str
        Written in the lower right corner: AUC, interval, denominators.
    label : str
        Name of the curve in the legend.
    band : tuple of arrays (grid, low, high), optional
        Pointwise 95 % limits of the sensitivity over a grid of 1 - specificity, as of `performance.roc_band`.
    others : sequence of (label, false_positive, true_positive)
        Further curves, told apart by line style as well as colour.
    operating_point : (1 - specificity, sensitivity), optional
        The locked threshold.
    title : str
    width : {"single", "double"}

    Raises
    ------
    UsageError
        A curve leaves the unit square or its arrays differ in length.
    """
    text = display_text(text)
    curves = [(label, false_positive, true_positive), *others]
    checked = []
    for name, x, y in curves:
        a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if a.shape != b.shape or a.ndim != 1 or not len(a) or not (_unit(a) and _unit(b)):
            raise UsageError(
                f"The ROC curve {name!r} is no curve in the unit square", found=f"shapes {a.shape}, {b.shape}"
            )
        checked.append((name, a, b))
    alt = f"ROC curve of {label}. {text.replace(chr(10), ', ')}".strip()
    figure = new_figure(width, 88 if width == "single" else 110, alt=alt)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1)
    if band is not None:
        grid, low, high = (np.asarray(part, dtype=float) for part in band)
        axes.fill_between(grid, low, high, color=COLOURS[0], alpha=0.16, lw=0, zorder=2, label="95 % band")
    for k, (name, x, y) in enumerate(checked):
        style = {"color": COLOURS[k % 6], "ls": LINES[k % 6], "lw": 1.7 if k == 0 else 1.1}
        axes.plot(x, y, label=display_text(name), zorder=5 - k / 10, **style)
    if operating_point is not None:
        axes.plot(
            *operating_point, "o", mfc="white", mec=COLOURS[0], mew=1.2, ms=6, zorder=6, label="Locked threshold", ls=""
        )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel="1 − specificity", ylabel="Sensitivity", aspect="equal")
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    axes.set_yticks(np.arange(0, 1.01, 0.2))
    if title:
        axes.set_title(title)
    legend: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, -0.16), "ncols": 2, "borderaxespad": 0}
    if len(checked) > 1 or operating_point is not None or band is not None:
        axes.legend(**legend)
    if text:
        box = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": "none", "alpha": 0.85}
        axes.text(0.97, 0.04, text, ha="right", va="bottom", fontsize=7, bbox=box, zorder=7, linespacing=1.35)
    return figure


def _unit(values: np.ndarray) -> bool:
    """Tell whether every value is a proportion."""
    return bool(np.all((values >= 0) & (values <= 1)))
