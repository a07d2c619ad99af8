"""Marginal means over visits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, LINES, MARKERS, Width, new_figure, styled
from lumier_analysis.study.names import display_name, display_text


@styled
def trajectory_figure(
    means: pd.DataFrame,
    *,
    x: str = "visit",
    group: str | None = None,
    ylabel: str = "Score, SD of the reference",
    xlabel: str = "Visit",
    reference: float | None = None,
    title: str = "",
    note: str = "",
    width: Width = "single",
) -> Figure:
    """Draw means with their intervals over visits, one line a group.

    Parameters
    ----------
    means : DataFrame
        Column `x` (names, kept in the order met, or numbers), mean, ci_low, ci_high; `n` (number or "<5") is written
        below the axis. A mean whose `n` is below the threshold ("<5") is not drawn.
    x : str
        Column of the horizontal axis.
    group : str, optional
        Column that names the lines.
    reference : float, optional
        A horizontal line, say 0.
    note : str
        A sentence below the figure ("descriptive, not predictive").

    Raises
    ------
    UsageError
        A column is absent or there is no row.
    """
    means = shown_means(means, x, group)
    numeric = pd.api.types.is_numeric_dtype(means[x])
    places = list(dict.fromkeys(means[x]))
    position = {p: float(p) if numeric else float(i) for i, p in enumerate(places)}
    groups = list(dict.fromkeys(means[group])) if group else [None]
    spread = (max(position.values()) - min(position.values())) or 1.0
    shift = (np.arange(len(groups)) - (len(groups) - 1) / 2) * 0.025 * spread
    counted = "n" in means.columns
    what = f" by {display_name(group)}" if group else ""
    figure = new_figure(width, 72 + (4 * len(groups) if counted else 0) + (5 if note else 0), alt="")
    axes = figure.add_subplot()
    if reference is not None:
        axes.axhline(reference, color=GREY, lw=0.8, ls=(0, (2, 2)))
    for k, name in enumerate(groups):
        own = means if name is None else means[means[group] == name]
        at = np.array([position[p] for p in own[x]]) + shift[k]
        mean = own["mean"].to_numpy(dtype=float)
        error = [mean - own["ci_low"].to_numpy(dtype=float), own["ci_high"].to_numpy(dtype=float) - mean]
        style = {"color": COLOURS[k % 6], "ls": LINES[k % 6], "marker": MARKERS[k % 6]}
        axes.errorbar(
            at,
            mean,
            yerr=error,
            mfc="white",
            mew=1.1,
            elinewidth=0.9,
            capsize=2,
            label=display_text(str(name or "")),
            **style,
        )
    axes.set_xticks([position[p] for p in places], [display_name(p) for p in places])
    axes.set_xlim(min(position.values()) - 0.12 * spread, max(position.values()) + 0.12 * spread)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if title:
        axes.set_title(title)
    if counted:
        count_lines(axes, means, x, group, groups, position)
    if groups != [None]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(3, len(groups)), borderaxespad=0.2)
        if title:
            axes.set_title(title, pad=16)
    if note:
        figure.supxlabel(note, fontsize=6.5, color=GREY, x=0.02, ha="left")
    ends = "; ".join(_ends(means if name is None else means[means[group] == name], x, name) for name in groups)
    figure.set_label(display_text(f"{ylabel} over {xlabel.lower()}{what}, means with intervals. {ends}."))
    return figure


def shown_means(means: pd.DataFrame, x: str, group: str | None) -> pd.DataFrame:
    """Return means with those taken out whose number of patients is small ("<5").

    Raises
    ------
    UsageError
        A column is absent or there is no row.
    """
    needed = [x, "mean", "ci_low", "ci_high", *([group] if group else [])]
    absent = [c for c in needed if c not in means.columns]
    if absent or means.empty:
        raise UsageError("A trajectory needs means over visits", found=f"no {', '.join(absent) or 'rows'}")
    if "n" not in means:
        return means
    withheld = means["n"].map(lambda n: isinstance(n, str) and n.startswith("<")).astype(bool)
    numbers = means[["mean", "ci_low", "ci_high"]].astype(float)
    return means.assign(**{str(c): values.mask(withheld) for c, values in numbers.items()})


def _ends(own: pd.DataFrame, x: str, name: object) -> str:
    lead = "" if name is None else f"{name}: "
    known = own.dropna(subset=["mean"])
    if known.empty:
        return f"{lead}withheld"
    first, last = known.iloc[0], known.iloc[-1]
    return f"{lead}{first['mean']:.2f} at {first[x]} to {last['mean']:.2f} at {last[x]}"


def count_lines(
    axes: Axes,
    means: pd.DataFrame,
    x: str,
    group: str | None,
    groups: list[Any],
    position: dict[Any, float],
    *,
    down: float = 33,
) -> None:
    """Write the numbers behind the means `down` points below the axis, a line a group, led by its marker."""
    below: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 6.5, "annotation_clip": False}
    for k, name in enumerate(groups):
        own = means if name is None else means[means[group] == name]
        counts = dict(zip(own[x], own["n"], strict=True))
        below_axis = -down - 9 * k
        for place, at in position.items():
            text = counts.get(place, "")
            shown: str = "" if pd.isna(text) else str(text)
            axes.annotate(shown, (at, 0), (0, below_axis), xycoords=axes.get_xaxis_transform(), ha="center", **below)
        axes.annotate(
            "n", (0, 0), (-16 if name is not None else -6, below_axis), xycoords="axes fraction", ha="right", **below
        )
        if name is not None:
            at_marker = offset_copy(axes.transAxes, fig=axes.get_figure(root=True), x=-8, y=below_axis, units="points")
            look: dict[str, Any] = {
                "marker": MARKERS[k % 6],
                "color": COLOURS[k % 6],
                "mfc": "white",
                "mew": 1.1,
                "ls": "",
            }
            axes.plot([0], [0], transform=at_marker, clip_on=False, **look)
