"""Heat map of estimated means: modules or genes by time or group, told by numbers or hatching where colour is lost."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, INK, MM, Width, new_figure, styled
from lumier_analysis.study.names import display_name, display_text

# Blue below, orange above, both darker the further off: the sign is lost in grey, and told otherwise.
_MAP = LinearSegmentedColormap.from_list("below_above", ["#00507f", COLOURS[4], "#f7f7f7", "#f3a25f", "#a54500"], N=256)
# Cells this close to zero, as a share of the darkest, are as good as white: they are not hatched.
_NEAR_ZERO = 0.1
_ROOM = 5.0  # millimetres a row needs for numbers
Sign = Literal["auto", "numbers", "hatch"]


@styled
def heat_map_figure(
    means: pd.DataFrame,
    *,
    row_groups: pd.Series | None = None,
    found: pd.DataFrame | None = None,
    found_label: str = "Framed: q ≤ 0.05.",
    sign: Sign = "auto",
    limit: float | None = None,
    label: str = "Mean, SD of the reference",
    xlabel: str = "",
    title: str = "",
    note: str = "",
    digits: int = 1,
    width: Width = "single",
) -> Figure:
    """Draw a table of means as coloured cells.

    Parameters
    ----------
    means : DataFrame
        Index modules or genes, columns times or groups, in the order drawn; NaN where a mean is withheld or absent.
    row_groups : Series, optional
        Module of each row, index as `means`: rows that follow one another in a module are set apart and named.
    found : DataFrame of bool, optional
        Cells that are framed, shape and labels as `means`.
    found_label : str
        What the frame means.
    sign : {"auto", "numbers", "hatch"}
        How the sign is told in grey: a number in every cell, or hatching of those clearly below zero. "auto":
        numbers up to 40 rows and 8 columns.
    limit : float, optional
        Value of the darkest colours, in either direction; default the largest one. Cells beyond it are cut at it.
    label, xlabel, title, note : str
    digits : int
        Decimals of the numbers.

    Raises
    ------
    UsageError
        Nothing to draw, labels that differ, or a limit that is not above 0.
    """
    values = means.to_numpy(dtype=float)
    _check(means, values, row_groups, found, sign, limit)
    n_rows, n_columns = values.shape
    numbers = sign == "numbers" or (sign == "auto" and n_rows <= 40 and n_columns <= 8)
    top = limit or float(np.nanmax(np.abs(values))) or 1.0
    row = _ROOM if numbers else float(np.clip(215 / n_rows, 2.4, _ROOM))
    foot = 4 * (bool(note) + bool(found is not None) + bool(np.isnan(values).any()))
    figure = new_figure(width, 34 + n_rows * row + foot + (6 if title else 0), alt="")
    axes = figure.add_subplot()
    scale = Normalize(-top, top)
    image = axes.imshow(np.clip(values, -top, top), cmap=_MAP, norm=scale, aspect="auto", interpolation="nearest")
    size = min(6.5, 0.8 * row * MM * 72)
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.text(j, i, "[c]", ha="center", va="center_baseline", fontsize=min(6, size), color=GREY)
            continue
        red, green, blue, _ = _MAP(scale(np.clip(value, -top, top)))
        ink = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else (INK if numbers else "#5a5a5a")
        if numbers:
            axes.text(j, i, _number(value, digits), ha="center", va="center_baseline", fontsize=size, color=ink)
        elif value < -_NEAR_ZERO * top:
            axes.add_patch(
                Rectangle(
                    (j - 0.5, i - 0.5),
                    1,
                    1,
                    fill=False,
                    hatch="////",
                    ec="white" if ink == "white" else "#5a5a5a",
                    lw=0,
                )
            )
        if found is not None and bool(found.iloc[i, j]):
            axes.add_patch(Rectangle((j - 0.46, i - 0.43), 0.92, 0.86, fill=False, ec=INK, lw=0.9))
    axes.set_xticks(range(n_columns), [_wrapped(c) for c in means.columns])
    axes.set_yticks(range(n_rows), [display_name(r) for r in means.index], fontsize=size)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=0.6 if row > 3 else 0.3)
    axes.tick_params(which="minor", length=0)
    if row_groups is not None:
        _name_groups(axes, [str(row_groups[r]) for r in means.index], n_columns)
    axes.set_xlabel(xlabel)
    bar = figure.colorbar(image, ax=axes, location="bottom", fraction=0.05, aspect=28, pad=0.02, shrink=0.8)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_label(label)
    bar.ax.tick_params(length=2)
    notes = [display_text(note)] if note else []
    if not numbers and (values < -_NEAR_ZERO * top).any():
        bar.ax.add_patch(Rectangle((-top, 0), (1 - _NEAR_ZERO) * top, 1, fill=False, hatch="/////", ec="white", lw=0))
        notes.append(f"Hatched: below \N{MINUS SIGN}{_NEAR_ZERO * top:.2g}.")
    if found is not None:
        notes.append(found_label)
    if np.isnan(values).any():
        notes.append("[c]: withheld or not estimable.")
    if notes:
        figure.supxlabel("  ".join(notes) if width == "double" else "\n".join(notes), fontsize=6.5, color=GREY, x=0.02,
                         ha="left")  # fmt: skip
    if title:
        axes.set_title(title)
    figure.set_label(display_text(_told(means, values, label)))
    return figure


def _check(means: pd.DataFrame, values: np.ndarray, row_groups: Any, found: Any, sign: str, limit: Any) -> None:
    if means.empty or not np.isfinite(values).any():
        raise UsageError("A heat map needs means", found=f"{means.shape[0]} rows, {means.shape[1]} columns")
    if np.isinf(values).any():
        raise UsageError("A heat map needs finite means", found=f"{int(np.isinf(values).sum())} infinite cells")
    if sign not in ("auto", "numbers", "hatch"):
        raise UsageError(f"Unknown sign {sign!r}", fix="sign='numbers' or 'hatch'")
    if limit is not None and not limit > 0:
        raise UsageError("limit must be above 0", found=repr(limit))
    if found is not None and not (found.index.equals(means.index) and found.columns.equals(means.columns)):
        raise UsageError("found must have the rows and columns of the means")
    if row_groups is not None and not set(means.index) <= set(row_groups.index):
        raise UsageError("Rows without a group", found=", ".join(map(str, set(means.index) - set(row_groups.index))))


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    # What rounds to zero has no sign.
    return (text[1:] if float(text) == 0 else "−" + text[1:]) if text.startswith("-") else text


def _wrapped(name: object) -> str:
    return textwrap.fill(display_text(display_name(name)).replace("-", "\N{EN DASH}"), 10)


def _name_groups(axes, groups: list[str], n_columns: int) -> None:
    """Draw a line between modules, and each module's name at the right."""
    starts = [0, *(k for k in range(1, len(groups)) if groups[k] != groups[k - 1]), len(groups)]
    for first, end in pairwise(starts):
        if first:
            axes.axhline(first - 0.5, color=INK, lw=0.8)
        axes.annotate(groups[first], (n_columns - 0.5, (first + end - 1) / 2), (4, 0), textcoords="offset points",
                      ha="left", va="center", fontsize=6.5, annotation_clip=False)  # fmt: skip


def _told(means: pd.DataFrame, values: np.ndarray, label: str) -> str:
    ends = []
    for flat in (np.nanargmax(values), np.nanargmin(values)):
        i, j = divmod(int(flat), values.shape[1])
        ends.append(f"{values[i, j]:.2f} for {means.index[i]} at {means.columns[j]}")
    return (
        f"Heat map of {label}: {means.shape[0]} rows by {means.shape[1]} columns; highest {ends[0]}, lowest {ends[1]}."
    )
