"""Data quality: what is missing where, queries by centre, and how the chips performed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, INK, Width, new_figure, styled
from lumier_analysis.study.names import display_name

HATCHES = ("", "//////", "......", "xxxxxx")


@styled
def missingness_figure(missing: pd.DataFrame, *, title: str = "Missing values", width: Width = "double") -> Figure:
    """Draw the share of missing values, variable by visit.

    Parameters
    ----------
    missing : DataFrame, index variables, columns visits
        Proportions from 0 to 1; NaN where the variable is not collected at that visit or is withheld.
    """
    if missing.empty:
        raise UsageError("There is no table of missing values to draw")
    values = missing.to_numpy(dtype=float)
    if np.nanmin(values, initial=0) < 0 or np.nanmax(values, initial=0) > 1:
        raise UsageError(
            "Missing values are proportions from 0 to 1", found=f"{np.nanmin(values)} to {np.nanmax(values)}"
        )
    worst = np.nanmax(values) if np.isfinite(values).any() else 0.0
    shape = f"{missing.shape[0]} variables at {missing.shape[1]} visits"
    alt = f"Heat map of missing values in {shape}; at most {100 * worst:.0f} %."
    figure = new_figure(width, 4.6 * missing.shape[0] + 26, alt=alt)
    axes = figure.add_subplot()
    ceiling = max(0.2, float(np.ceil(10 * worst) / 10))
    image = axes.pcolormesh(
        np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=ceiling, edgecolors="white", linewidth=0.6
    )
    axes.set_facecolor("#f3f3f3")
    axes.invert_yaxis()
    axes.set_xticks(np.arange(missing.shape[1]) + 0.5, [display_name(c) for c in missing.columns])
    axes.set_yticks(np.arange(missing.shape[0]) + 0.5, [display_name(v) for v in missing.index])
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    for i, j in np.ndindex(*values.shape):
        if np.isfinite(values[i, j]):
            dark = values[i, j] > 0.55 * ceiling
            text = "·" if values[i, j] == 0 else "<1" if values[i, j] < 0.01 else f"{100 * values[i, j]:.0f}"
            axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=6, color="white" if dark else INK)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=18, pad=0.015)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    bar.ax.yaxis.set_major_locator(MaxNLocator(4))
    bar.outline.set_visible(False)
    figure.suptitle(f"{title} (% of visits; · none)", x=0.01, ha="left", fontsize=8.5, fontweight="bold")
    return figure


@styled
def queries_figure(
    counts: pd.DataFrame | pd.Series,
    *,
    title: str = "Queries by centre",
    xlabel: str = "Queries",
    threshold: int = 5,
    width: Width = "single",
) -> Figure:
    """Draw queries by centre as stacked bars.

    Parameters
    ----------
    counts : DataFrame, index centres, columns severities (or a Series)
        NaN is a count withheld, not drawn but marked (see `reporting.suppress_bars`).
    """
    frame = counts.to_frame("queries") if isinstance(counts, pd.Series) else counts
    if frame.empty:
        raise UsageError("There are no queries to draw")
    totals = frame.sum(axis=1)
    hidden = frame.isna().any(axis=1)
    alt = "Queries by centre: " + "; ".join(
        f"{name} {'at least ' if mark else ''}{total:.0f}"
        for (name, total), mark in zip(totals.items(), hidden, strict=True)
    )
    figure = new_figure(width, 6.2 * len(frame) + 24, alt=alt + ".")
    axes = figure.add_subplot()
    at = np.arange(len(frame))
    start = np.zeros(len(frame))
    for k, column in enumerate(frame.columns):
        n = frame[column].fillna(0).to_numpy(dtype=float)
        axes.barh(
            at,
            n,
            0.68,
            left=start,
            color=COLOURS[k % 6],
            alpha=0.85,
            hatch=HATCHES[k % 4],
            ec="white",
            lw=0.4,
            label=str(column),
        )
        start = start + n
    reach = float(start.max()) or 1.0
    for y, (total, mark) in enumerate(zip(totals, hidden, strict=True)):
        text = f"{total:.0f}" + (f" + <{threshold}" if mark else "") if total or not mark else f"<{threshold}"
        axes.text(start[y] + 0.015 * reach, y, text, va="center", fontsize=6.5)
    axes.set_yticks(at, [str(name) for name in frame.index])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.16 * reach)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel(xlabel)
    if frame.shape[1] > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    if title:
        axes.set_title(title)
    return figure


@styled
def chip_figure(
    chips: pd.DataFrame, *, title: str = "Reactions not detected or not trusted, by chip", width: Width = "double"
) -> Figure:
    """Draw, for each chip, the reactions that were not detected and those that are not trusted.

    Parameters
    ----------
    chips : DataFrame, index chips
        Proportions that add up to 1: detected, not_detected, untrusted. A column calibrator (cycles, the mean Ct of
        the inter-plate calibrators) is drawn in a second panel.

    Raises
    ------
    UsageError
        A column is absent or the proportions do not add up to 1.
    """
    states = ["detected", "not_detected", "untrusted"]
    absent = [c for c in states if c not in chips.columns]
    if absent or chips.empty:
        raise UsageError("The chip figure needs the states of reactions", found=f"no {', '.join(absent) or 'chips'}")
    if not np.allclose(chips[states].sum(axis=1), 1, rtol=0, atol=1e-6):
        raise UsageError("The states of a chip's reactions do not add up to 1")
    worst = chips["untrusted"].idxmax()
    most = f"{display_name(worst)}, {100 * chips['untrusted'].max():.1f} %"
    alt = f"State of reactions on {len(chips)} chips; most untrusted: {most}."
    second = "calibrator" in chips.columns
    figure = new_figure(width, 95 if second else 66, alt=alt)
    panels = figure.subplots(
        2 if second else 1, 1, sharex=True, squeeze=False, height_ratios=[1.6, 1] if second else [1]
    )
    axes = panels[0, 0]
    at = np.arange(len(chips))
    start = np.zeros(len(chips))
    # The rest is detected; drawn too, it would flatten what matters.
    for state, colour, hatch in (("not_detected", "#8fb8d0", ""), ("untrusted", COLOURS[1], "xxxxxx")):
        share = chips[state].to_numpy(dtype=float)
        name = display_name(state)
        axes.bar(at, share, 0.8, bottom=start, color=colour, hatch=hatch, ec="white", lw=0.3, label=name)
        start = start + share
    axes.set_ylim(0, max(0.05, 1.08 * float(start.max())))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylabel("Reactions")
    axes.set_title(title)
    last = panels[-1, 0]
    if second:
        mean = float(chips["calibrator"].mean())
        last.axhline(mean, color=GREY, lw=0.8, ls=(0, (2, 2)))
        last.plot(at, chips["calibrator"], "o-", color=COLOURS[0], mfc="white", lw=0.9)
        last.set_ylabel("Calibrator,\nmean Ct")
    step = max(1, int(np.ceil(len(chips) / 24)))
    names = _without_common_start([str(name) for name in chips.index])
    rotate = max(map(len, names)) * len(names[::step]) > 90
    last.set_xticks(at[::step], names[::step], rotation=90 if rotate else 0)
    last.set_xlim(-0.7, len(chips) - 0.3)
    last.set_xlabel("Chip")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _without_common_start(names: list[str]) -> list[str]:
    """Return names without the word they all begin with ("chip_01", "chip_02": "01", "02"): the axis says it."""
    words = {match.group() if match else "" for match in (re.match(r"[^\W\d_]+[_ -](?=\w)", name) for name in names)}
    return [name.removeprefix(*words) for name in names] if len(words) == 1 else names
