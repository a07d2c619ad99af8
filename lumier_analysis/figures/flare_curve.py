"""A score seen from the flare: means before, at and after it, over the band of the flare-free."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, INK, LINES, MARKERS, PALE, Width, new_figure, styled
from lumier_analysis.figures.trajectories import count_lines, shown_means
from lumier_analysis.study.names import display_text

DESCRIPTIVE = "Groups by later flare: descriptive, not predictive."


@styled
def flare_curve_figure(
    means: pd.DataFrame,
    *,
    reference: Mapping[str, Any] | None = None,
    x: str = "bin",
    group: str | None = None,
    at_flare: str = "flare",
    ylabel: str = "Score, SD of the reference",
    xlabel: str = "Time from the flare",
    title: str = "",
    note: str = DESCRIPTIVE,
    width: Width = "single",
) -> Figure:
    """Draw means with their intervals in flare-aligned bins.

    Parameters
    ----------
    means : DataFrame
        Rows in the order of time: `x`, mean, ci_low, ci_high; `n` (patients: a number, or text where suppressed) is
        written below the axis, and a mean whose `n` is below the threshold ("<5") is withheld.
    reference : mapping, optional
        mean, ci_low, ci_high and n of the flare-free: a line and a band across.
    x : str
        Column of the bins (see `cleaning.flare_time`).
    group : str, optional
        Column that names the lines: models with and without the prednisone dose, say.
    at_flare : str
        The bin of the flare, marked.
    note : str
        Written below; by default that such groups look into the future.

    Raises
    ------
    UsageError
        A column is absent, there is no row, or more groups than line styles.
    """
    table = shown_means(means, x, group)
    bins = list(dict.fromkeys(table[x]))
    groups = list(dict.fromkeys(table[group])) if group else [None]
    if len(groups) > len(LINES):
        raise UsageError(f"At most {len(LINES)} lines can be told apart", found=f"{len(groups)} lines")
    place = {b: float(k) for k, b in enumerate(bins)}
    counted = "n" in table
    figure = new_figure(width, 87 + (4 * len(groups) if counted else 0) + (4 if note else 0), alt="")
    axes = figure.add_subplot()
    told = ""
    if reference is not None:
        told = _reference(axes, reference)
    if at_flare in place:
        axes.axvline(place[at_flare], color=INK, lw=0.7, ls=(0, (1, 2)), zorder=1)
    shift = (np.arange(len(groups)) - (len(groups) - 1) / 2) * 0.13
    for k, name in enumerate(groups):
        own = table if name is None else table[table[group] == name]
        at = np.array([place[b] for b in own[x]]) + shift[k]
        mean = own["mean"].to_numpy(dtype=float)
        error = [mean - own["ci_low"].to_numpy(dtype=float), own["ci_high"].to_numpy(dtype=float) - mean]
        label = "Patients with a flare" if name is None else display_text(str(name))
        axes.errorbar(
            at, mean, yerr=error, mfc="white", mew=1.1, elinewidth=0.9, capsize=2, label=label, color=COLOURS[k],
            ls=LINES[k], marker=MARKERS[k],
        )  # fmt: skip
    axes.set_xticks(list(place.values()), [_stacked(str(b)) for b in bins])
    axes.set_xlim(-0.45, len(bins) - 0.55)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if counted:
        count_lines(axes, table, x, group, groups, place, down=51)
    if title:
        axes.set_title(title, pad=18)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2 if width == "single" else 4, borderaxespad=0.2)
    if note:
        figure.supxlabel(note, fontsize=6.5, color=GREY, x=0.02, ha="left")
    figure.set_label(display_text(f"{ylabel} in time from the flare: {_told(table, x, group, groups)}{told} {note}"))
    return figure


def _reference(axes, reference: Mapping[str, Any]) -> str:
    absent = [c for c in ("mean", "ci_low", "ci_high") if c not in reference]
    if absent:
        raise UsageError("The flare-free reference needs a mean and its interval", found=f"no {', '.join(absent)}")
    n = reference.get("n")
    if isinstance(n, str) and n.startswith("<"):
        axes.plot([], [], ls="", label=f"Flare-free: withheld, n {n}")
        return " The flare-free reference is withheld."
    mean, low, high = (float(reference[c]) for c in ("mean", "ci_low", "ci_high"))
    counted = "" if n is None else f", n {n}"
    axes.axhspan(low, high, fc=PALE, ec=GREY, hatch="....", lw=0, alpha=0.6, label=f"Flare-free{counted}")
    axes.axhline(mean, color=GREY, lw=1.0, ls=(0, (6, 2)), zorder=1.5)
    return f" Flare-free: {mean:.2f} ({low:.2f} to {high:.2f})."


def _stacked(text: str) -> str:
    """Break a bin's name: "1-91 days before" on three lines, "1 month after" on two."""
    words = display_text(text).replace("-", "\N{EN DASH}")
    return words.replace(" days ", "\ndays\n").replace(" month ", " month\n")


def _told(table: pd.DataFrame, x: str, group: str | None, groups: list[Any]) -> str:
    parts = []
    for name in groups:
        own = table if name is None else table[table[group] == name]
        values = ", ".join(f"{b} {'withheld' if math.isnan(m) else f'{m:.2f}'}"
                           for b, m in zip(own[x], own["mean"], strict=True))  # fmt: skip
        parts.append(f"{'' if name is None else f'{name}: '}{values}.")
    return " ".join(parts)
