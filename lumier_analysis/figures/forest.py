"""Forest plots: estimates with their intervals, one a line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, INK, WIDTHS, Width, new_figure, styled


@styled
def forest_figure(
    rows: pd.DataFrame,
    *,
    xlabel: str = "AUC (95 % CI)",
    reference: float | None = 0.5,
    limits: tuple[float, float] | None = None,
    digits: int = 2,
    title: str = "",
    width: Width = "double",
) -> Figure:
    """Draw estimates with intervals.

    Parameters
    ----------
    rows : DataFrame
        label, value, ci_low, ci_high; optional: n (text, written beside the label), bold (bool), group (a heading is
        written where it changes), note (why a missing value is missing). Missing values are written "not estimable".
    reference : float, optional
        Vertical line of no effect.
    limits : (low, high), optional
        Horizontal axis; default from the data.
    digits : int
        Decimals of the numbers at the right.

    Raises
    ------
    UsageError
        A column is absent or there is no row.
    """
    absent = [c for c in ("label", "value", "ci_low", "ci_high") if c not in rows.columns]
    if absent or rows.empty:
        raise UsageError("A forest plot needs estimates", found=f"no {', '.join(absent) or 'rows'}")
    lines = _lines(rows)
    height = 5.2 * len(lines) + 16 + (5 if title else 0)
    estimable = rows.dropna(subset=["value"])
    summary = "; ".join(
        f"{r.label} {r.value:.{digits}f} ({r.ci_low:.{digits}f} to {r.ci_high:.{digits}f})"
        for r in estimable.itertuples()
    )
    figure = new_figure(width, height, alt=f"Forest plot, {xlabel}. {summary}.", constrained=False)
    total = WIDTHS[width]
    counted = "n" in rows.columns
    left = 0.40 if width == "double" else 0.42
    right = 0.785 if width == "double" else 0.70
    bottom, top = 11.0 / height, 1 - (8.0 if title else 3.0) / height
    axes = figure.add_axes((left, bottom, right - left, top - bottom))
    axes.set_ylim(len(lines) - 0.5, -0.5)
    low, high = limits or _limits(rows, reference)
    axes.set_xlim(low, high)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if reference is not None:
        axes.axvline(reference, color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1)
    transform = axes.get_yaxis_transform()
    margin = 2.0 / total
    start = (margin - left) / (right - left)
    n_at = -0.02
    end = (1 - margin - left) / (right - left)
    for y, (kind, item) in enumerate(lines):
        if kind == "group":
            axes.text(start, y, str(item), transform=transform, va="center", ha="left", fontweight="bold", fontsize=7.5)
            continue
        weight = "bold" if bool(item.get("bold", False)) else "normal"
        axes.text(
            start, y, str(item["label"]), transform=transform, va="center", ha="left", fontsize=7, fontweight=weight
        )
        if counted and not pd.isna(item["n"]):
            axes.text(n_at, y, str(item["n"]), transform=transform, va="center", ha="right", fontsize=6.5, color=GREY)
        value, a, b = (float(item[c]) for c in ("value", "ci_low", "ci_high"))
        if np.isnan(value):
            note = str(item.get("note", "") or "") or "not estimable"
            axes.text(end, y, note, transform=transform, va="center", ha="right", fontsize=7, color=GREY)
            continue
        _interval(axes, y, value, a, b, low, high, bold=weight == "bold")
        text = f"{value:.{digits}f}" + ("" if np.isnan(a) else f" ({a:.{digits}f} to {b:.{digits}f})")
        text = text.replace("-", "−")
        axes.text(end, y, text, transform=transform, va="center", ha="right", fontsize=7, fontweight=weight)
    axes.set_xlabel(xlabel)
    if title:
        figure.text(margin, 1 - 3.5 / height, title, fontsize=8.5, fontweight="bold", va="center")
    return figure


def _lines(rows: pd.DataFrame) -> list[tuple[str, object]]:
    """Return headings and rows in drawing order."""
    lines: list = []
    previous = None
    for item in rows.to_dict("records"):
        group = item.get("group")
        if group is not None and not pd.isna(group) and group != previous:
            lines.append(("group", group))
            previous = group
        lines.append(("row", item))
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


def _interval(axes, y: float, value: float, a: float, b: float, low: float, high: float, *, bold: bool) -> None:
    """Draw one estimate; an interval that leaves the axis ends in an arrow."""
    colour = COLOURS[1] if bold else COLOURS[0]
    if not np.isnan(a):
        axes.plot([max(a, low), min(b, high)], [y, y], color=colour, lw=1.2, solid_capstyle="butt", zorder=3)
        for limit, cut, mark in ((low, a < low, "<"), (high, b > high, ">")):
            if cut:
                axes.plot(limit, y, mark, color=colour, ms=4, clip_on=False, zorder=4)
    if low <= value <= high:
        axes.plot(
            value,
            y,
            "D" if bold else "s",
            mfc=colour,
            mec=INK if bold else colour,
            mew=0.5,
            ms=5 if bold else 4,
            zorder=5,
        )
