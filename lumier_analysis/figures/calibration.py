"""Calibration: observed against predicted risk, with the distribution of predicted risks below."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, Width, new_figure, styled
from lumier_analysis.study.names import display_text


@styled
def calibration_figure(
    groups: pd.DataFrame,
    *,
    curve: pd.DataFrame | None = None,
    histogram: tuple[ArrayLike, ArrayLike] | None = None,
    threshold: int = 5,
    text: str = "",
    title: str = "",
    limit: float | None = None,
    width: Width = "single",
) -> Figure:
    """Draw a calibration plot.

    Parameters
    ----------
    groups : DataFrame
        One row a group of predicted risk: predicted, observed (mean risk and event proportion), ci_low, ci_high.
    curve : DataFrame, optional
        Flexible curve: predicted, observed, and ci_low, ci_high for a band.
    histogram : (edges, counts), optional
        Landmarks by predicted risk, shapes (k + 1,) and (k,). NaN is a count withheld (see
        `reporting.suppress_bars`), drawn hatched up to `threshold`; where it is the only one, the smallest bar beside
        it is withheld too, since the number of landmarks is known.
    threshold : int
        Disclosure threshold.
    text : str
        Written above the axes: intercept, slope, O/E.
    title : str
    limit : float, optional
        Upper end of both axes; default from the data.
    width : {"single", "double"}

    Raises
    ------
    UsageError
        `groups` lacks a column or is empty.
    """
    absent = [c for c in ("predicted", "observed", "ci_low", "ci_high") if c not in groups.columns]
    if absent or groups.empty:
        raise UsageError("A calibration plot needs groups of predicted risk", found=f"no {', '.join(absent) or 'rows'}")
    text = display_text(text)
    reach = [groups[c].max() for c in ("predicted", "observed", "ci_high")]
    if curve is not None:
        reach.append(curve["predicted"].max())
    top = limit or min(1.0, float(np.ceil(10 * 1.05 * np.nanmax(reach)) / 10))
    alt = f"Calibration plot: observed against predicted risk in {len(groups)} groups. {text.replace(chr(10), ', ')}"
    figure = new_figure(width, 105 if histogram is not None else 88, alt=alt.strip())
    if histogram is None:
        axes = figure.add_subplot()
    else:
        grid = figure.add_gridspec(2, 1, height_ratios=[4.2, 1], hspace=0.06)
        axes = figure.add_subplot(grid[0])
        below = figure.add_subplot(grid[1], sharex=axes)
        _histogram(below, *histogram, threshold=threshold)
        axes.tick_params(labelbottom=False)
    axes.plot([0, top], [0, top], color=GREY, lw=0.8, ls=(0, (2, 2)), label="Ideal", zorder=1)
    if curve is not None:
        if {"ci_low", "ci_high"} <= set(curve.columns):
            axes.fill_between(
                curve["predicted"], curve["ci_low"], curve["ci_high"], color=COLOURS[1], alpha=0.15, lw=0,
                label="95 % band of the curve",
            )  # fmt: skip
        axes.plot(curve["predicted"], curve["observed"], color=COLOURS[1], ls="-", label="Flexible curve", zorder=3)
    low = (groups["observed"] - groups["ci_low"]).clip(lower=0)
    high = (groups["ci_high"] - groups["observed"]).clip(lower=0)
    axes.errorbar(
        groups["predicted"],
        groups["observed"],
        yerr=[low, high],
        fmt="o",
        color=COLOURS[0],
        mfc="white",
        mew=1.2,
        elinewidth=0.9,
        capsize=2,
        label="Groups of predicted risk",
        zorder=4,
    )
    axes.set(xlim=(0, top), ylim=(0, top), ylabel="Observed proportion with a flare")
    if histogram is None:
        axes.set_xlabel("Predicted risk of a flare by the next visit")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    lines = text.splitlines()
    if title:
        axes.set_title(title, pad=6 + 10 * len(lines))
    handles, labels = axes.get_legend_handles_labels()
    columns = 3 if len(labels) <= 3 or width == "double" else 2
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, columnspacing=1.2)
    # Above the axes: inside there is no corner that an interval or the curve may not cross.
    look: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "left", "va": "bottom"}
    for k, line in enumerate(reversed(lines)):
        axes.annotate(line, (0, 1), (0, 4 + 10 * k), fontsize=7, **look)
    return figure


def _histogram(axes, edges: ArrayLike, counts: ArrayLike, *, threshold: int) -> None:
    """Draw the risk histogram; a withheld count is hatched up to the threshold."""
    left, n = np.asarray(edges, dtype=float), np.asarray(counts, dtype=float)
    if left.shape != (len(n) + 1,):
        raise UsageError("A histogram has one edge more than counts", found=f"{len(left)} edges, {len(n)} counts")
    hidden = np.isnan(n)
    if hidden.sum() == 1 and (n > 0).any():
        hidden[np.nanargmin(np.where(n > 0, n, np.nan))] = True
    width = np.diff(left)
    axes.bar(left[:-1][~hidden], n[~hidden], width[~hidden], align="edge", color="#9fb8c8", edgecolor="white", lw=0.4)
    if hidden.any():
        height = np.full(int(hidden.sum()), float(threshold))
        axes.bar(
            left[:-1][hidden],
            height,
            width[hidden],
            align="edge",
            fc="white",
            ec=GREY,
            hatch="//////",
            lw=0.4,
            label="withheld",
        )
        axes.legend(loc="upper right", handlelength=1.4, borderaxespad=0.1)
    axes.set_xlabel("Predicted risk of a flare by the next visit")
    axes.set_ylabel("Landmarks")
    axes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
