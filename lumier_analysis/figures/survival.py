"""Curves of time to flare by risk group, with the numbers at risk below."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, LINES, MARKERS, Width, new_figure, styled
from lumier_analysis.study.names import display_text

#: What stands for a count withheld, the same for every reason: which it was might tell the count.
WITHHELD = "[c]"


@styled
def survival_figure(
    curves: pd.DataFrame,
    at_risk: pd.DataFrame,
    *,
    value: Literal["survival", "incidence"] = "survival",
    unit: float = 1.0,
    x_label: str = "Days since enrolment",
    y_label: str = "",
    steps: bool = True,
    text: str = "",
    note: str = "",
    title: str = "",
    width: Width = "single",
) -> Figure:
    """Draw one curve a group, with its band and the numbers at risk.

    Parameters
    ----------
    curves : DataFrame
        As `performance.disclosed_curves` (for what leaves the house), `kaplan_meier` or `aalen_johansen`: group, time,
        `value`, ci_low, ci_high.
    at_risk : DataFrame
        From the same, or `performance.numbers_at_risk`: index group, columns times (the ticks of the axis); NaN is a
        count withheld. Curves are cut at its last time.
    value : {"survival", "incidence"}
    unit : float
        Times are divided by it for the axis: 30.4375 shows days as months.
    x_label, y_label : str
    steps : bool
        Draw steps; else marks at the rows, joined by straight lines, as of a life table.
    text : str
        Written above the axes.
    note : str
        Written below everything.
    title : str
    width : {"single", "double"}

    Raises
    ------
    UsageError
        A column is missing, a curve has no numbers at risk, or there are more groups than line styles.
    """
    absent = [c for c in ("group", "time", value, "ci_low", "ci_high") if c not in curves.columns]
    if absent or curves.empty:
        raise UsageError(
            "A survival figure needs the table of performance.kaplan_meier", found=f"no {', '.join(absent) or 'rows'}"
        )
    groups = list(at_risk.index)
    if not set(curves["group"]) <= set(groups) or at_risk.shape[1] == 0:
        raise UsageError(
            "The numbers at risk must have the groups of the curves",
            found=f"{', '.join(map(str, groups))} for {', '.join(dict.fromkeys(curves['group'].astype(str)))}",
        )
    if len(groups) > len(LINES):
        raise UsageError(f"At most {len(LINES)} groups can be told apart", found=f"{len(groups)} groups")
    if not unit > 0:
        raise UsageError("unit must be above 0", found=repr(unit), fix="unit=30.4375 for months")
    text, end = display_text(text), float(max(at_risk.columns))
    y_label = y_label or ("Free of a flare" if value == "survival" else "Cumulative incidence of a flare")
    names = [display_text(str(g)) for g in groups]
    alt = f"{y_label} over time in {len(groups)} groups ({', '.join(names)}), with numbers at risk. {text}".strip()
    if at_risk.isna().any(axis=None):
        note = f"{display_text(note)}\n{WITHHELD}: withheld.".strip()
    foot = note.splitlines()
    height = 82 + 4.5 * len(groups) + 3.0 * len(foot)
    figure = new_figure(width, height, alt=alt.replace("\n", ", "))
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[10, 0.6 + 0.9 * len(groups)])
    for k, (group, name) in enumerate(zip(groups, names, strict=True)):
        own = curves[curves["group"] == group].sort_values("time")
        if own.empty:
            continue  # withheld: the numbers at risk name the group
        part = _cut(own, value, end)
        x, look = part["time"] / unit, {"color": COLOURS[k], "ls": LINES[k]}
        limits = part[["ci_low", "ci_high"]]
        if not steps:
            # Everybody is free of the event at the start, without doubt.
            limits = limits.apply(lambda limit, rows=part: limit.mask(rows["time"] == 0, rows[value]))
        axes.fill_between(
            x, limits["ci_low"], limits["ci_high"], step="post" if steps else None, color=COLOURS[k], alpha=0.13, lw=0
        )
        style = "steps-post" if steps else "default"
        # Bands that lie on one another are told apart by their edges.
        for limit in limits:
            axes.plot(x, limits[limit], drawstyle=style, lw=0.45, alpha=0.8, label="_", **look)
        axes.plot(x, part[value], drawstyle=style, label=name, **look)
        # Markers name the curve where colours and dashes are lost in copying; of steps the end alone bears one.
        marked = slice(-1, None) if steps else slice(None)
        axes.plot(
            x.iloc[marked], part[value].iloc[marked], MARKERS[k], color=COLOURS[k], mfc="white", mew=1.1, clip_on=False,
            zorder=4, label="_marks",
        )  # fmt: skip
    ticks = np.asarray(at_risk.columns, dtype=float) / unit
    axes.set(ylim=(0, 1.02 if value == "survival" else None), ylabel=y_label)
    axes.set_xlim(0, end / unit)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.tick_params(labelbottom=True)
    axes.set_xticks(ticks, [f"{round(t, 1):g}" for t in ticks])
    axes.set_xlabel(x_label)
    _table(below, at_risk.loc[groups], names, ticks)
    lines = text.splitlines()
    if title:
        axes.set_title(display_text(title), pad=6 + 10 * len(lines))
    for k, line in enumerate(reversed(lines)):
        axes.annotate(
            line, (0, 1), (0, 4 + 10 * k), xycoords="axes fraction", textcoords="offset points",
            ha="left", va="bottom", fontsize=7,
        )  # fmt: skip
    if len(groups) > 1:
        handles, labels = axes.get_legend_handles_labels()
        drawn = set(curves["group"])
        markers = [m for group, m in zip(groups, MARKERS, strict=False) if group in drawn]
        for handle, marker in zip(handles, markers, strict=True):
            handle.set_marker(marker), handle.set_markerfacecolor("white"), handle.set_markevery([])
        figure.legend(handles, labels, loc="outside lower center", ncols=2 if width == "single" else 4, handlelength=4)
    if foot:
        below.annotate(
            "\n".join(foot), (0.02, 0), xycoords=("figure fraction", "axes fraction"), ha="left", va="top",
            fontsize=6, linespacing=1.25, annotation_clip=False,
        )  # fmt: skip
    return figure


def _cut(part: pd.DataFrame, value: str, end: float) -> pd.DataFrame:
    """Return the curve up to `end`, carried on to it where follow-up reaches that far."""
    inside = part[part["time"] <= end]
    if inside.empty:
        raise UsageError("A curve begins after the last time of the numbers at risk", found=f"{part['time'].min():g}")
    if part["time"].max() > end and inside["time"].iloc[-1] < end:
        last = inside.iloc[[-1]][["time", value, "ci_low", "ci_high"]].assign(time=end)
        inside = pd.concat([inside[["time", value, "ci_low", "ci_high"]], last], ignore_index=True)
    return inside


def _table(axes, at_risk: pd.DataFrame, names: list[str], ticks: np.ndarray) -> None:
    """Write the numbers at risk under the ticks."""
    n = len(names)
    axes.set_ylim(n - 0.4, -1.1)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelbottom=False)
    axes.tick_params(axis="y", pad=12)  # the first counts stand across the axis
    axes.set_yticks(range(n), names, va="center_baseline")
    axes.annotate("At risk", (0, 1), xycoords="axes fraction", ha="left", va="top", fontsize=7, fontweight="bold")
    for row, (_, counts) in enumerate(at_risk.iterrows()):
        for x, count in zip(ticks, counts, strict=True):
            shown = WITHHELD if math.isnan(count) else f"{int(count)}"
            axes.text(x, row, shown, ha="center", va="center_baseline", fontsize=7, clip_on=False)
