"""Forest plots: estimates with their intervals, one a line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.measure import text_width, wrap
from lumier_analysis.figures.style import COLOURS, GREY, INK, WIDTHS, Width, new_figure, styled
from lumier_analysis.study.names import display_text

MARGIN = 2.0  # millimetres
ROW = 5.2  # millimetres from line to line
LONGEST_NOTE = 36.0  # millimetres


@styled
def forest_figure(
    rows: pd.DataFrame,
    *,
    xlabel: str = "AUC (95 % CI)",
    reference: float | None = 0.5,
    limits: tuple[float, float] | None = None,
    digits: int = 2,
    n_label: str = "",
    title: str = "",
    width: Width = "double",
) -> Figure:
    """Draw estimates with intervals.

    Parameters
    ----------
    rows : DataFrame
        label, value, ci_low, ci_high; optional: n (text, written beside the label), bold (bool), group (a heading is
        written where it changes), note (why a missing value is missing, where it is short). Missing values are written
        "not estimable".
    reference : float, optional
        Vertical line of no effect.
    limits : (low, high), optional
        Horizontal axis; default from the data.
    digits : int
        Decimals of the numbers at the right.
    n_label : str
        Heading of the column n.

    Raises
    ------
    UsageError
        A column is absent, there is no row, or the figure is too narrow for what stands beside the intervals.
    """
    absent = [c for c in ("label", "value", "ci_low", "ci_high") if c not in rows.columns]
    if absent or rows.empty:
        raise UsageError("A forest plot needs estimates", found=f"no {', '.join(absent) or 'rows'}")
    total = WIDTHS[width]
    # Columns from left to right: label, n, interval, numbers. The interval gets a third of the width, n and numbers
    # what their widest text needs, and labels are wrapped to the rest.
    lines = _lines(rows, digits)
    numbers = MARGIN + max(text_width(line.right, bold=line.bold) for line in lines)
    counts = max(text_width(line.n, size=6.5) for line in lines)
    counts += 3.0 if counts else 0.0
    room = max(15.0, min(0.40 * total, total * 2 / 3 - 2.5 - 3.5 - MARGIN - numbers - counts))
    left_for_intervals = total - (MARGIN + room + counts + numbers + 2.5 + 3.5)
    if left_for_intervals < total / 6:
        raise UsageError(
            "The intervals of this forest plot have no room beside their labels and counts",
            found=f"{max(left_for_intervals, 0):.0f} of {total:.0f} mm",
            fix="use width='double', or leave out the column n",
        )
    lines = [replace(line, label=wrap(line.label[0], room, bold=line.bold)) for line in lines]
    heights = [ROW + (len(line.label) - 1) * 3.0 for line in lines]
    at = np.cumsum(heights) - np.array(heights) / 2
    head = (7.5 if title else 2.0) + (3.5 if n_label else 0.0)
    height = head + sum(heights) + 11.0
    summary = "; ".join(f"{' '.join(line.label)} {line.right}" for line in lines if not line.heading)
    figure = new_figure(width, height, alt=f"Forest plot, {xlabel}. {summary}.", constrained=False)
    n_end = MARGIN + max(text_width(text, bold=line.bold) for line in lines for text in line.label) + counts
    left, right = n_end + 2.5, total - numbers - 3.5
    bottom, tall = 11.0 / height, sum(heights) / height
    texts = figure.add_axes((0, bottom, 1, tall), xlim=(0, total), ylim=(sum(heights), 0))
    texts.axis("off")
    axes = figure.add_axes((left / total, bottom, (right - left) / total, tall), ylim=(sum(heights), 0))
    low, high = limits or _limits(rows, reference)
    axes.set_xlim(low, high)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.patch.set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6 if width == "double" else 4, steps=[1, 2, 5, 10]))
    axes.set_xlabel(xlabel)
    if reference is not None:
        axes.axvline(reference, color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1)
    for line, y in zip(lines, at, strict=True):
        weight = "bold" if line.bold else "normal"
        # The letters of one line stand on one baseline, whatever hangs below it.
        look: dict[str, Any] = {"va": "center_baseline", "fontsize": 7, "fontweight": weight}
        alone = look if len(line.label) == 1 else look | {"va": "center"}
        texts.text(MARGIN, y, "\n".join(line.label), ha="left", linespacing=1.15, **alone)
        texts.text(n_end, y, line.n, ha="right", va="center_baseline", fontsize=6.5, color=GREY)
        faint = GREY if np.isnan(line.interval[0]) else INK
        texts.text(total - MARGIN, y, line.right, ha="right", color=faint, **look)
        _interval(axes, float(y), line.interval, (low, high), bold=line.bold)
    if n_label:
        figure.text(n_end / total, 1 - (head - 1.8) / height, n_label, fontsize=6, color=GREY, ha="right", va="center")
    if title:
        figure.text(MARGIN / total, 1 - 4.2 / height, title, fontsize=8.5, fontweight="bold", va="center")
    return figure


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the plot: a heading or an estimate."""

    label: list[str]
    n: str
    right: str
    interval: tuple[float, float, float]
    bold: bool
    heading: bool


