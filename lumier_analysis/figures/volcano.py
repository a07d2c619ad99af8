"""Volcano plot: every response's estimate for one term against its p-value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import BboxBase

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, INK, Width, new_figure, styled
from lumier_analysis.study.names import display_text

# Where a label may stand, in points from its mark: beside it first, then further off.
_PLACES = [
    (dx * far, dy * far)
    for far in (1.0, 2.0, 3.2, 4.6, 6.2)
    for dx, dy in ((5, 0), (-5, 0), (4, 4.5), (-4, 4.5), (4, -4.5), (-4, -4.5), (0, 6), (0, -6))
]


@styled
def volcano_figure(
    table: pd.DataFrame,
    term: str,
    *,
    q: float = 0.05,
    labels: int | Iterable[str] = 10,
    xlabel: str = "Estimate",
    title: str = "",
    note: str = "",
    width: Width = "single",
) -> Figure:
    """Draw estimates of one term against p-values.

    Parameters
    ----------
    table : DataFrame
        As `mixed.lmm_panel`: response, term, estimate, p_value, q_value; a family (modules, genes) at a time.
    term : str
        The term drawn; one of the table's.
    q : float
        Level of the false discovery rate. The line lies at the p-value up to which q_value is at most `q`.
    labels : int or iterable of str
        How many responses of the smallest p-values are named, or which.
    xlabel, title, note : str

    Raises
    ------
    UsageError
        A column is absent, the term is not in the table, a response stands twice, or none has a p-value.
    """
    absent = [c for c in ("response", "term", "estimate", "p_value", "q_value") if c not in table]
    if absent:
        raise UsageError("A volcano plot needs the table of lmm_panel", found=f"no {', '.join(absent)}")
    own = table[table["term"] == term]
    if own.empty:
        terms = ", ".join(dict.fromkeys(table["term"].astype(str))) or "none"
        raise UsageError(f"The table has no term {term}", found=terms, fix=f"term={terms.split(', ')[0]!r}")
    if own["response"].duplicated().any():
        raise UsageError("A response stands twice", found=f"{int(own['response'].duplicated().sum())} rows too many")
    t = own.dropna(subset=["estimate", "p_value", "q_value"])
    if t.empty:
        raise UsageError(f"No response has a p-value for {term}", found=f"{len(own)} responses")
    unknown = len(own) - len(t)
    x = t["estimate"].to_numpy(dtype=float)
    p = np.maximum(t["p_value"].to_numpy(dtype=float), np.finfo(float).tiny)
    y, found = -np.log10(p), t["q_value"].to_numpy(dtype=float) <= q
    names = t["response"].astype(str).to_numpy()

    figure = new_figure(width, 92 + (4 if note else 0), alt="")
    axes = figure.add_subplot()
    axes.axvline(0, color=GREY, lw=0.6)
    look: dict[str, Any] = {"ls": "", "mew": 0.7, "ms": 3.6}
    axes.plot(x[~found], y[~found], "o", color=GREY, mfc="white", **{**look, "ms": 2.6}, label=f"q > {q:g}")
    up, down = found & (x > 0), found & (x <= 0)
    axes.plot(x[up], y[up], "^", color=COLOURS[1], label=f"Higher, q ≤ {q:g}", **look)
    axes.plot(x[down], y[down], "v", color=COLOURS[0], label=f"Lower, q ≤ {q:g}", **look)
    if found.any():
        # Between the last p-value found and the next.
        last = y[found].min()
        others = y[~found & (y < last)]
        line = (last + others.max()) / 2 if others.size else last
        axes.axhline(line, color=INK, lw=0.8, ls=(0, (4, 2)))
        axes.annotate(f"q = {q:g}", (0, line), (2, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
                      ha="left", va="bottom", fontsize=6)  # fmt: skip
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    margin = 0.14 * ((high - low) or 1.0)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(0, 1.1 * max(y.max(), 1.0))
    axes.set(xlabel=xlabel, ylabel="−log$_{10}$ p")
    if title:
        axes.set_title(title)
    handles, texts = axes.get_legend_handles_labels()
    keep = [k for k, mask in enumerate((~found, up, down)) if mask.any()]
    figure.legend([handles[k] for k in keep], [texts[k] for k in keep], loc="outside lower center", ncols=3,
                  columnspacing=1.2, handletextpad=0.2)  # fmt: skip
    foot = [display_text(note)] if note else []
    if unknown:
        foot.append(f"{unknown} of {len(own)} responses without an estimate are not shown.")
    if foot:
        figure.supxlabel("\n".join(foot), fontsize=6.5, color=GREY, x=0.02, ha="left")
    chosen = _chosen(names, p, labels)
    _label(figure, axes, x, y, names, chosen)
    first = ", ".join(names[k] for k in chosen[:5])
    figure.set_label(display_text(
        f"Volcano plot of {term}: {int(up.sum())} of {len(t)} responses higher and {int(down.sum())} lower at a false "
        f"discovery rate of {q:g}. Smallest p-values: {first or 'not named'}."
    ))  # fmt: skip
    return figure


def _chosen(names: np.ndarray, p: np.ndarray, labels: int | Iterable[str]) -> list[int]:
    if isinstance(labels, int):
        return [int(k) for k in np.argsort(p, kind="stable")[: max(labels, 0)]]
    wanted = list(labels)
    absent = [w for w in wanted if w not in set(names)]
    if absent:
        raise UsageError("A label names no response of the table", found=", ".join(map(str, absent)))
    return [int(np.flatnonzero(names == w)[0]) for w in wanted]


def _label(figure: Figure, axes: Axes, x: np.ndarray, y: np.ndarray, names: np.ndarray, chosen: list[int]) -> None:
    """Name marks where no other name, no mark and no line to a name lies; one that finds no place is left away."""
    figure.canvas.draw()
    renderer: Any = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    marks = axes.transData.transform(np.column_stack([x, y]))
    points = figure.dpi / 72
    frame = axes.get_window_extent(renderer)
    taken: list[BboxBase] = []
    lines = np.empty((0, 2))  # points along the lines to names
    for k in chosen:
        for dx, dy in _PLACES:
            ha = "left" if dx > 0 else "right" if dx < 0 else "center"
            va = "bottom" if dy > 0 else "top" if dy < 0 else "center"
            far = max(abs(dx), abs(dy)) > 6
            text = axes.annotate(
                names[k], (x[k], y[k]), (dx, dy), textcoords="offset points", ha=ha, va=va, fontsize=6,
                arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.4, "shrinkA": 0, "shrinkB": 1.5} if far else None,
            )  # fmt: skip
            text.set_in_layout(False)
            text.update_positions(renderer)
            # The text alone: with its line it would always touch its mark.
            box = Text.get_window_extent(text, renderer)
            line = marks[k] + np.linspace(0.05, 1, 20 if far else 0)[:, None] * (np.array([dx, dy]) * points)
            free = not any(box.padded(0.8 * points).overlaps(b) or _touches(line, b) for b in taken)
            clear = not _touches(np.vstack([marks, lines]), box.padded(1.5 * points))
            held = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if free and clear and held:
                taken.append(box)
                lines = np.vstack([lines, line])
                break
            text.remove()


def _touches(points: np.ndarray, box: BboxBase) -> bool:
    return bool(((points > box.min) & (points < box.max)).all(axis=1).any())
