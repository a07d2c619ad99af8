"""Instability of predicted risks: where the bootstrap models put rows of like risk."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import GREY, INK, PALE, Width, new_figure, styled

_COLUMNS = ("risk", "q2", "q25", "q50", "q75", "q97", "mape")


@styled
def instability_figure(bands: pd.DataFrame, *, n_models: int, title: str = "", width: Width = "single") -> Figure:
    """Draw bootstrap risks against the developed model's risk, and the mean absolute difference below.

    Groups of rows are drawn, not rows: a column of points above one row would show a patient. Black, grey and line
    styles only.

    Parameters
    ----------
    bands : DataFrame
        Of `signature.instability_bands`.
    n_models : int
        Bootstrap models, for the legend.
    title : str
    width : {"single", "double"}

    Raises
    ------
    UsageError
        `bands` lacks a column or is empty.
    """
    absent = [c for c in _COLUMNS if c not in bands.columns]
    if absent or bands.empty:
        raise UsageError("An instability plot needs bands of risk", found=f"no {', '.join(absent) or 'rows'}")
    mean = float(np.average(bands["mape"], weights=bands["rows"])) if "rows" in bands else float(bands["mape"].mean())
    alt = (
        f"Instability plot: risks from {n_models} bootstrap models against the risk of the developed model, in"
        f" {len(bands)} groups of rows; mean absolute prediction error {100 * mean:.1f} percentage points."
    )
    figure = new_figure(width, 105, alt=alt)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    x = bands["risk"]
    top = min(1.0, float(np.ceil(20 * 1.02 * max(bands["q97"].max(), x.max())) / 20))
    above.fill_between(x, bands["q2"], bands["q97"], color=PALE, lw=0, label="95 % of the bootstrap models")
    above.fill_between(x, bands["q25"], bands["q75"], color=GREY, alpha=0.6, lw=0, label="Half of them")
    above.plot(x, bands["q50"], color=INK, marker="o", mfc="white", ms=3, lw=1, label="Median")
    above.plot([0, top], [0, top], color=INK, lw=0.8, ls=(0, (4, 2)), label="No instability")
    above.set(xlim=(0, max(1.02 * float(x.max()), 1e-3)), ylim=(0, top), ylabel="Risk, bootstrap models")
    below.plot(x, bands["mape"], color=INK, marker="s", mfc="white", ms=3, lw=1)
    below.axhline(mean, color=GREY, lw=0.8, ls=(0, (1, 1.2)))
    below.set_ylim(bottom=0)
    below.set(xlabel="Risk of a flare by the next visit, developed model", ylabel="Mean absolute\ndifference")
    for axes in (above, below):
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.yaxis.set_major_locator(MaxNLocator(5 if axes is above else 3, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    if title:
        above.set_title(title)
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=2, columnspacing=1.2)
    return figure
