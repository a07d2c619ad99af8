"""Decision curves: net benefit over the threshold at which one would treat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, INK, LINES, Width, new_figure, styled
from lumier_analysis.study.names import display_text


@styled
def decision_curve_figure(
    table: pd.DataFrame,
    *,
    label: str = "Locked score",
    others: Sequence[tuple[str, pd.DataFrame]] = (),
    text: str = "",
    title: str = "",
    width: Width = "single",
) -> Figure:
    """Draw the net benefit of the model with its band, beside treating all and treating none.

    Parameters
    ----------
    table : DataFrame
        As `performance.net_benefit`: threshold, model, model_ci_low, model_ci_high, treat_all. A limit that is NaN
        leaves a gap in the band.
    label : str
        Name of the model in the legend.
    others : sequence of (label, DataFrame)
        Further models (threshold, model), told apart by line style as well as colour; without bands.
    text : str
        Written above the axes.
    title : str
    width : {"single", "double"}

    Raises
    ------
    UsageError
        A table lacks a column, has no row, or has a missing net benefit.
    """
    needed = ("threshold", "model", "model_ci_low", "model_ci_high", "treat_all")
    _check(table, needed)
    for _, other in others:
        _check(other, ("threshold", "model"))
    table = table.sort_values("threshold")
    t, text = table["threshold"], display_text(text)
    alt = (
        f"Decision curve: net benefit of {display_text(label)} against treating all and treating none, thresholds "
        f"{100 * t.min():g} to {100 * t.max():g} %. {text.replace(chr(10), ', ')}"
    )
    figure = new_figure(width, 85, alt=alt.strip())
    axes = figure.add_subplot()
    band = axes.fill_between(t, table["model_ci_low"], table["model_ci_high"], color=COLOURS[0], alpha=0.18, lw=0)
    band.set_label("95 % CI")
    axes.plot(t, table["treat_all"], color=GREY, ls=LINES[1], lw=1.1, label="Treat all", zorder=2)
    axes.axhline(0, color=INK, lw=0.8, label="Treat none", zorder=2)
    # 1: the dashes of treating all; 0 the model itself.
    for k, (name, other) in enumerate(others):
        line = other.sort_values("threshold")
        style = LINES[2 + k % (len(LINES) - 2)]
        colour = COLOURS[1 + k % (len(COLOURS) - 1)]
        axes.plot(line["threshold"], line["model"], color=colour, ls=style, label=display_text(name), zorder=3)
    marker: dict[str, Any] = {"marker": "o", "mfc": "white", "mew": 1.0} if len(t) <= 12 else {}
    axes.plot(t, table["model"], color=COLOURS[0], ls=LINES[0], lw=1.6, label=display_text(label), zorder=4, **marker)
    models = np.concatenate([table["model"], *(other["model"] for _, other in others)])
    high = np.nanmax([*models, *table["model_ci_high"].dropna(), table["treat_all"].max(), 0.0])
    # Treating all falls without end and would flatten everything else.
    low = min(0.0, np.nanmin([*models, *table["model_ci_low"].dropna()]), -0.25 * high)
    reach = high - low or 1.0
    axes.set_ylim(low - 0.04 * reach, high + 0.06 * reach)
    if t.max() > t.min():
        axes.set_xlim(t.min(), t.max())
    axes.set(xlabel="Threshold: risk of a flare at which one would treat", ylabel="Net benefit")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g} %"))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    lines = text.splitlines()
    if title:
        axes.set_title(display_text(title), pad=6 + 10 * len(lines))
    for k, line_text in enumerate(reversed(lines)):
        axes.annotate(
            line_text, (0, 1), (0, 4 + 10 * k), xycoords="axes fraction", textcoords="offset points",
            ha="left", va="bottom", fontsize=7,
        )  # fmt: skip
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: (labels[i] != display_text(label), labels[i] == "95 % CI"))
    columns = 2 if width == "single" else 4
    figure.legend(
        [handles[i] for i in order], [labels[i] for i in order], loc="outside lower center", ncols=columns,
    )  # fmt: skip
    return figure


def _check(table: pd.DataFrame, needed: Sequence[str]) -> None:
    absent = [c for c in needed if c not in table.columns]
    if absent or table.empty:
        raise UsageError(
            "A decision curve needs the table of performance.net_benefit", found=f"no {', '.join(absent) or 'rows'}"
        )
    lines = table[[c for c in needed if not c.startswith("model_")]]
    if not np.isfinite(lines.to_numpy(dtype=float)).all():
        raise UsageError("A decision curve has a net benefit or threshold that is not a number")