def _lines(rows: pd.DataFrame, digits: int) -> list[_Line]:
    """Return headings and estimates in drawing order, labels not yet wrapped."""
    lines: list[_Line] = []
    previous = None
    nothing = (np.nan, np.nan, np.nan)
    for item in rows.to_dict("records"):
        group = item.get("group")
        if group is not None and not pd.isna(group) and group != previous:
            lines.append(_Line([display_text(str(group))], "", "", nothing, True, True))
            previous = group
        value, a, b = (float(item[c]) for c in ("value", "ci_low", "ci_high"))
        n = "" if pd.isna(item.get("n", "")) else str(item.get("n", ""))
        note = item.get("note", "")
        if np.isnan(value):
            text = "" if pd.isna(note) else display_text(str(note))
            # A long reason would take the room of the intervals; the tables give it in full.
            text = text if 0 < text_width(text) <= LONGEST_NOTE else "not estimable"
        else:
            text = f"{value:.{digits}f}" + ("" if np.isnan(a) else f" ({a:.{digits}f} to {b:.{digits}f})")
        bold = bool(item.get("bold", False))
        label = [display_text(str(item["label"]))]
        lines.append(_Line(label, n, text.replace("-", "−") if value == value else text, (value, a, b), bold, False))
    return lines


def _limits(rows: pd.DataFrame, reference: float | None) -> tuple[float, float]:
    """Return axis limits that hold every interval and the reference."""
    values = rows[["value", "ci_low", "ci_high"]].to_numpy(dtype=float).ravel()
    values = values[np.isfinite(values)]
    if reference is not None:
        values = np.append(values, reference)
    if not len(values):
        return 0.0, 1.0
    pad = 0.06 * ((values.max() - values.min()) or 1.0)
    return float(values.min() - pad), float(values.max() + pad)


def _interval(
    axes: Axes, y: float, interval: tuple[float, float, float], limits: tuple[float, float], *, bold: bool
) -> None:
    """Draw one estimate; an interval that leaves the axis ends in an arrow."""
    (value, a, b), (low, high) = interval, limits
    colour = COLOURS[1] if bold else COLOURS[0]
    if not np.isnan(a):
        axes.plot([max(a, low), min(b, high)], [y, y], color=colour, lw=1.2, solid_capstyle="butt", zorder=3)
        for limit, cut, mark in ((low, a < low, "<"), (high, b > high, ">")):
            if cut:
                axes.plot(limit, y, mark, color=colour, ms=4, clip_on=False, zorder=4)
    if low <= value <= high:
        edge = INK if bold else colour
        axes.plot(value, y, "D" if bold else "s", mfc=colour, mec=edge, mew=0.5, ms=5 if bold else 4, zorder=5)
