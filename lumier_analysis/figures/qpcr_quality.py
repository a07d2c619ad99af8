"""Figures of a qPCR run: chips over time, before and after normalisation, stability of reference genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lumier_analysis.errors import UsageError
from lumier_analysis.figures.style import COLOURS, GREY, INK, PALE, Width, new_figure, styled


@styled
def drift_figure(
    chips: pd.DataFrame,
    *,
    limit: float = 0.5,
    threshold: int = 5,
    title: str = "Chips in the order of their runs",
    width: Width = "double",
) -> Figure:
    """Draw the calibrator's shift and the level of the reference genes, chip by chip.

    Parameters
    ----------
    chips : DataFrame, index chip, in order
        Columns calibrator_shift, calibrator_low, calibrator_high (cycles; their range over assays), samples,
        reference_raw, reference_calibrated (cycles, median over the chip's samples), as `chip_drift` gives them.
    limit : float
        Cycles beyond which a chip stands out.
    threshold : int
        The level of a chip with fewer samples is not drawn.
    """
    wanted = ["calibrator_shift", "calibrator_low", "calibrator_high"]
    wanted += ["samples", "reference_raw", "reference_calibrated"]
    absent = [c for c in wanted if c not in chips.columns]
    if absent or chips.empty:
        raise UsageError("The drift figure needs chips", found=f"no {', '.join(absent) or 'chips'}")
    shift = chips["calibrator_shift"].to_numpy(dtype=float)
    off = np.abs(shift) > limit
    known = np.isfinite(shift)
    largest = f"largest shift {np.abs(shift[known]).max():.2f} cycles; " if known.any() else "no calibrator; "
    alt = f"Calibrator and reference genes of {len(chips)} chips: {largest}{int(off.sum())} beyond {limit:g} cycles."
    figure = new_figure(width, 92, alt=alt)
    panels = figure.subplots(2, 1, sharex=True)
    at = np.arange(len(chips))
    top: Axes = panels[0]
    top.axhspan(-limit, limit, color=PALE, alpha=0.55, lw=0)
    top.axhline(0, color=GREY, lw=0.7)
    low, high = (chips[c].to_numpy(dtype=float) for c in ("calibrator_low", "calibrator_high"))
    top.vlines(at, low, high, color=INK, lw=0.8)
    top.plot(at[~off & known], shift[~off & known], "o", color=COLOURS[0], mfc="white", label=f"within {limit:g}")
    if off.any():
        top.plot(at[off], shift[off], "s", color=COLOURS[1], ms=5, label=f"beyond {limit:g}")
    if not known.any():
        top.text(0.5, 0.8, "no calibrator", transform=top.transAxes, ha="center", color=GREY)
    top.set_ylabel("Calibrator's shift\n(Ct; bar: 10th to 90th\ncentile of assays)")
    top.set_title(title)
    reach = max([1.25 * limit, *(1.08 * np.nanmax(np.abs(v)) for v in (shift, low, high) if np.isfinite(v).any())])
    top.set_ylim(-reach, reach)
    bottom: Axes = panels[1]
    enough = chips["samples"].to_numpy() >= threshold
    for column, marker, line, face, label in (
        ("reference_raw", "D", (0, (1, 1.2)), "white", "as measured"),
        ("reference_calibrated", "o", "-", COLOURS[0], "calibrated"),
    ):
        value = np.where(enough, chips[column].to_numpy(dtype=float), np.nan)
        if np.isfinite(value).any():
            bottom.plot(at, value, marker=marker, ls=line, color=COLOURS[0], mfc=face, ms=3.5, lw=0.9, label=label)
    note = "" if enough.all() else f" (levels of fewer than {threshold} samples not drawn)"
    bottom.set_ylabel("Reference genes,\nmedian of samples (Ct)")
    step = max(1, int(np.ceil(len(chips) / 24)))
    names = [str(name) for name in chips.index]
    rotate = max(map(len, names)) * len(names[::step]) > 90
    bottom.set_xticks(at[::step], names[::step], rotation=90 if rotate else 0)
    bottom.set_xlim(-0.7, len(chips) - 0.3)
    bottom.set_xlabel(f"Chip{note}")
    for axes in (top, bottom):
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


@styled
def normalisation_figure(
    by_chip: pd.DataFrame,
    *,
    threshold: int = 5,
    title: str = "Level of samples over genes outside the score, by chip",
    width: Width = "double",
) -> Figure:
    """Draw the samples' levels by chip at each step of normalisation, as boxes on one scale.

    Parameters
    ----------
    by_chip : DataFrame
        step, chip, samples, low, q25, median, q75, high, as `normalisation_effect` gives it.
    threshold : int
        A chip with fewer samples is not drawn: its box would be its samples.
    """
    absent = [c for c in ("step", "chip", "samples", "low", "q25", "median", "q75", "high") if c not in by_chip.columns]
    if absent or by_chip.empty:
        raise UsageError("The normalisation figure needs levels by chip", found=f"no {', '.join(absent) or 'rows'}")
    steps = list(dict.fromkeys(by_chip["step"]))
    chips = list(dict.fromkeys(by_chip["chip"]))
    drawn = by_chip[by_chip["samples"] >= threshold]
    spread = drawn.groupby("step", sort=False)["median"].agg(lambda m: m.max() - m.min())
    alt = "Level of samples by chip; range of the chips' medians: " + "; ".join(
        f"{step} {spread[step]:.2f}" if step in spread.index else f"{step} not drawn" for step in steps
    )
    figure = new_figure(width, 30 * len(steps) + 22, alt=alt + ".")
    panels = figure.subplots(len(steps), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, step in zip(panels, steps, strict=True):
        own = drawn[drawn["step"] == step]
        boxes = [
            {"whislo": r.low, "q1": r.q25, "med": r.median, "q3": r.q75, "whishi": r.high, "fliers": []}
            for r in own[["low", "q25", "median", "q75", "high"]].itertuples(index=False)
        ]
        axes.axhline(0, color=GREY, lw=0.7, zorder=0)
        if boxes:
            axes.bxp(
                boxes,
                positions=[chips.index(c) for c in own["chip"]],
                widths=0.6,
                showfliers=False,
                patch_artist=True,
                boxprops={"facecolor": PALE, "edgecolor": INK, "lw": 0.6},
                medianprops={"color": COLOURS[1], "lw": 1.8},
                whiskerprops={"lw": 0.6},
                capprops={"lw": 0.6},
                manage_ticks=False,
            )
        axes.set_ylabel(f"{str(step).capitalize()}\n(cycles)")
        axes.yaxis.set_major_locator(MaxNLocator(5))
    panels[0].set_title(title)
    last = panels[-1]
    every = max(1, int(np.ceil(len(chips) / 24)))
    names = [str(c) for c in chips][::every]
    last.set_xticks(np.arange(len(chips))[::every], names, rotation=90 if max(map(len, names)) * len(names) > 90 else 0)
    last.set_xlim(-0.7, len(chips) - 0.3)
    few = len(chips) - drawn["chip"].nunique()
    note = f"; {few} with fewer than {threshold} samples not drawn" if few else ""
    last.set_xlabel(f"Chip (box: quartiles; whiskers: 10th and 90th centile{note})")
    return figure


@styled
def stability_figure(
    table: pd.DataFrame,
    pairwise_variation: pd.Series,
    *,
    maximum_m: float = 1.0,
    maximum_variation: float = 0.15,
    title: str = "Stability of reference genes",
    width: Width = "double",
) -> Figure:
    """Draw geNorm's M and NormFinder's value of every candidate, and the pairwise variation.

    Parameters
    ----------
    table : DataFrame, index gene, best first
        Columns m, stability, used, caution, as `choose_references` gives it.
    pairwise_variation : Series
        V(n/n+1), indexed "2/3", ...
    maximum_m, maximum_variation : float
        The plan's limits.
    """
    absent = [c for c in ("m", "stability", "used", "caution") if c not in table.columns]
    if absent or table["m"].isna().all():
        raise UsageError("The stability figure needs stability values", found=f"no {', '.join(absent) or 'value of M'}")
    alt = "geNorm M, best first: " + ", ".join(
        f"{g} {m:.2f}{'' if used else ' (not used)'}" for g, m, used in table[["m", "used"]].itertuples()
    )
    last = pairwise_variation.index[-1] if len(pairwise_variation) else None
    alt += f"; V({last}) {pairwise_variation.iloc[-1]:.2f}." if last else "."
    figure = new_figure(width, 14 + max(46, 6.5 * len(table)), alt=alt)
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    at = np.arange(len(table))
    used = table["used"].to_numpy(dtype=bool)
    for shown, face, label in ((used, COLOURS[0], "used"), (~used, "white", "not used")):
        if shown.any():
            left.plot(table["m"][shown], at[shown], "o", color=COLOURS[0], mfc=face, ms=5, label=f"M, {label}")
    left.plot(table["stability"], at, "|", color=COLOURS[1], ms=9, mew=1.6, label="NormFinder")
    left.axvline(maximum_m, color=GREY, lw=0.9, ls=(0, (5, 2)))
    left.text(maximum_m, -0.75, f"limit of M {maximum_m:g}  ", va="center", ha="right", fontsize=6.5, color=GREY)
    left.set_yticks(at, [f"{g} !" if c else str(g) for g, c in zip(table.index, table["caution"], strict=True)])
    left.set_ylim(len(table) - 0.5, -1.1)
    left.set_xlim(0, 1.08 * max(maximum_m, float(np.nanmax(table[["m", "stability"]].to_numpy()))))
    left.set_xlabel("Stability (log2; lower is more stable)" + ("\n! doubtful by its biology" if _any(table) else ""))
    left.set_title(title)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    v = pairwise_variation.to_numpy(dtype=float)
    bars = np.arange(len(v))
    right.bar(bars, v, 0.62, color=PALE, ec=INK, lw=0.6, hatch="///")
    right.axhline(maximum_variation, color=GREY, lw=0.9, ls=(0, (5, 2)))
    right.annotate(
        f"limit of V {maximum_variation:g}", (len(v) - 0.5, maximum_variation), (0, 1.5), textcoords="offset points",
        va="bottom", ha="right", fontsize=6.5, color=GREY,
    )  # fmt: skip
    right.set_xticks(bars, [str(i) for i in pairwise_variation.index])
    right.set_ylim(0, 1.15 * max(maximum_variation, *v, 0.0))
    right.set_xlabel("Genes n / n + 1")
    right.set_ylabel("Pairwise variation V\n(log2)")
    return figure


def _any(table: pd.DataFrame) -> bool:
    return bool(table["caution"].ne("").any())
